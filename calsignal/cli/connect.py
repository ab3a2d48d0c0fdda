"""`connect`, built from what the installed providers declare; `connections`; `disconnect`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calsignal.cli.app import App, nearest
from calsignal.cli.options import (
    as_of_option,
    ask_secret,
    asking,
    emit,
    format_option,
    note,
    output_option,
    pass_app,
    say,
    screen,
    show_help_alone,
)
from calsignal.contract import Authorised, ConnectRequest, Option, Provider
from calsignal.errors import InputError

if TYPE_CHECKING:
    from calsignal.store import Connection


class Providers(click.Group):
    """One command for each installed provider."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(ctx.ensure_object(App).registry.names())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        return _command(cmd_name, ctx.ensure_object(App).registry.get(cmd_name))


@click.group(cls=Providers, invoke_without_command=True)
@click.pass_context
def connect(ctx: click.Context) -> None:
    """Authorise a calendar once, read-only. It is remembered until `disconnect`."""
    show_help_alone(ctx)


def _command(name: str, provider: Provider) -> click.Command:
    """Build the command of one provider from the options it declares."""
    notes = "\n".join(f"  {_metavar(option)}  {option.help}" for option in provider.options if option.argument)
    return click.Command(
        name,
        params=[_parameter(option) for option in provider.options],
        callback=click.pass_context(partial(_connect, name)),
        help=f"Connect {provider.about}: authorise it once, read-only." + (f"\n\n\b\n{notes}" if notes else ""),
        short_help=f"Connect {provider.about}.",
    )


def _metavar(option: Option) -> str:
    return option.name.upper()


def _parameter(option: Option) -> click.Parameter:
    if option.argument:
        many = -1 if option.multiple else 1
        return click.Argument([option.name], required=option.required, nargs=many, metavar=_metavar(option))
    flag = f"--{option.name.replace('_', '-')}"
    return click.Option(
        [flag, option.name], help=option.help, required=option.required, is_flag=option.flag, multiple=option.multiple
    )


def _connect(name: str, ctx: click.Context, /, **options: object) -> None:
    app = ctx.ensure_object(App)
    settings = app.settings
    refused: list[str] = []

    def tell_refusal(reason: str) -> None:
        say(reason)
        refused.append(reason)

    request = ConnectRequest(
        options={key: None if value == () else value for key, value in options.items()},
        config=settings.providers.get(name, {}),
        ask_secret=ask_secret,
        tell=say,
        retry=app.retry,
        refused=tell_refusal,
        allow_private_addresses=settings.privacy.private_addresses,
        read_text=settings.privacy.link_text,
    )
    found = app.registry.get(name).connect(request)
    _remember(app, name, found)
    if found:
        note("next: `calsignal sync` reads it" if len(found) == 1 else "next: `calsignal sync` reads them")
    ctx.exit(1 if refused else 0)


def _remember(app: App, provider: str, found: Sequence[Authorised]) -> None:
    """Keep what was authorised, all or nothing. Secrets go first: without one a row is only a problem."""
    from calsignal.directory import normalise
    from calsignal.vault import connection_secret

    found = _without_forgotten(app, found)
    mailboxes = {authorised.name: normalise(authorised.mailbox) for authorised in found}
    known = {connection.name: connection for connection in app.store(create=True).connections()}
    for authorised in found:
        _refuse_name(known.get(authorised.name), provider, authorised)
        _refuse_another(known.get(authorised.name), authorised, mailboxes[authorised.name])
    _warn_strangers(app, mailboxes.values())
    named = {connection_secret(authorised.name, authorised.shares): authorised.secret for authorised in found}
    for name, secret in named.items():
        if secret is not None:
            app.vault.set(name, secret)
    for authorised in found:
        app.store().connect(
            authorised.name,
            provider,
            mailboxes[authorised.name],
            authorised.settings,
            app.now,
            place=authorised.place,
            shares=authorised.shares,
            roster=authorised.roster,
        )
        emit(f"connected {authorised.name} ({mailboxes[authorised.name]})")
    _forget_secrets(app, [known[a.name] for a in found if a.name in known], keep=[n for n, s in named.items() if s])
    for roster in sorted({authorised.roster for authorised in found if authorised.roster}):
        _drop_who_left(app, provider, roster, mailboxes.keys())


def _without_forgotten(app: App, found: Sequence[Authorised]) -> Sequence[Authorised]:
    """Leave out the mailboxes of people who are to stay forgotten, and say so; one alone is refused."""
    from calsignal.cli.forget import bans_of, refuse_forgotten

    bans = bans_of(app)
    kept = [authorised for authorised in found if bans.word(authorised.mailbox) is None]
    if not kept:
        refuse_forgotten(app, [authorised.mailbox for authorised in found])
    if len(kept) < len(found):
        say(f"not connected, since they were forgotten: {len(found) - len(kept)} of {len(found)}")
    return kept


def _refuse_name(known: Connection | None, provider: str, authorised: Authorised) -> None:
    if not authorised.name.isprintable():
        raise InputError("the name of the connection has characters that cannot be seen", "name it otherwise")
    if known and known.provider != provider:
        fact = f"there is already a connection called {known.name}, of {known.provider}"
        raise InputError(fact, f"name this one otherwise, or run calsignal disconnect --erase {known.name!r} first")


def _refuse_another(known: Connection | None, authorised: Authorised, mailbox: str) -> None:
    """Refuse to put another calendar in the place of one that is read: the meetings of the first would all be gone."""
    if known is None or known.retired_at or (known.mailbox, known.place) == (mailbox, authorised.place):
        return
    raise InputError(
        f"{known.name} reads another calendar already",
        f"add this one beside it with --name WORD, or run calsignal disconnect {known.name} first",
    )


def _drop_who_left(app: App, provider: str, roster: str, present: Collection[str]) -> None:
    """Disconnect who came with an earlier form of a list and is not on it any more."""
    active = [c for c in app.store().connections() if c.retired_at is None]
    left = [c for c in active if (c.provider, c.roster) == (provider, roster) and c.name not in present]
    for connection in left:
        app.store().retire(connection.name, app.now)
        emit(f"disconnected {connection.name}: not on the list any more; its history stays")
    _forget_secrets(app, left)


def _forget_secrets(app: App, had: Iterable[Connection], keep: Collection[str] = ()) -> None:
    """Forget the secrets that connections had, but those to `keep` and those that a connection which is read shares."""
    from calsignal.cli.leaving import shared_secrets
    from calsignal.vault import connection_secret

    for name in sorted({connection_secret(c.name, c.shares) for c in had} - {*keep, *shared_secrets(app)}):
        app.vault.delete(name)


def _warn_strangers(app: App, mailboxes: Iterable[str]) -> None:
    from calsignal.directory import Directory

    team = Directory(frozenset(app.settings.team.domains), aliases=app.settings.team.aliases)
    strange = {d for m in mailboxes if not team.is_seller(d := m.rpartition("@")[2], m)}
    for domain in sorted(strange):
        note(f"note: {domain} is none of the team's domains; they stand in {app.config_path}")


@click.command()
@as_of_option
@format_option("text", "json")
@output_option
@pass_app
def connections(app: App, as_of: str | None, form: str, output: Path | None) -> None:
    """Show what is connected, and what is wrong. Tells how fresh each calendar is."""
    from calsignal.analysis import STALE_AFTER
    from calsignal.reports.jsonform import connections_json, to_json
    from calsignal.reports.tables import connections_text

    moment, zone = app.as_of(as_of), app.settings.team.timezone
    states = app.store().connection_states(moment, STALE_AFTER)
    if form == "json":
        text = to_json(connections_json(states, now=moment, zone=zone))
    else:
        text = connections_text(states, now=moment, zone=zone, **screen(app, output))
    emit(text, output)


@click.command()
@click.argument("name")
@click.option("--erase", is_flag=True, help="Remove everything that it told, too.")
@click.option("--yes", is_flag=True, help="Do not ask before erasing.")
@click.pass_context
def disconnect(ctx: click.Context, name: str, erase: bool, yes: bool) -> None:
    """Read a connection no more. Its sign-in is revoked, its secret forgotten, its history stays.

    Where the service cannot be asked to revoke, that is told, and the exit code is 1.
    """
    from calsignal.cli.leaving import end_sign_ins
    from calsignal.reports.words import plural

    app = ctx.ensure_object(App)
    store = app.store()
    by_name = {connection.name: connection for connection in store.connections()}
    chosen = known_connection(name, list(by_name))
    question = f"Remove {chosen} and everything that it told, history included?"
    if erase and not yes and not _agreed(question):
        say("nothing was removed")
        return
    # in this order each step can be taken again if the next one fails
    store.retire(chosen, app.now)
    ended = end_sign_ins(app, [by_name[chosen]])
    if erase:
        gone = store.erase_connection(chosen)
        events, versions = plural(gone.events, "event"), plural(gone.versions, "version")
        emit(f"erased {chosen}: {events} in {versions}, {plural(gone.people, 'person', 'people')}")
    else:
        emit(f"disconnected {chosen}; its history stays")
    ctx.exit(0 if ended else 1)


def _agreed(question: str) -> bool:
    with asking("--yes erases without asking"):
        return click.confirm(question, err=True)


def known_connection(name: str, known: Sequence[str]) -> str:
    """Return the name of a connection. Raises `InputError` with the nearest one."""
    if name in known:
        return name
    hint = nearest(name, known) or "`calsignal connections` lists them"
    raise InputError(f"no connection called {name!r}", hint)
