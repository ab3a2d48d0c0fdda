"""`accounts`: which companies we sell to, and who belongs to them."""

from __future__ import annotations

from pathlib import Path

import click

from calsignal.cli.accounts_file import (
    TYPES,
    Outcome,
    check_address,
    check_address_of,
    check_domain_of,
    check_name,
    check_owner,
    check_type,
    read_accounts,
)
from calsignal.cli.app import App, nearest
from calsignal.cli.forget import refuse_forgotten
from calsignal.cli.options import (
    as_of_option,
    emit,
    format_option,
    note,
    output_option,
    pass_app,
    read_file,
    say,
    screen,
    show_help_alone,
)
from calsignal.cli.suggesting import Suggesting
from calsignal.errors import InputError
from calsignal.ledger import person_key
from calsignal.model import Account

_AT_ONCE = "every figure counts it from now on; names and subjects come with the next `calsignal sync`"


@click.group(cls=Suggesting, invoke_without_command=True)
@click.pass_context
def accounts(ctx: click.Context) -> None:
    """Say which companies you sell to. A buyer is whoever has an address at one of their domains."""
    show_help_alone(ctx)


@accounts.command()
@click.argument("name")
@click.argument("domains", nargs=-1, metavar="DOMAIN...")
@click.option("--type", "kind", type=click.Choice(TYPES), default=TYPES[0], show_default=True, help="What it is to us.")
@click.option("--owner", metavar="EMAIL", help="Who of the team owns it.")
@click.option("--address", "addresses", multiple=True, metavar="EMAIL", help="A buyer at another domain; repeatable.")
@click.option("--key-player", "key_players", multiple=True, metavar="EMAIL", help="Somebody to win; repeatable.")
@pass_app
def add(
    app: App,
    name: str,
    domains: tuple[str, ...],
    kind: str,
    owner: str | None,
    addresses: tuple[str, ...],
    key_players: tuple[str, ...],
) -> None:
    """Add an account with its domains."""
    team = app.settings.team
    account = Account(
        name=check_name(name),
        domains=tuple(dict.fromkeys(check_domain_of(team, domain) for domain in domains)),
        type=check_type(kind),
        owner=check_owner(team, owner) if owner else None,
        addresses={(who := check_address_of(team, text)): _person(app, who) for text in addresses},
        key_players={(who := check_address(text)): _person(app, who) for text in key_players},
    )
    if not (account.domains or account.addresses):
        raise InputError("an account needs a domain or an address", f"as in: calsignal accounts add {name!r} DOMAIN")
    refuse_forgotten(app, _named_in(account))
    app.store(create=True).add_account(account)
    emit(f"added {account.name}")
    note(_AT_ONCE)


def _named_in(account: Account) -> list[str]:
    owner = [account.owner] if account.owner else []
    return [*account.domains, *account.addresses, *account.key_players, *owner]


def _person(app: App, address: str) -> str:
    return person_key(app.address_key(), address)


@accounts.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.pass_context
def import_(ctx: click.Context, file: Path) -> None:
    """Add or update accounts from a CSV FILE with the columns name, domain, type, owner, address and key_player.

    Only name and domain (or address) are needed. Several domains in one cell stand apart by a blank or a semicolon; an
    account may have several rows.
    """
    from calsignal.team import forget_strangers

    app = ctx.ensure_object(App)
    content = read_file(file)
    store = app.store(create=True)
    outcome = read_accounts(content, store.accounts(), app.settings.team, lambda who: _person(app, who))
    refuse_forgotten(app, [word for one in (*outcome.added, *outcome.changed) for word in _named_in(one)])
    store.save_accounts([*outcome.added, *outcome.changed])
    if outcome.changed:
        forget_strangers(store, app.settings)
    _tell(outcome)
    ctx.exit(1 if outcome.problems else 0)


def _tell(outcome: Outcome) -> None:
    for line, fact in outcome.problems:
        say(f"line {line}: {fact}")
    if outcome.ignored:
        note(f"columns that mean nothing here: {', '.join(outcome.ignored)}")
    counts = {
        "added": outcome.added,
        "changed": outcome.changed,
        "unchanged": outcome.unchanged,
        "refused": outcome.problems,
    }
    emit(", ".join(f"{len(rows)} {word}" for word, rows in counts.items() if rows or word != "refused"))
    if outcome.added or outcome.changed:
        note(_AT_ONCE)


@accounts.command("list")
@format_option("text", "json")
@output_option
@pass_app
def list_(app: App, form: str, output: Path | None) -> None:
    """Show the accounts with their domains and people."""
    from calsignal.reports.jsonform import accounts_json, to_json
    from calsignal.reports.tables import accounts_text

    found = app.store().accounts()
    text = to_json(accounts_json(found)) if form == "json" else accounts_text(found, **screen(app, output))
    emit(text, output)


@accounts.command()
@click.argument("name")
@pass_app
def remove(app: App, name: str) -> None:
    """Remove an account; times and answers stay, its people's addresses and the subjects are taken back."""
    from calsignal.team import forget_strangers

    known = known_account(name, [account.name for account in app.store().accounts()])
    app.store().remove_account(known)
    forget_strangers(app.store(), app.settings)
    emit(f"removed {known}")


def known_account(name: str, known: list[str]) -> str:
    """Return the account of that name, whatever its case. Raises `InputError` with the nearest one."""
    found = next((one for one in known if one.casefold() == name.casefold()), None)
    if found is None:
        hint = nearest(name, known) or "`calsignal accounts list` shows them"
        raise InputError(f"no account called {name!r}", hint)
    return found


@accounts.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many at most.")
@as_of_option
@format_option("text", "json")
@output_option
@pass_app
def suggest(app: App, limit: int, as_of: str | None, form: str, output: Path | None) -> None:
    """List unmatched domains that meet you, by meetings and hours."""
    from calsignal.analysis import suggestions
    from calsignal.reports.jsonform import suggestions_json, to_json
    from calsignal.reports.tables import suggestions_text

    found = suggestions(app.store(), app.settings, app.as_of(as_of), limit)
    text = to_json(suggestions_json(found)) if form == "json" else suggestions_text(found, **screen(app, output))
    emit(text, output)
