"""What every HTML page of ours is made with: text is escaped, and a name that is not there is an error."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from backtest.messages import MESSAGES, bilingual
from backtest.numerals import whole


def page_environment(package: str = "backtest") -> Environment:
    """Return the environment of a package's templates; `t` is a message in both languages, `label` its Portuguese."""
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(t=bilingual, label=lambda key: MESSAGES[key].pt)
    environment.filters["whole"] = whole
    return environment
