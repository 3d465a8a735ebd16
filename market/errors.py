"""Every error the project raises on purpose.

PregaoError
├── UsageError             wrong use: the command ends with exit code 2
│   ├── NotAFile           a path that names no file that can be read
│   ├── UnknownSymbol      a symbol no instrument answers to
│   ├── ConfigError        a setting that is unknown, out of range or contradictory
│   └── LibraryRefused     a vendor's library that cannot be used as it stands
├── FileRefused            a file that cannot be read as market data, or contradicts what the lake holds: exit code 1
├── DataError              market data that contradicts itself or its calendar: exit code 1
│   ├── ValidationFailed   an expectation suite did not hold
│   └── NotEnoughData      too little history for what was asked
├── SafetyRefusal          refused for safety: exit code 3
│   ├── BundleRefused      a bundle that is altered, unsigned or of another schema
│   ├── GatesRefused       a gate record that is altered, unsigned, of another bundle, or says no
│   ├── SecondSession      the vendor's library already runs, and takes one login at a time
│   └── ProvenanceRefused  synthetic data where only real data may be used
├── LakeError              a partition that is missing, damaged or half written: exit code 1
└── BrokerError            the vendor's library refused a call or failed at it: exit code 1
    ├── LoginRefused       wrong password, expired key, no permission
    ├── NotConnected       what was asked needs a connection that is not there
    ├── NoAnswer           nothing came back in the time it should take
    └── RequestRefused     the request itself was refused; the same one would be refused again
"""

# What to do about a damaged file of the lake. What lies beside it is whole: nothing there is ever to be deleted.
RESTORE = "import its source again, or restore it from a backup or with `dvc pull`"


class PregaoError(Exception):
    """Something expected did not hold; the message says what, where, and what to do."""

    exit_code = 1


class UsageError(PregaoError):
    """The request itself is wrong."""

    exit_code = 2


# A file's first line may be long, and hold what moves the cursor.
_LONGEST_QUOTE = 500


class NotAFile(UsageError):
    """A path names no file that can be read; the parameters are those of FileRefused."""

    def __init__(self, path: str, expected: str, found: str, remedy: str) -> None:
        super().__init__(_sentence(path, expected, found, remedy))


class FileRefused(PregaoError):
    """A file cannot be read as market data, or contradicts what the lake holds.

    Parameters
    ----------
    path : str
        The file, as the user named it.
    expected, found : str
        What the reader needed and what stood there.
    remedy : str
        What the user can do.
    line : int, optional
        The line, counted from 1.
    """

    def __init__(self, path: str, expected: str, found: str, remedy: str, line: int | None = None) -> None:
        where = f"{path}, line {line}" if line is not None else path
        super().__init__(_sentence(where, expected, found, remedy))
        self.path, self.line = path, line


def _sentence(where: str, expected: str, found: str, remedy: str) -> str:
    return _printable(f"{where}: expected {_shortened(expected)}, found {_shortened(found)}; {remedy}")


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"


def _printable(text: str) -> str:
    """Return a text in one line, with escapes for what is no visible character."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class UnknownSymbol(UsageError):
    """No instrument answers to a symbol."""


class ConfigError(UsageError):
    """A setting is unknown, out of range or contradicts another."""


class LibraryRefused(UsageError):
    """A vendor's library is missing, of another system, too old, or lacks what is needed of it."""


class DataError(PregaoError):
    """Market data contradict themselves or their calendar."""


class ValidationFailed(DataError):
    """An expectation suite did not hold; the message names the rows."""


class NotEnoughData(DataError):
    """There is too little history for what was asked."""


class SafetyRefusal(PregaoError):
    """Refused for safety."""

    exit_code = 3


class BundleRefused(SafetyRefusal):
    """A bundle is altered, unsigned, or made for another feature schema."""


class GatesRefused(SafetyRefusal):
    """A gate record is altered, unsigned, of another bundle, or does not allow what was asked."""


class SecondSession(SafetyRefusal):
    """The vendor's library already runs: it takes one login per process and per key."""


class ProvenanceRefused(SafetyRefusal):
    """Synthetic data where only real data may be used."""


class LakeError(PregaoError):
    """A partition is missing, damaged or half written."""


class RegistryError(PregaoError):
    """The registry cannot do what was asked."""


class ServerUnavailable(RegistryError):
    """No tracking server answers, or the project's own did not start."""


class VersionMissing(RegistryError):
    """There is no such version or alias, or a version lacks a file it should have."""


class AliasMoved(RegistryError):
    """An alias is not where the caller last saw it."""


class RecordBroken(RegistryError):
    """The decision record was altered or damaged."""


class BrokerError(PregaoError):
    """The vendor's library refused a call or failed at it."""


class LoginRefused(BrokerError):
    """The vendor refused the login: password, key, licence or permission."""


class NotConnected(BrokerError):
    """What was asked needs a connection that is not there."""


class NoAnswer(BrokerError):
    """Nothing came back in the time it should take."""


class RequestRefused(BrokerError):
    """The request itself was refused; the same one would be refused again."""
