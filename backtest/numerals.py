"""Numbers as the report writes them: comma for decimals, a narrow space between thousands, a true minus.

The narrow space keeps a Portuguese and an English reader from taking 1.234 for two different numbers.
"""

import math

ABSENT = "–"
_NARROW_SPACE = "\u202f"
_MINUS = "\u2212"


def decimal(value: float | int | None, digits: int = 2) -> str:
    """Write a number with a fixed count of decimals; a dash where it is missing or not finite."""
    if value is None or not math.isfinite(value):
        return ABSENT
    text = f"{abs(value):,.{digits}f}".replace(",", _NARROW_SPACE).replace(".", ",")
    negative = value < 0 and any(c not in "0,\u202f" for c in text)
    return _MINUS + text if negative else text


def whole(value: float | int | None) -> str:
    """Write a count."""
    return decimal(value, 0)


def percent(value: float | None, digits: int = 1) -> str:
    """Write a fraction as a percentage."""
    text = decimal(None if value is None else value * 100.0, digits)
    return text if text == ABSENT else text + _NARROW_SPACE + "%"


def probability(value: float | None) -> str:
    """Write a probability with three decimals; one that is not certain never reads as 0 or 1."""
    text = decimal(value, 3)
    if text == "1,000" and value != 1.0:
        return "> 0,999"
    return "< 0,001" if text == "0,000" and value != 0.0 else text


def reais(value: float | None, digits: int = 2) -> str:
    """Write an amount of R$, with its sign before the currency."""
    text = decimal(value, digits)
    if text == ABSENT:
        return text
    sign = _MINUS if text.startswith(_MINUS) else ""
    return f"{sign}R$\u00a0{text.removeprefix(_MINUS)}"


def brief(value: float | int | None) -> str:
    """Write a number with at most four decimals and no trailing zeros; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return ABSENT
    text = decimal(value, 4).rstrip("0").rstrip(",")
    if text == "0" and value != 0:
        return f"> {_MINUS}0,0001" if value < 0 else "< 0,0001"
    return text
