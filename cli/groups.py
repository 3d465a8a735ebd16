"""A group of commands one of which may be left out: `pregao calendar` is `pregao calendar show`."""

from typing import Any

from typer.core import TyperGroup

from cli.output import DEFAULT


class ShowByDefault(TyperGroup):
    """Runs its command `show` where the command line names none."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command in front of the arguments unless there is one, or help is asked for."""
        named = bool(args) and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else [DEFAULT, *args])
