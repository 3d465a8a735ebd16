"""What a desk does wrong with credentials at hand; everything it meets is printed, the locals of its frames too."""

import logging
import traceback
from typing import Any

import structlog

from live.profitdll.accounts import contract
from live.profitdll.credentials import find_credentials
from live.profitdll.orders import Terms
from tests.contract.desk import Desk


def _show(error: BaseException) -> None:
    """Print an error as the most talkative of handlers would."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    print("".join(shown.format()), repr(error), error.args)  # noqa: T201


def locked_out(desk: Desk) -> Any:
    """Fail inside the initialisation, with every secret in the frames."""
    try:
        desk.login()
    except Exception as error:
        _show(error)
        return type(error).__name__
    return "connected"


def refused_requests(desk: Desk) -> Any:
    """Log in, trade, and show all that holds or held a secret."""
    connection, credentials = desk.connection, find_credentials(routing=True)
    desk.market.subscribe(desk.ticker)
    desk.reach("open")
    orders, kinds = desk.open_orders(), []
    desk.send(1, 1)
    requests = [
        lambda: orders.send(contract("WDOF40"), Terms(1, 1)),
        lambda: orders.change(desk.traded, 1, "nothing", Terms(1, 1, 9_990)),
        lambda: connection.library.call("DLLInitializeLogin", credentials.key, credentials.password),
    ]
    for request in requests:
        try:
            request()
        except Exception as error:
            _show(error)
            kinds.append(type(error).__name__)
    held = [vars(one) for one in (connection, orders, credentials, desk)]
    print(held, [vars(orders.prepare("TConnectorSendOrder", []))])  # noqa: T201
    logging.getLogger("desk").warning("%s %r", held, credentials)
    structlog.get_logger().warning("desk", credentials=credentials, orders=vars(orders), connection=vars(connection))
    return kinds


def crash(desk: Desk) -> Any:
    """Let a callback die of an access violation, with secrets in memory."""
    desk.reach("crash")
    return "alive"


OUT, IN = [locked_out], [refused_requests, crash]
