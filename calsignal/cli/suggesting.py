"""A group of commands that names the nearest where there is none of a name."""

from __future__ import annotations

import click


class Suggesting(click.Group):
    """A group whose errors help on."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if not args[0].startswith("-") and args[0] not in known and not ctx.resilient_parsing:
            from difflib import get_close_matches

            near = get_close_matches(args[0], known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"`{ctx.command_path} --help` lists them"
            raise click.UsageError(f"no command called {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)
