"""`completion`: how bash, zsh and fish complete commands, options, and the names that the store knows.

A shell starts the program for each press of Tab, so it has to be quick; and whatever goes wrong, it stays silent.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

from calsignal.cli.app import App
from calsignal.cli.options import emit
from calsignal.config import Settings
from calsignal.store import Store, open_store

VARIABLE = "_CALSIGNAL_COMPLETE"
_PATIENCE = 0.2  # seconds that a busy store is waited for


def _accounts(store: Store, _settings: Settings) -> Iterable[str]:
    return (account.name for account in store.accounts())


def _connections(store: Store, _settings: Settings) -> Iterable[str]:
    return (connection.name for connection in store.connections())


def _reps(store: Store, _settings: Settings) -> Iterable[str]:
    return sorted({connection.mailbox for connection in store.connections()})


def _teams(_store: Store, settings: Settings) -> Iterable[str]:
    return settings.teams


def _deals(store: Store, _settings: Settings) -> Iterable[str]:
    from datetime import UTC, datetime

    return (track.now.id for track in store.deals(datetime.now(UTC)))


def _places(_store: Store, settings: Settings) -> Iterable[str]:
    return settings.delivery.names


KNOWN: Mapping[tuple[str, ...], Callable[[Store, Settings], Iterable[str]]] = {
    ("account", "name"): _accounts,
    ("accounts", "remove", "name"): _accounts,
    ("accounts", "add", "owner"): _reps,
    ("audit", "rep"): _reps,
    ("audit", "team"): _teams,
    ("deals", "list", "ids"): _deals,
    ("deliver", "remove", "name"): _places,
    ("deliver", "test", "name"): _places,
    ("digest", "rep"): _reps,
    ("disconnect", "name"): _connections,
    ("reminders", "rep"): _reps,
    ("sync", "names"): _connections,
    ("sync", "accepted"): _connections,
}
"""Commands and a parameter of theirs: what the store, or the config, knows of it."""


class _FromStore(click.types.StringParamType):
    """A text that the store knows how to complete."""

    def __init__(self, values: Callable[[Store, Settings], Iterable[str]]) -> None:
        self.values = values

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        app = ctx.find_object(App) or App()
        app.config_given = ctx.find_root().params.get("config") or app.config_given
        begin = incomplete.casefold()
        with open_store(app.place, create=False, migrate=False, busy_seconds=_PATIENCE) as store:
            found = [value for value in self.values(store, app.settings) if value.casefold().startswith(begin)]
        return [CompletionItem(value) for value in found if value.isprintable()]


def know_the_store(command: click.Command, *path: str) -> None:
    """Let a command, and those below it, complete what the store knows."""
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            know_the_store(below, *path, name)
    for parameter in command.params:
        values = KNOWN.get((*path, parameter.name or ""))
        if values is not None:
            parameter.type = _FromStore(values)


# --- the shells -------------------------------------------------------------------------------------------------------


class _Silent(ShellComplete):
    """Says nothing in the middle of somebody's typing, whatever is wrong with config or store."""

    def complete(self) -> str:
        try:
            return super().complete()
        except Exception:  # noqa: BLE001  # a command that is run will tell it
            return ""


@add_completion_class
class _Bash(_Silent, BashComplete):
    """Quotes what it inserts, which click's does not, and knows that bash takes a word apart at a colon."""

    source_template = """\
%(complete_func)s() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        case "$line" in
            plain,*) COMPREPLY+=("${line#plain,}") ;;
            file,*) compopt -o default 2>/dev/null ;;
            dir,*) compopt -o dirnames 2>/dev/null ;;
        esac
    done < <(COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_CUR="$2" %(complete_var)s=bash_complete "$1" 2>/dev/null)
}

complete -o nosort -F %(complete_func)s %(prog_name)s 2>/dev/null || complete -F %(complete_func)s %(prog_name)s
"""

    def source(self) -> str:
        return ShellComplete.source(self)  # without asking bash for its version

    def get_completion_args(self) -> tuple[list[str], str]:
        *args, last = split_arg_string(os.environ["COMP_LINE"] + "x")[1:]  # the x makes a word after a blank
        return args, last[:-1]

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        quote = _open_quote(os.environ["COMP_LINE"])
        done = incomplete[: len(incomplete) - _typed(os.environ.get("COMP_CUR", ""), quote)]
        items = super().get_completions(args, incomplete)
        return [new for item in items if (new := _inserted(item, done, quote)) is not None]


def _typed(current: str, quote: str) -> int:
    """Return how many characters stand for the piece that bash will replace."""
    return len(current if quote else split_arg_string(current + "x")[-1][:-1])


def _inserted(item: CompletionItem[str], done: str, quote: str) -> CompletionItem[str] | None:
    """Return what bash is to put in the place of the piece: without what stands before it, and quoted."""
    if item.type != "plain":
        return item
    value = item.value
    if value.casefold().startswith(done.casefold()):
        value = value[len(done) :]
    quoted = _quoted(value, quote)
    return None if quoted is None else CompletionItem(quoted)


def _quoted(text: str, quote: str) -> str | None:
    """Return a text as it stands within these quotes, or without any; None where it cannot."""
    if quote == "'":
        return None if "'" in text else text
    if quote == '"':
        return None if "!" in text else re.sub(r'(["$`\\])', r"\\\1", text)
    return re.sub(r"([^\w@%+=:,./-])", r"\\\1", text)


def _open_quote(line: str) -> str:
    """Return the quote that a line ends within, or nothing."""
    quote, rest = "", iter(line)
    for character in rest:
        if character == "\\" and quote != "'":
            next(rest, "")
        elif character == quote:
            quote = ""
        elif not quote and character in "\"'":
            quote = character
    return quote


@add_completion_class
class _Zsh(_Silent, ZshComplete):
    """Zsh quotes by itself."""


@add_completion_class
class _Fish(_Silent, FishComplete):
    """Fish quotes by itself; a name may hold a comma, which click's script takes for the end of it."""

    source_template = FishComplete.source_template.replace('string split ","', 'string split -m 1 ","')


_SHELLS: Mapping[str, tuple[type[ShellComplete], str]] = {
    "bash": (
        _Bash,
        """\
# In ~/.bashrc: eval "$(calsignal completion bash)"
# or: calsignal completion bash > ~/.local/share/bash-completion/completions/calsignal""",
    ),
    "zsh": (
        _Zsh,
        """\
# In ~/.zshrc, after compinit: eval "$(calsignal completion zsh)"
# or: calsignal completion zsh > _calsignal in a folder of $fpath""",
    ),
    "fish": (_Fish, "# calsignal completion fish > ~/.config/fish/completions/calsignal.fish"),
}


@click.command()
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    r"""Print a script that lets your shell complete commands, accounts, connections, reps and deals.

    \b
      bash  in ~/.bashrc: eval "$(calsignal completion bash)"
      zsh   in ~/.zshrc, after compinit: eval "$(calsignal completion zsh)"
      fish  calsignal completion fish > ~/.config/fish/completions/calsignal.fish
    """
    made, how = _SHELLS[shell]
    first, _, rest = made(ctx.find_root().command, {}, "calsignal", VARIABLE).source().partition("\n")
    emit("\n".join([first, how, rest] if first.startswith("#compdef") else [how, first, rest]))
