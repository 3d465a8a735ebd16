"""The runner over recorded sessions: what it journals is what the backtest decides, and it trusts nothing unproved."""

import os
import shutil
import time
from collections.abc import Callable
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from backtest.replay import backtest
from backtest.result import BacktestResult
from features.monitor import VARIANCE, open_band
from live.recorder import Outcome
from live.replay import replay
from market.errors import BundleRefused, LakeError, NotEnoughData, SafetyRefusal, UnknownSymbol, UsageError
from market.home import Home
from market.instruments import FUTURES
from market.lake import Lake
from market.lake_manifest import Provenance
from market.stream import Feed
from market.synthetic import SyntheticMarket, split_kinds
from registry.bundle import load_bundle
from registry.installed import Named, newest_bundle
from registry.signing import public_key
from tests.commands import start_pregao
from tests.factories import MINUTE_NS
from tests.homes import MARKET, build_home, install_model
from trading.core import new_desk
from trading.journal import Kind, Record, read
from trading.paper import Trader, new_trader, run_session
from trading.policy import RiskLimits
from trading.records import DECISION, FILL, ORDER, OrderRole, RefusalReason

DAYS = MARKET.days()


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Home]:
    """A home per kind of feed; tests read them and journal elsewhere."""
    return {kind: build_home(tmp_path_factory.mktemp(kind), kind) for kind in ("events", "bars")}


@pytest.fixture(scope="module")
def journals(homes: dict[str, Home], tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Outcome, Path]]:
    """One replay of every session per kind of feed."""
    folder = tmp_path_factory.mktemp("journals")
    return {kind: (replay(homes[kind], Named(), folder / kind), folder / kind) for kind in homes}


@pytest.fixture
def bars_home(homes: dict[str, Home], tmp_path: Path) -> Home:
    """A copy of the home of bars, to be spoiled."""
    shutil.copytree(homes["bars"].root, tmp_path / "home")
    return Home(tmp_path / "home")


def bundle_of(home: Home) -> Path:
    return next(home.bundles.iterdir())


def backtest_of(home: Home, kind: str) -> BacktestResult:
    bundle = load_bundle(bundle_of(home), public_key(home.keys))

    def make_trader() -> Trader:
        return new_trader(bundle.schema, bundle.model, new_desk(RiskLimits(), FUTURES["WIN"]))

    return backtest(make_trader, Feed(Lake(home.lake), MARKET.symbol, MINUTE_NS, kind), DAYS)


def rows_of(records: list[Record], kind: Kind, dtype: np.dtype) -> np.ndarray:
    return np.concatenate([record.rows(dtype) for record in records if record.kind == kind])


@pytest.mark.parametrize("kind", ["events", "bars"])
def test_journal_holds_the_backtests_decisions_and_fills_bit_for_bit(
    homes: dict[str, Home], journals: dict[str, tuple[Outcome, Path]], kind: str
) -> None:
    done, path = journals[kind]
    expected, records = backtest_of(homes[kind], kind), read(path)
    assert expected.decisions["side"].any(), "nothing was decided, so nothing was compared"
    assert len(expected.fills) >= 10
    decisions = rows_of(records, Kind.DECISION, DECISION)
    assert decisions.tobytes() == expected.decisions.tobytes()
    assert rows_of(records, Kind.FILL, FILL).tobytes() == expected.fills.tobytes()
    assert done.decision_hash == expected.decision_hash == sha256(decisions.tobytes()).hexdigest()
    assert (done.decisions, done.fills) == (len(expected.decisions), len(expected.fills))
    assert (done.position, done.sessions) == (0, len(DAYS))
    assert done.net_reais == round(float(expected.equity[-1]), 2)


@pytest.mark.parametrize("kind", ["events", "bars"])
def test_orders_are_journalled_once_per_change_and_end_as_in_the_backtest(
    homes: dict[str, Home], journals: dict[str, tuple[Outcome, Path]], kind: str
) -> None:
    done, path = journals[kind]
    orders = rows_of(read(path), Kind.ORDER, ORDER)
    last: dict[int, bytes] = {}
    for order in orders:
        assert last.get(int(order["id"])) != order.tobytes(), "an order was written again without a change"
        last[int(order["id"])] = order.tobytes()
    assert done.orders == len(orders)
    assert b"".join(last[number] for number in sorted(last)) == backtest_of(homes[kind], kind).orders.tobytes()


@pytest.mark.parametrize("kind", ["events", "bars"])
def test_every_entry_is_journalled_with_its_bracket_before_its_fill(
    journals: dict[str, tuple[Outcome, Path]], kind: str
) -> None:
    known: dict[int, np.void] = {}
    for record in read(journals[kind][1]):
        if record.kind == Kind.ORDER:
            known |= {int(order["id"]): order for order in record.rows(ORDER)}
        if record.kind == Kind.FILL:
            for fill in record.rows(FILL):
                if fill["role"] == OrderRole.ENTRY:
                    entry = known[int(fill["order"])]
                    assert entry["stop_distance"] > 0
                    assert entry["target_distance"] > 0
    assert known


def test_inputs_unlike_training_are_journalled_once_a_session_and_stop_nothing(
    journals: dict[str, tuple[Outcome, Path]], bars_home: Home, tmp_path: Path
) -> None:
    """A model that in training never saw the return vary is told so; one whose bounds hold is not."""
    assert not [record for record in read(journals["bars"][1]) if record.kind == Kind.NOTE]
    band = open_band(2)
    band.high[VARIANCE, 0] = 0.0
    bundle = install_model(bars_home, "bars", band=band)
    done = replay(bars_home, Named((bundle,)), tmp_path / "journal")
    assert done.decision_hash == journals["bars"][0].decision_hash
    notes = [record.fields() for record in read(tmp_path / "journal") if record.kind == Kind.NOTE]
    assert [note["day"] for note in notes] == [day.isoformat() for day in DAYS]
    for note in notes:
        assert (note["alarm"], note["column"], note["statistic"]) == ("unusual input", "returns_1", "variance")
        assert note["value"] > 0.0
        assert note["band"] == "-inf to 0"


def test_session_that_lost_too_much_is_journalled(bars_home: Home, tmp_path: Path) -> None:
    """A cent is lost by the first fee: the account halts, and the note says why."""
    limits = RiskLimits(capital_reais=10_000.0, daily_loss_fraction=1e-6)
    replay(bars_home, Named(limits=limits), tmp_path / "journal")
    notes = [record.fields() for record in read(tmp_path / "journal") if record.kind == Kind.NOTE]
    assert {(note["alarm"], note["state"], note["reason"]) for note in notes} == {
        ("trading state", "HALTED", "DAILY_LOSS")
    }
    assert [note["day"] for note in notes] == [day.isoformat() for day in DAYS]


def test_blackout_window_of_the_lake_lets_nothing_in(bars_home: Home, tmp_path: Path) -> None:
    rows = "".join(f"{day},00:00,23:59,WIN,All day,test\n" for day in DAYS[1:])
    (bars_home.lake / "blackouts.csv").write_text(f"date,start,end,roots,reason,source\n{rows}", encoding="utf-8")
    replay(bars_home, Named(), tmp_path / "journal")
    records = read(tmp_path / "journal")
    assert RefusalReason.BLACKOUT in rows_of(records, Kind.DECISION, DECISION)["refusal"]
    fills = rows_of(records, Kind.FILL, FILL)
    assert {np.datetime64(int(ts), "ns").astype("datetime64[D]").astype(date) for ts in fills["ts_ns"]} == {DAYS[0]}


def test_position_open_when_the_data_end_is_closed_and_journalled(
    homes: dict[str, Home], journals: dict[str, tuple[Outcome, Path]], bars_home: Home
) -> None:
    """The recording stops just after an entry: the session's end closes it, and the journal must say so."""
    fills = rows_of(read(journals["bars"][1]), Kind.FILL, FILL)
    entry = fills[fills["role"] == OrderRole.ENTRY][-1]
    whole = Lake(homes["bars"].lake)
    shutil.rmtree(bars_home.lake)
    for partition in whole.partitions():
        bars = whole.read_bars(MARKET.symbol, date.fromisoformat(partition.session), 60)
        Lake(bars_home.lake).commit([(partition, bars[bars["ts_open_ns"] <= entry["ts_ns"]])])

    done = replay(bars_home, Named())
    expected = backtest_of(bars_home, "bars").fills
    assert (expected[-1]["role"], expected[-1]["decision"]) == (OrderRole.FLATTEN, entry["decision"])
    assert rows_of(read(Path(done.journal)), Kind.FILL, FILL).tobytes() == expected.tobytes()
    assert (done.position, done.fills) == (0, len(expected))


def test_each_session_opens_with_what_was_loaded(
    homes: dict[str, Home], journals: dict[str, tuple[Outcome, Path]]
) -> None:
    done, path = journals["events"]
    started = [record.fields() for record in read(path) if record.kind == Kind.SESSION]
    digest = bundle_of(homes["events"]).name
    assert started == [{"mode": "replay", "feed": "lake", "day": day.isoformat(), "bundle": digest} for day in DAYS]
    assert done.model_digest == digest


def test_span_limits_the_sessions_and_both_ends_count(homes: dict[str, Home], tmp_path: Path) -> None:
    request = Named(first=DAYS[1], last=DAYS[2])
    assert replay(homes["bars"], request, tmp_path / "journal").sessions == 2
    started = [record.fields()["day"] for record in read(tmp_path / "journal") if record.kind == Kind.SESSION]
    assert started == [day.isoformat() for day in DAYS[1:3]]


def test_journal_goes_into_the_home_where_none_is_named(bars_home: Home) -> None:
    done = replay(bars_home, Named(first=DAYS[-1]))
    assert Path(done.journal).parent == bars_home.journal
    assert len(read(Path(done.journal))) > 0


def test_contract_is_known_in_any_case_of_letters(homes: dict[str, Home], tmp_path: Path) -> None:
    request = Named(contracts=(" winq26 ",), first=DAYS[-1])
    assert replay(homes["bars"], request, tmp_path / "journal").contract == "WINQ26"


@pytest.mark.parametrize(
    ("request_", "error", "said"),
    [
        (Named(contracts=("PETR4",)), UnknownSymbol, "'PETR4'.*no such symbol"),
        (Named(contracts=("WDOQ26",)), UsageError, "WDOQ26: expected a series of WIN, .* found WDO"),
        (Named(contracts=("WINV26",)), NotEnoughData, "WINV26: expected recorded sessions .* found none"),
        (Named(first=date(2026, 7, 1)), NotEnoughData, "from 2026-07-01 to the last, found 2026-06-01 to 2026-06-05"),
        (Named(first=DAYS[2], last=DAYS[1]), NotEnoughData, "from 2026-06-03 to 2026-06-02"),
        (Named((Path("no-such-bundle"),)), BundleRefused, "no-such-bundle: expected a bundle folder, found none"),
    ],
)
def test_requests_that_cannot_be_met_say_what_is_there(
    homes: dict[str, Home], request_: Named, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        replay(homes["bars"], request_)
    assert not homes["bars"].journal.exists()


def test_home_without_a_bundle_says_how_to_get_one(home: Home) -> None:
    with pytest.raises(UsageError, match=r"expected an installed bundle, found none; run `pregao demo`"):
        newest_bundle(home)


def test_home_without_data_of_the_instrument_says_so(home: Home) -> None:
    install_model(home)
    with pytest.raises(NotEnoughData, match="expected trades of WIN, found none"):
        replay(home, Named())


@pytest.mark.parametrize("file", ["manifest.json", "model.npz", "golden.npz", "signature.json"])
def test_bundle_with_one_bit_altered_is_refused_and_nothing_is_journalled(bars_home: Home, file: str) -> None:
    path = bundle_of(bars_home) / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(BundleRefused):
        replay(bars_home, Named())
    assert not bars_home.journal.exists()


def test_bundle_of_another_homes_key_is_refused(bars_home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    theirs = install_model(other, "bars")
    with pytest.raises(BundleRefused, match=f"signature of {public_key(bars_home.keys).hex()}"):
        replay(bars_home, Named((theirs,)))


def test_bundle_without_a_signature_is_refused(bars_home: Home) -> None:
    (bundle_of(bars_home) / "signature.json").unlink()
    with pytest.raises(BundleRefused, match=r"signature\.json"):
        replay(bars_home, Named())


def test_bundle_installed_last_is_taken(bars_home: Home) -> None:
    first, second = bundle_of(bars_home), install_model(bars_home, "bars", upper=0.8)
    os.utime(first / "manifest.json", ns=(10, 10))
    os.utime(second / "manifest.json", ns=(20, 20))
    assert newest_bundle(bars_home) == second
    os.utime(first / "manifest.json", ns=(30, 30))
    assert newest_bundle(bars_home) == first


def test_series_with_the_newest_session_is_taken(bars_home: Home, tmp_path: Path) -> None:
    """An older contract, a newer one of another instrument and one of another bar length are all passed over."""
    lake, source = Lake(bars_home.lake), Provenance("test", "0" * 64, "test/1", True, "raw")
    bars = lake.read_bars(MARKET.symbol, DAYS[0], 60)
    later = DAYS[-1] + timedelta(days=3)
    lake.commit(
        [
            (lake.draft("bars", "WINM26", DAYS[0], source, 60), bars),
            (lake.draft("bars", "WDOQ26", later, source, 60), bars),
            (lake.draft("bars", "WINV26", later, source, 300), bars),
        ]
    )
    assert replay(bars_home, Named(first=DAYS[-1]), tmp_path / "journal").contract == MARKET.symbol


def contents(path: Path) -> list[tuple[Kind, bytes]]:
    return [(record.kind, record.payload) for record in read(path)]


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline, "never got there"
        time.sleep(0.001)


def test_journal_of_a_killed_runner_holds_whole_records_and_is_continued(
    homes: dict[str, Home], journals: dict[str, tuple[Outcome, Path]], tmp_path: Path
) -> None:
    path, whole = tmp_path / "journal", contents(journals["events"][1])
    runner = start_pregao(homes["events"], "live", "--mode", "replay", "--journal", str(path), "--json")
    wait_until(lambda: path.exists() and path.stat().st_size > 5_000)
    runner.kill()
    assert runner.communicate()[0] == "", "the runner had ended before it was killed"

    kept = contents(path)
    assert 0 < len(kept) < len(whole)
    assert kept == whole[: len(kept)]

    os.truncate(path, path.stat().st_size - 3)  # a power cut left the last record half written
    assert contents(path) == kept[:-1]
    replay(homes["events"], Named(), path)
    assert contents(path) == [*kept[:-1], *whole]


def test_damaged_journal_stops_the_runner_before_it_trades(
    homes: dict[str, Home], journals: dict[str, tuple[Outcome, Path]], tmp_path: Path
) -> None:
    data = bytearray(journals["bars"][1].read_bytes())
    data[len(data) // 2] ^= 1
    path = tmp_path / "journal"
    path.write_bytes(data)
    with pytest.raises(SafetyRefusal, match="the journal is damaged"):
        replay(homes["bars"], Named(), path)
    assert path.read_bytes() == data


def test_missing_partition_stops_the_runner_with_its_name(bars_home: Home) -> None:
    gone = next((bars_home.lake / "bars").rglob(f"{DAYS[1]}.parquet"))
    gone.unlink()
    with pytest.raises(LakeError, match=str(DAYS[1])):
        replay(bars_home, Named())


def test_draft_of_a_killed_install_is_no_bundle(bars_home: Home) -> None:
    whole = bundle_of(bars_home)
    shutil.copytree(whole, bars_home.bundles / ".aaaaaaaaaaaaaaaa.k3j2")
    assert newest_bundle(bars_home) == whole


def test_nothing_is_entered_in_the_last_session_of_a_contract(tmp_path: Path) -> None:
    """The same events trade under a contract that lives on, and only hold under the one that ends (b3.md §1.3)."""
    market = SyntheticMarket("WINQ26", first=date(2026, 6, 16), sessions=2, seed=11, trades_per_session=600)
    lake, source = Lake(tmp_path / "lake"), Provenance("test", "0" * 64, "test/1", True, "raw")
    for contract in ("WINM26", "WINQ26"):
        lake.commit(
            (lake.draft(kind, contract, day, source), part)
            for index, day in enumerate(market.days())
            for kind, part in split_kinds(market.session_events(index))
        )
    bundle = load_bundle(bundle_of(build_home(tmp_path / "home")), public_key(tmp_path / "home" / "state" / "keys"))
    found = {}
    for contract in ("WINM26", "WINQ26"):  # WINM26 ends on 2026-06-17
        trader = new_trader(bundle.schema, bundle.model, new_desk(RiskLimits(), FUTURES["WIN"]))
        found[contract] = run_session(trader, Feed(lake, contract, MINUTE_NS, "events"), date(2026, 6, 17))
    assert len(found["WINQ26"].fills) > 0
    assert len(found["WINM26"].fills) == 0
    assert set(found["WINM26"].decisions["side"]) == {0}
