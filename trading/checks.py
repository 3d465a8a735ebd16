"""What settings are held against."""

import math

from market.errors import ConfigError


def require(holds: bool, key: str, expected: str, found: object) -> None:
    """Raise ConfigError unless a setting holds."""
    if not holds:
        raise ConfigError(f"{key}: expected {expected}, found {found}; correct this setting")


def positive(values: tuple[float, ...]) -> bool:
    """Tell whether all values are finite and above 0."""
    return all(math.isfinite(value) and value > 0 for value in values)


def shares(values: tuple[float, ...]) -> bool:
    """Tell whether all values lie in [0, 1]."""
    return all(0 <= value <= 1 for value in values)
