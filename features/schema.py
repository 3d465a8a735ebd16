"""Which columns a model sees, in which order, under which parameters, and the hash of all that."""

import hashlib
import json
from dataclasses import dataclass

import numpy as np

from features.aliases import SAME_AT_ONE_MINUTE
from features.catalogue import CATALOGUE, Feature, Need, index_of
from features.clock import Decides
from features.layout import BOOK_MAX_AGE_NS
from features.sets import columns_of
from market.errors import BundleRefused, ConfigError

MINUTE_NS = 60_000_000_000


@dataclass(frozen=True)
class FeatureSchema:
    """The ordered columns of a row and the parameters they were computed with.

    Parameters
    ----------
    set_name : str
        The set it was built from; a label, not part of the hash.
    columns : tuple of str
        Catalogue names in row order.
    bar_ns : int
        Length of a bar of the clock; 0 where activity closes the bars.
    preload_sessions : int
        Sessions of the same contract replayed before each session.
    bar_trades, bar_contracts : int
        Trades or contracts with which a bar closes; 0 where something else closes it.
    decides : Decides
        What is a decision point, and so a row.
    book_max_age_ns : int
        How old quotes and levels may be for features to read them.
    """

    set_name: str
    columns: tuple[str, ...]
    bar_ns: int
    preload_sessions: int
    bar_trades: int = 0
    bar_contracts: int = 0
    decides: Decides = Decides.BAR
    book_max_age_ns: int = BOOK_MAX_AGE_NS

    def __post_init__(self) -> None:
        """Refuse unknown or repeated columns and impossible parameters."""
        known = {feature.name for feature in CATALOGUE}
        unknown = [name for name in self.columns if name not in known]
        if unknown:
            raise ConfigError(f"schema columns: expected catalogue names, found {unknown}; see `pregao features ls`")
        if not self.columns or len(set(self.columns)) != len(self.columns):
            raise ConfigError("schema columns: expected at least one and none twice; remove the repeated names")
        if self.preload_sessions < 0:
            raise ConfigError(f"schema: expected preload_sessions >= 0, found {self.preload_sessions}; correct it")
        if self.book_max_age_ns < 1:
            raise ConfigError(f"schema: expected book_max_age_ns >= 1, found {self.book_max_age_ns}; correct it")
        lengths = (self.bar_ns, self.bar_trades, self.bar_contracts)
        if min(lengths) < 0 or np.count_nonzero(lengths) != 1:
            raise ConfigError(
                f"schema: expected one length of a bar, in ns, trades or contracts, found {lengths}; name one"
            )

    @property
    def features(self) -> tuple[Feature, ...]:
        """The catalogue entries of the columns, in row order."""
        return tuple(CATALOGUE[index_of(name)] for name in self.columns)

    @property
    def hash(self) -> str:
        """SHA-256 (hex) over the columns, their definitions and the parameters."""
        content = {
            "columns": [_definition(feature) for feature in self.features],
            **self._parameters,
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    @property
    def _parameters(self) -> dict[str, int | str]:
        told: dict[str, int | str] = {"bar_ns": self.bar_ns, "preload_sessions": self.preload_sessions}
        if self.bar_ns == 0 or self.decides is not Decides.BAR:  # the default, bars of the clock, keeps its hash
            told |= {"bar_trades": self.bar_trades, "bar_contracts": self.bar_contracts, "decides": self.decides.name}
        if self.book_max_age_ns != BOOK_MAX_AGE_NS:
            told["book_max_age_ns"] = self.book_max_age_ns
        return told

    def to_json(self) -> str:
        """Return the schema as one JSON object, with its hash."""
        content = {
            "set_name": self.set_name,
            "columns": list(self.columns),
            **self._parameters,
            "hash": self.hash,
        }
        return json.dumps(content, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "FeatureSchema":
        """Read a schema back.

        Raises
        ------
        BundleRefused
            If the text is not a schema, or the catalogue of this code defines its columns otherwise.
        """
        try:
            content = json.loads(text)
            stored = str(content["hash"])
            schema = cls(
                str(content["set_name"]), tuple(map(str, content["columns"])), int(content["bar_ns"]),
                int(content["preload_sessions"]), int(content.get("bar_trades", 0)),
                int(content.get("bar_contracts", 0)), Decides[str(content.get("decides", Decides.BAR.name))],
                int(content.get("book_max_age_ns", BOOK_MAX_AGE_NS)),
            )  # fmt: skip
        except (ValueError, KeyError, TypeError, ConfigError) as error:
            raise BundleRefused(f"feature schema: expected columns and parameters, found {error!r}; rebuild") from error
        if schema.hash != stored:
            raise BundleRefused(
                f"feature schema: expected hash {schema.hash} of this catalogue, found {stored}; use the code "
                "the model was trained with, or retrain"
            )
        return schema


def build_schema(set_name: str, available: frozenset[Need], bar_ns: int, preload_sessions: int) -> FeatureSchema:
    """Return the schema of a set, without the columns whose needs the feed does not meet; no column twice.

    Raises
    ------
    ConfigError
        If the set is unknown or nothing of it is left.
    """
    columns = available_columns(set_name, available, at_minutes=bar_ns == MINUTE_NS)
    return FeatureSchema(set_name, columns, bar_ns, preload_sessions)


def available_columns(set_name: str, available: frozenset[Need], *, at_minutes: bool) -> tuple[str, ...]:
    """Return the columns of a set whose needs the feed meets, none twice.

    Parameters
    ----------
    set_name : str
        A named set.
    available : frozenset of Need
        What the feed gives.
    at_minutes : bool
        Whether rows are the closes of one-minute bars, where two names tell the same.
    """
    same = SAME_AT_ONE_MINUTE if at_minutes else {}
    names = dict.fromkeys(same.get(name, name) for name in columns_of(set_name))
    return tuple(name for name in names if CATALOGUE[index_of(name)].needs <= available)


def _definition(feature: Feature) -> list[object]:
    """The part of a feature that makes its values what they are."""
    return [
        feature.name, feature.formula, feature.window, feature.warm_up, str(feature.warm_unit), feature.zero_rule,
        sorted(feature.needs), *feature.unknown,
    ]  # fmt: skip
