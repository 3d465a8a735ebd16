"""Groups of commands, one of which may be left out: `pregao calendar` is `pregao calendar show`."""

from collections.abc import Callable, Mapping
from typing import Any

import typer
from typer.core import TyperGroup

from cli.output import DEFAULT

Commands = Mapping[str, tuple[Callable[..., None], str]]  # by name: what it runs, and arguments as an example


class ShowByDefault(TyperGroup):
    """Runs its command `show` where the command line names none."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command in front of the arguments unless there is one, or help is asked for."""
        named = bool(args) and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else [DEFAULT, *args])


def add_group(app: typer.Typer, name: str, about: str, commands: Commands, cls: type[TyperGroup] = TyperGroup) -> None:
    """Add a group of commands; the example of the first is the group's as well."""
    examples = [f"Example: pregao {name} {word} {arguments}".rstrip() for word, (_, arguments) in commands.items()]
    group = typer.Typer(cls=cls, help=about, epilog=examples[0])
    for (word, (command, _)), example in zip(commands.items(), examples, strict=True):
        group.command(word, epilog=example)(command)
    app.add_typer(group, name=name)
