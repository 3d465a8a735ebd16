"""What one contract costs per side, from a dated table (b3.md §7)."""

from dataclasses import dataclass
from datetime import date

from market.calendar import read_table
from market.errors import DataError


@dataclass(frozen=True)
class Costs:
    """Costs of one contract and one side, R$.

    Parameters
    ----------
    fee_reais : float
        Exchange fees, day trade, lowest volume band.
    brokerage_reais : float
        The broker's own charge.
    """

    fee_reais: float
    brokerage_reais: float

    @property
    def per_side(self) -> float:
        """R$ per contract and side."""
        return self.fee_reais + self.brokerage_reais


def costs(root: str, day: date) -> Costs:
    """Return the costs in force for a root on a day; raises DataError where the table has none."""
    rows = [
        row for row in read_table("costs.csv") if row["root"] == root and date.fromisoformat(row["first_day"]) <= day
    ]
    if not rows:
        raise DataError(f"{root} on {day}: expected costs, found none; add a row to market/tables/costs.csv")
    latest = max(rows, key=lambda row: row["first_day"])
    return Costs(float(latest["fee_reais"]), float(latest["brokerage_reais"]))
