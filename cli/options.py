"""Options that belong together, given to a command as one value."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that takes, instead of its one dataclass parameter, each of the dataclass's fields by name."""
    taken = inspect.signature(command).parameters
    name = next(name for name, one in taken.items() if is_dataclass(one.annotation))
    group: Callable[..., Any] = taken[name].annotation
    fields = inspect.signature(group).parameters

    @functools.wraps(command)
    def called(**given: Any) -> None:
        values = {field: given.pop(field) for field in fields}
        command(**given, **{name: group(**values)})

    listed = [field for key, one in taken.items() for field in (fields.values() if key == name else (one,))]
    # What Typer reads a command's options from.
    vars(called).update(
        __signature__=inspect.Signature(listed), __annotations__={one.name: one.annotation for one in listed}
    )
    return called
