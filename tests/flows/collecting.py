"""A vendor's export and the inbox it is put into, for the tests of collecting."""

import datetime as dt
from pathlib import Path

from market.home import Home

DAY = dt.date(2020, 4, 2)
HEADER = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\r\n"


def minutes(day: dt.date, count: int = 540) -> str:
    """Return MT5 minute bars of WDO from 09:00."""
    start = dt.datetime.combine(day, dt.time(9))
    moments = (start + dt.timedelta(minutes=k) for k in range(count))
    rows = (f"{m:%Y.%m.%d}\t{m:%H:%M:%S}\t5250.0\t5252.0\t5249.5\t5251.0\t30\t100\t5\r\n" for m in moments)
    return HEADER + "".join(rows)


def put(home: Home, name: str, text: str) -> Path:
    """Write a file into the inbox and return it."""
    path = home.inbox / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path
