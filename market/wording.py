"""How a message counts things."""


def count_of(number: int, thing: str) -> str:
    """Return a number and what it counts: 1 row, 1,200 rows."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
