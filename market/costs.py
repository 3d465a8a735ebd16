"""What one contract costs per side, from a dated table (b3.md §7)."""

import math
from dataclasses import dataclass, field
from datetime import date

from market.calendar import read_table
from market.errors import ConfigError, DataError


@dataclass(frozen=True)
class CostParams:
    """What an account pays that the exchange's table cannot know: the `costs` section of params.yaml.

    Parameters
    ----------
    brokerage_reais : float
        The broker's own charge per contract and side, R$; 0 at several brokers where RLP is accepted.
    dollar_reais : float
        R$ per USD at which fees in USD are charged.
    contracts_per_day : int
        Contracts the account trades on an average day, both sides counted; fees fall with it.
    fees : mapping of str to float
        Per lot step and side, in the instrument's currency, by root: of declared instruments, which no table of ours
        has, and instead of the table's where another is paid.
    """

    brokerage_reais: float = 0.0
    dollar_reais: float = 5.40
    contracts_per_day: int = 20
    fees: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ConfigError for a value out of range."""
        for name, lowest in (("brokerage_reais", 0), ("dollar_reais", 1), ("contracts_per_day", 1)):
            found = getattr(self, name)
            if not (math.isfinite(found) and found >= lowest):
                raise ConfigError(f"{name}: expected at least {lowest}, found {found}; correct this setting")
        for root, fee in self.fees.items():
            if not (math.isfinite(fee) and fee >= 0):
                raise ConfigError(f"fees.{root}: expected at least 0, found {fee}; correct this setting")


@dataclass(frozen=True)
class Costs:
    """Costs of one contract and one side, R$.

    Parameters
    ----------
    fee_reais : float
        Exchange fees, day trade.
    brokerage_reais : float
        The broker's own charge.
    """

    fee_reais: float
    brokerage_reais: float

    @property
    def per_side(self) -> float:
        """R$ per contract and side."""
        return self.fee_reais + self.brokerage_reais


def costs(root: str, day: date, params: CostParams | None = None) -> Costs:
    """Return the costs in force for a root on a day.

    Fees fall at published volumes; between two of them the higher fee counts, so costs are never told too low.

    Raises
    ------
    DataError
        If neither the parameters nor the table have any for the root and day.
    """
    params = params or CostParams()
    if root in params.fees:
        return Costs(params.fees[root], params.brokerage_reais)
    rows = [r for r in read_table("costs.csv") if r["root"] == root and date.fromisoformat(r["first_day"]) <= day]
    if not rows:
        raise DataError(f"{root} on {day}: expected costs, found none; give costs.fees.{root} in params.yaml")
    newest = max(row["first_day"] for row in rows)
    bands = sorted(
        (int(row["contracts_per_day"]), row["fee"], row["currency"]) for row in rows if row["first_day"] == newest
    )
    reached = [band for band in bands if band[0] <= params.contracts_per_day]
    _, fee, currency = reached[-1] if reached else bands[0]
    rate = params.dollar_reais if currency == "USD" else 1.0
    return Costs(float(fee) * rate, params.brokerage_reais)
