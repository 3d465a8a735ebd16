"""Every code that a call may return, each to a typed error or an answer."""

import pytest

from live.profitdll.result import ANSWERS, ERRORS, NlCode, answer, value
from market.errors import BrokerError, LoginRefused, NotConnected, PregaoError, RequestRefused, SecondSession


@pytest.mark.parametrize("code", list(NlCode))
@pytest.mark.parametrize("width", [32, 64])
def test_every_code_is_an_error_or_an_answer(code: NlCode, width: int) -> None:
    if code is NlCode.OK:
        assert answer("f", 0) == 0
    elif code in ANSWERS:
        assert answer("f", int(code)) is code
        with pytest.raises(BrokerError, match=f"NL_{code.name}"):
            value("f", int(code))
    else:
        returned = int(code) if width == 64 else int(code) + (1 << 32)  # a long result that lost its sign
        with pytest.raises(ERRORS[code][0], match=rf"^SendOrder: expected success, found .*NL_{code.name}\); \w"):
            answer("SendOrder", returned)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("INTERNAL_ERROR", SecondSession), ("NO_LICENSE", LoginRefused), ("NOT_INITIALIZED", NotConnected),
        ("INVALID_ARGS", RequestRefused), ("MARKET_ONLY", NotConnected), ("INVALID_TICKER", RequestRefused),
        ("BROKER_NOT_ALLOWED", LoginRefused), ("HISTORY_PERIOD_LIMIT", RequestRefused),
    ],
)  # fmt: skip
def test_what_a_user_meets_has_its_own_type(code: str, error: type[PregaoError]) -> None:
    with pytest.raises(error):
        answer("f", NlCode[code])


@pytest.mark.parametrize("returned", [1, 4_000_000_001, 1 << 40])
def test_counts_and_ids_are_values(returned: int) -> None:
    assert value("SendOrder", returned) == returned


def test_code_that_nobody_knows_is_told() -> None:
    with pytest.raises(BrokerError, match="found -5;"):
        answer("f", -5)
