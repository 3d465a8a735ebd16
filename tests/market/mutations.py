"""What can happen to a file between a vendor and us: seeded damage to its bytes, its lines and its cells."""

import gzip
import random
from collections.abc import Callable

from tests.market.importer_samples import zipped

NUMBERS = [
    *b"0 -1 -0.0 NaN nan inf -Infinity 1e400 -1e308 1e-320 2147483648 9223372036854775808 9999999999999999999".split(),
    *b"0.00001 5250.123 5.250,00 1,5 1.5 +5 5. .5 0x10 1_000 1e5 00000001".split(),
    *(b"", b" ", b"5 250", "٥".encode(), "５".encode(), b"9" * 5_000, b"5250.0" + b"0" * 300),
]
DATES = (
    b"2020.02.30 2020-02-30 30/02/2020 0001.01.01 0001-01-01 01/01/0001 9999.12.31 9999-12-31 31/12/9999 1900.01.01 "
    b"2020.04.04 2020-04-05 04/04/2020 2018.11.04 2018-11-04 04/11/2018 2019.02.17 2019-02-17 17/02/2019 2004.10.18 "
    b"2604.10.18 1435.09.16 2120.04.02 2035.04.02 02/04/20 2020.4.2 2013.01.01 2027.12.31 2028-01-03 1969.12.31 "
    b"24:00:00 23:59:60 00:00:00 12:00 9:00 09:00:00.1234567890 -1:00 99999999999999 253402300799"
).split()
WORDS = [
    b"WDOK20", b"WINM99", b"WDOZ27", b"WDOF28", b"PETR4", b"EURUSD", b"BTCUSDT", b"WDO$", b"WDOFUT", b"wdok20",
    b"Direto", b"null", b"true", b"[[[[", b"{}", b'"', b"'", b"\\", b"\x1b[31m", "Ünïcödé\u2028".encode(), b"=1+1",
]  # fmt: skip
BYTES = [
    b"\0", b"\r", b"\n", b"\r\n", b"\n\n\n", b"\x0b",
    b"\x0c", b"\x1a", b"\x1c", b"\t", b";", b",", b".", b'"', b" ", b"-",
    b"<", b"&", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\x85", b"\xc2\xa0", b"\xef\xbb\xbf", b"\xff\xfe",
]  # fmt: skip
LARGEST = 1 << 18
MARKS = (b"\t", b";", b",", b"|", b" ")


def mutate(random_: random.Random, data: bytes, other: bytes) -> bytes:
    """Return a file with one to four things wrong with it; `other` is a file of another kind."""
    for _ in range(random_.choice((1, 1, 1, 2, 2, 4))):
        data = random_.choice(_DAMAGES)(random_, data, other)[:LARGEST]
    return data


def _span(random_: random.Random, data: bytes) -> tuple[int, int]:
    start = random_.randrange(len(data) + 1)
    return start, min(len(data), start + random_.choice((1, 1, 2, 8, 64, 1024)))


def _flip(random_: random.Random, data: bytes, _: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(random_.choice((1, 1, 4))):
        if out:
            out[random_.randrange(len(out))] ^= 1 << random_.randrange(8)
    return bytes(out)


def _delete(random_: random.Random, data: bytes, _: bytes) -> bytes:
    start, end = _span(random_, data)
    return data[:start] + data[end:]


def _repeat(random_: random.Random, data: bytes, _: bytes) -> bytes:
    start, end = _span(random_, data)
    return data[:end] + data[start:end] * random_.choice((1, 1, 3, 50)) + data[end:]


def _insert(random_: random.Random, data: bytes, _: bytes) -> bytes:
    start, _end = _span(random_, data)
    return data[:start] + random_.choice(BYTES + WORDS + NUMBERS) + data[start:]


def _truncate(random_: random.Random, data: bytes, _: bytes) -> bytes:
    return data[: random_.randrange(len(data) + 1)]


def _splice(random_: random.Random, data: bytes, other: bytes) -> bytes:
    return data[: random_.randrange(len(data) + 1)] + other[random_.randrange(len(other) + 1) :]


def _swap_marks(random_: random.Random, data: bytes, _: bytes) -> bytes:
    first, second = random_.sample(MARKS, 2)
    return data.replace(first, second)


def _swap_decimals(random_: random.Random, data: bytes, _: bytes) -> bytes:
    return data.replace(b".", b"\1").replace(b",", b".").replace(b"\1", b",")


def _line_ends(random_: random.Random, data: bytes, _: bytes) -> bytes:
    end = random_.choice((b"\r", b"\n\r", b"\r\r\n", b"\n\n", b"", b"\x85", "\u2028".encode()))
    return data.replace(b"\r\n", b"\n").replace(b"\n", end)


def _mark_first(random_: random.Random, data: bytes, _: bytes) -> bytes:
    return (
        random_.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0", b"\n\n", b" ", b"\x1f\x8b")) + data
    )


def _encode(random_: random.Random, data: bytes, _: bytes) -> bytes:
    told = data.decode("latin-1")
    return told.encode(random_.choice(("utf-16", "utf-16-be", "utf-32", "utf-8-sig", "utf-7")))


def _pack(random_: random.Random, data: bytes, other: bytes) -> bytes:
    packed = random_.choice((gzip.compress(data, 1), zipped({"a.csv": data}), zipped({"a": data, "b": other})))
    return _flip(random_, packed, other) if random_.random() < 0.5 else packed


def _reorder(random_: random.Random, data: bytes, _: bytes) -> bytes:
    lines = data.split(b"\n")
    first, second = random_.randrange(len(lines)), random_.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]
    return b"\n".join(lines)


def _long_line(random_: random.Random, data: bytes, _: bytes) -> bytes:
    lines = data.split(b"\n")
    lines[random_.randrange(len(lines))] *= random_.choice((2, 30, 1000))
    return b"\n".join(lines)


def _cell(random_: random.Random, data: bytes, _: bytes) -> bytes:
    """Put another value into one cell, or into one column."""
    lines = data.split(b"\n")
    mark = max(MARKS[:3], key=data.count)
    at = random_.randrange(len(lines))
    column = random_.randrange(lines[at].count(mark) + 1)
    value = random_.choice((NUMBERS, DATES, WORDS))
    whole = random_.random() < 0.1
    for k in range(len(lines)) if whole else (at,):
        cells = lines[k].split(mark)
        if column < len(cells):
            cells[column] = random_.choice(value)
            lines[k] = mark.join(cells)
    return b"\n".join(lines)


def _columns(random_: random.Random, data: bytes, _: bytes) -> bytes:
    """Drop, double or empty a column, or give it another's heading."""
    mark = max(MARKS[:3], key=data.count)
    rows = [line.split(mark) for line in data.split(b"\n")]
    column, other = random_.randrange(len(rows[0])), random_.randrange(len(rows[0]))
    what = random_.randrange(4)
    if what == 3:
        rows[0][column] = rows[0][other]
    for cells in rows if what < 3 else ():
        if column < len(cells):
            cells[column : column + 1] = ([], [cells[column]] * 2, [b""])[what]
    return b"\n".join(mark.join(cells) for cells in rows)


def _shift_years(random_: random.Random, data: bytes, _: bytes) -> bytes:
    year = random_.choice((b"1120", b"1920", b"2012", b"2019", b"2021", b"2028", b"2120", b"2604", b"0020"))
    return data.replace(b"2020", year).replace(b"2025", year).replace(b"2026", year)


def _shift_days(random_: random.Random, data: bytes, _: bytes) -> bytes:
    """Move the whole file to a night on which a clock is changed, or to a weekend."""
    year, month, day = (
        random_.choice(("2018 11 04", "2019 02 16", "2019 02 17", "2018 03 25", "2020 04 05")).encode().split()
    )
    moved = data
    for old in (b"2020 04 02", b"2025 08 29", b"2026 07 13", b"2025 08 11"):
        y, m, d = old.split()
        for mark in b"./-":
            moved = moved.replace(bytes([mark]).join((y, m, d)), bytes([mark]).join((year, month, day)))
            moved = moved.replace(bytes([mark]).join((d, m, y)), bytes([mark]).join((day, month, year)))
    return moved


Damage = Callable[[random.Random, bytes, bytes], bytes]
_DAMAGES: tuple[Damage, ...] = (
    _flip, _delete, _repeat, _insert, _insert, _truncate, _splice, _swap_marks, _swap_decimals, _line_ends, _mark_first,
    _encode, _pack, _reorder, _long_line, _cell, _cell, _cell, _cell, _columns, _shift_years, _shift_days,
)  # fmt: skip
