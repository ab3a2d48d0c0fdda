"""`forget`: erases a person or a domain, the past included, proves it, and keeps them from coming back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from calsignal.cli.app import App
from calsignal.cli.options import asking, emit, say
from calsignal.errors import InputError

if TYPE_CHECKING:
    from calsignal.bans import Bans, Target
    from calsignal.config import Settings
    from calsignal.store import Wanted
    from calsignal.store.forgetting import Forgot, Search


@click.command()
@click.argument("whom", required=False, metavar="EMAIL_OR_DOMAIN")
@click.option("--yes", is_flag=True, help="Do not ask before erasing.")
@click.option("--list", "listed", is_flag=True, help="Tell how many are forgotten; who they are is not known any more.")
@click.option("--undo", is_flag=True, help="Let calendars name them again; what was erased stays erased.")
@click.pass_context
def forget(ctx: click.Context, whom: str | None, yes: bool, listed: bool, undo: bool) -> None:
    """Erase a person or a domain for good. Past and sub-domains included; no sync brings them back.

    Tells first what goes, and afterwards looks through every column and every byte of the store for what is left.
    """
    app = ctx.ensure_object(App)
    if listed:
        _tell_list(app)
        return
    if whom is None:
        raise InputError("nobody was named", "as in: calsignal forget someone@company.example, or company.example")
    if undo:
        _lift(app, whom)
        return
    ctx.exit(0 if _forget(app, target_of(app, whom), yes=yes) else 1)


def target_of(app: App, text: str) -> Target:
    """Return whom a word means: a person with all addresses that the settings know of them, or a domain.

    Raises:
        InputError: it is neither, or a domain that nobody can mean.
    """
    from calsignal.bans import Target
    from calsignal.directory import normalise
    from calsignal.ledger import person_key

    if "@" not in text.strip().lstrip("@"):
        return Target((_domain(app.settings, text),), is_domain=True)
    address = normalise(text)
    team, owners = app.settings.team, app.settings.deals.owners
    mailbox = team.aliases.get(address, address)
    words = tuple(dict.fromkeys([mailbox, address, *(a for a, box in team.aliases.items() if box == mailbox)]))
    keys = frozenset(person_key(app.address_key(), word) for word in words)
    return Target(words, keys=keys, names=tuple(name for name, box in owners.items() if box in words))


def _domain(settings: Settings, text: str) -> str:
    from calsignal.directory import normalise_domain, parents, registrable

    name = normalise_domain(text.strip().removeprefix("@"))
    if registrable(name) is None:
        raise InputError(f"{name} is no company's domain", f"write the whole domain, as in company.{name}")
    own = next((domain for domain in settings.team.domains if name in parents(domain)), None)
    if own is not None:
        raise InputError(f"{own} is your own domain", "forget its people one by one, as in: calsignal forget EMAIL")
    return name


def _marks(app: App, target: Target) -> dict[str, bool]:
    from calsignal.bans import mark

    return {mark(app.address_key(), word): target.is_domain for word in target.words}


def bans_of(app: App) -> Bans:
    """Return the list of those who are forgotten."""
    from calsignal.bans import Bans
    from calsignal.store import NoStore

    try:
        marks = app.store().forgotten()
    except NoStore:
        return Bans()
    return Bans(marks, app.address_key()) if marks else Bans()


def refuse_forgotten(app: App, words: Iterable[str]) -> None:
    """Raise `InputError` where one of these addresses or domains is to stay forgotten."""
    bans = bans_of(app)
    for word in words:
        if (banned := bans.word(word)) is not None:
            raise InputError(f"{banned} was forgotten", f"lift that with: calsignal forget --undo {banned}")


def _forget(app: App, target: Target, *, yes: bool) -> bool:
    """Say what goes, ask, erase, and look for what is left; return whether all is well."""
    from calsignal.cli.leaving import end_sign_ins
    from calsignal.team import forget_strangers

    store, marks, outsider = app.store(), _marks(app, target), _outsider(app)
    known = store.forget(target, outsider, app.now, marks, trial=True)
    _tell(target, known)
    if not yes and not _agreed(target):
        say("nothing was removed")
        return True
    theirs = [connection for connection in store.connections() if connection.name in known.connections]
    ended = end_sign_ins(app, theirs)
    gone = store.forget(target, outsider, app.now, marks)
    forget_strangers(store, app.settings)
    emit(f"forgotten: {'; '.join(_counts(gone)) or 'nothing was kept of them'}")
    found = store.search(target, gone.keys)
    _tell_search(target, found)
    _tell_config(app, target)
    return ended and not found.found


def _outsider(app: App) -> Wanted:
    from calsignal.model import Role
    from calsignal.team import team_directory

    directory = team_directory(app.store(), app.settings)
    return lambda *who: directory.who_is(*who).role in (Role.BUYER, Role.THIRD_PARTY)


def _agreed(target: Target) -> bool:
    with asking("--yes erases without asking"):
        return click.confirm(f"Erase {target.words[0]} for good?", err=True)


def _tell(target: Target, known: Forgot) -> None:
    others = f" (also {', '.join(target.words[1:])})" if target.words[1:] else ""
    below = " and everything below it" if target.is_domain else ""
    if not known.anything:
        say(f"nothing is known of {target.words[0]}{below}{others}; calendars may not name them from now on")
        return
    say(f"this erases {target.words[0]}{below}{others}, the past included:")
    for line in _counts(known):
        say(f"- {line}")
    if known.connections:
        say(f"hint: to keep what a calendar told, stop here: calsignal disconnect {known.connections[0]}")


def _counts(found: Forgot) -> Iterator[str]:
    from calsignal.reports.words import plural

    if found.people:
        yield plural(found.people, "person", "people")
    for name in found.connections:
        yield f"the connection {name} with everything that it told"
    if found.events:
        yield f"{plural(found.events, 'event')} with nobody else from outside"
    if found.left:
        yield f"their part in {plural(found.left, 'event')} with others"
    if found.subjects:
        yield f"{plural(found.subjects, 'subject')} that could name them"
    for name in found.accounts:
        yield f"the account {name}, which has nobody else"
    if found.entries:
        yield f"{plural(found.entries, 'entry', 'entries')} in accounts"
    if found.deals:
        yield f"their part in {plural(found.deals, 'deal')}"


def _tell_search(target: Target, found: Search) -> None:
    for place in found.found:
        say(f"left over: {place}")
    if found.found:
        say(f"hint: close what else uses the store, own its tables, and run `calsignal forget {target.words[0]}` again")
        return
    size = f" and {found.size:,} bytes of files" if found.size else "; logs and backups of the server are its own"
    emit(f"nothing is left: looked through {found.columns} columns of text{size}")


def _tell_config(app: App, target: Target) -> None:
    try:
        text = app.config_path.read_text(encoding="utf-8")
    except OSError:
        return
    if target.is_in(text) or any(name in text for name in target.names):
        say(f"note: {app.config_path} still names them; take those lines out")


def _lift(app: App, whom: str) -> None:
    target = target_of(app, whom)
    if not app.store().lift(list(_marks(app, target))):
        raise InputError(f"{target.words[0]} is not forgotten", "`calsignal forget --list` tells how many are")
    emit(f"calendars may name {target.words[0]} again from now on; what was erased stays erased")


def _tell_list(app: App) -> None:
    from calsignal.reports.words import plural

    marks = app.store().forgotten()
    domains = sum(marks.values())
    people = plural(len(marks) - domains, "address", "addresses")
    emit(f"{people} and {plural(domains, 'domain')} are forgotten")
