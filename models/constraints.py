"""What is known beforehand of single columns: which way they point, and which of them may act together."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from market.errors import ConfigError


class Constraints(NamedTuple):
    """Constraints by place of the column, as the libraries take them."""

    signs: tuple[int, ...]  # one per column: 1 rising, -1 falling, 0 free
    groups: tuple[tuple[int, ...], ...]  # of columns that may stand on one branch; none: any may


@dataclass(frozen=True)
class ConstraintParams:
    """Constraints by name; empty leaves the learners free.

    Parameters
    ----------
    monotone : mapping of str to int
        1 where P(up) may only rise with the column, -1 where it may only fall. Held by all three learners.
    interactions : tuple of tuple of str
        Columns that may be split on along one branch of a tree; a column that is in no group acts alone. Held by the
        two boosters: scikit-learn's forest knows no such constraint.
    """

    monotone: Mapping[str, int] = field(default_factory=dict)
    interactions: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        """Raise ConfigError for a direction that is none."""
        for name, sign in self.monotone.items():
            if sign not in (1, -1):
                raise ConfigError(
                    f"learners.constraints.monotone: expected 1 or -1, found {sign} for {name}; correct params.yaml"
                )

    def resolve(self, columns: Sequence[str]) -> Constraints:
        """Return the constraints on columns in this order.

        Raises
        ------
        ConfigError
            A name that is no column of the model.
        """
        place = {name: index for index, name in enumerate(columns)}
        for name in [*self.monotone, *(name for group in self.interactions for name in group)]:
            if name not in place:
                near = difflib.get_close_matches(name, columns, n=1)
                hint = f"did you mean '{near[0]}'?" if near else "see `pregao features ls`"
                raise ConfigError(f"learners.constraints: expected columns of the model, found '{name}'; {hint}")
        groups = [tuple(place[name] for name in group) for group in self.interactions]
        grouped = {index for group in groups for index in group}
        alone = [(index,) for index in range(len(columns)) if groups and index not in grouped]
        return Constraints(tuple(self.monotone.get(name, 0) for name in columns), (*groups, *alone))
