"""`deals`: what the CRM says will be sold, as its exports show it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calsignal.cli.accounts_file import check_domain_of, check_name
from calsignal.cli.app import App, nearest
from calsignal.cli.forget import bans_of
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
from calsignal.deals import CURRENCIES, FIELDS, Choices, DateOrder, Reading, Remark, read_deals
from calsignal.errors import InputError
from calsignal.model import Account, Deal, DealTrack, Outcome, Role
from calsignal.store import DealChanges, NoStore

if TYPE_CHECKING:
    from calsignal.config import Team
    from calsignal.score.forecast import Names
    from calsignal.store import Store

_FEW = 10  # lines of one kind before the rest is counted
_SUSPICIOUS_FROM = 10  # deals that a source must have had before losing over half of them is suspicious


@click.group(cls=Suggesting, invoke_without_command=True)
@click.pass_context
def deals(ctx: click.Context) -> None:
    """Say what your CRM forecasts, so that the audit can hold it against the calendars."""
    show_help_alone(ctx)


def _currency(ctx: click.Context, param: click.Parameter, text: str | None) -> str | None:
    if text is None or text.upper() in CURRENCIES:
        return text and text.upper()
    raise click.BadParameter(f"{text!r} is no code of ISO 4217, as in EUR", ctx, param)


def _columns(ctx: click.Context, param: click.Parameter, pairs: tuple[str, ...]) -> Mapping[str, str]:
    found = {}
    for pair in pairs:
        field, _, header = (part.strip() for part in pair.partition("="))
        if field not in FIELDS or not header:
            raise click.BadParameter(f"{pair!r} is not FIELD=HEADER with one of {', '.join(FIELDS)}", ctx, param)
        found[field] = header
    return found


@deals.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--dry-run", is_flag=True, help="Say what would be imported, and change nothing.")
@click.option(
    "--currency", metavar="CODE", callback=_currency, help="The currency of amounts that name none, or only $."
)
@click.option(
    "--date-order",
    type=click.Choice([order.value for order in DateOrder]),
    help="How 3/4/2026 is meant: month or day first.",
)
@click.option("--decimal", type=click.Choice([".", ","]), help="What begins the decimals, where 1,234 can be both.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="FIELD=HEADER",
    callback=_columns,
    help="What a column means that is not recognised, as in amount=ARR; repeatable.",
)
@click.option("--source", default="crm", show_default=True, help="Which export this is, where there are several.")
@click.option("--taken", metavar="WHEN", help="When the file was exported, if that was earlier.")
@click.option("--add-accounts", is_flag=True, help="Add companies with a web site that are no account yet.")
@click.option("--accept", is_flag=True, help="Believe a file that lacks over half of the deals.")
@click.pass_context
def import_(
    ctx: click.Context,
    file: Path,
    dry_run: bool,
    currency: str | None,
    date_order: str | None,
    decimal: str | None,
    columns: Mapping[str, str],
    source: str,
    taken: str | None,
    add_accounts: bool,
    accept: bool,
) -> None:
    """Import deals from FILE, a CSV export of Salesforce, HubSpot, Pipedrive or a plain sheet.

    Each import is kept as a snapshot: what changed since the last one is seen, and a deal that FILE does not show any
    more is missing from then on. What cannot be read is told row by row.
    """
    app = ctx.ensure_object(App)
    at = app.as_of(taken)
    choices = Choices(currency, DateOrder(date_order) if date_order else None, decimal, columns)
    reading = _without_forgotten(app, read_deals(read_file(file), app.settings.team.timezone, choices))
    _tell_reading(reading, dry_run=dry_run)
    if not reading.deals:
        raise InputError("the file holds no deal that can be read", "nothing was imported")
    store = _store(app, create=not dry_run)
    found = _new_accounts(app, store, reading.deals) if add_accounts else _NewAccounts()
    shown = _with_known_contacts(_names(app, store, found.accounts), reading.deals)
    changes = store.compare_deals(shown, source, unread=reading.unread) if store else DealChanges(shown)
    if not accept:
        _refuse_loss(changes, source)
    if store and not dry_run:
        if found.accounts:
            store.save_accounts(found.accounts)
        store.import_deals(shown, at, source, unread=reading.unread)
    _tell_changes(reading, changes, found, dry_run=dry_run)
    _tell_matches(_names(app, store, found.accounts), shown)
    ctx.exit(1 if reading.refused or found.problems else 0)


def _without_forgotten(app: App, reading: Reading) -> Reading:
    """Return what was read without those who are to stay forgotten; a deal that has them in its own id is left out."""
    bans = bans_of(app)
    if not bans.marks:
        return reading
    forgotten = {name for name, mailbox in app.settings.deals.owners.items() if bans.word(mailbox)}
    kept = [
        replace(
            deal,
            name=bans.masked(deal.name),
            account=bans.masked(deal.account),
            stage=bans.masked(deal.stage),
            owner="" if deal.owner in forgotten or bans.is_in(deal.owner) else deal.owner,
            domains=tuple(domain for domain in deal.domains if bans.word(domain) is None),
            contacts=tuple(contact for contact in deal.contacts if bans.word(contact) is None),
        )
        for deal in reading.deals
        if not bans.is_in(deal.id)
    ]
    return replace(reading, deals=tuple(kept))


def _store(app: App, *, create: bool) -> Store | None:
    """Return the store; a dry run makes none."""
    try:
        return app.store(create=create)
    except NoStore:
        return None


def _refuse_loss(changes: DealChanges, source: str) -> None:
    lost, before = len(changes.missing), len(changes.missing) + len(changes.changed) + len(changes.unchanged)
    if before >= _SUSPICIOUS_FROM and lost * 2 > before:
        raise InputError(
            f"the file lacks {lost} of the {before} deals that the imports of {source!r} showed so far",
            "if they are gone, say --accept; if this is another export, name it: --source NAME",
        )


# --- accounts in the same file ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _NewAccounts:
    """Accounts that a file makes known, and sentences about those it does not."""

    accounts: tuple[Account, ...] = ()
    problems: tuple[str, ...] = ()


def _names(app: App, store: Store | None, new: Iterable[Account] = ()) -> Names:
    """Return how the CRM's words become ours, `new` accounts included."""
    from calsignal.directory import Directory
    from calsignal.score.forecast import Names
    from calsignal.team import team_directory

    settings = app.settings
    directory = team_directory(store, settings) if store else Directory(frozenset(settings.team.domains))
    known = {account.name for account in directory.accounts}
    directory = replace(directory, accounts=(*directory.accounts, *(one for one in new if one.name not in known)))
    return Names(directory, settings.deals.accounts, settings.deals.owners)


def _new_accounts(app: App, store: Store | None, found: Sequence[Deal]) -> _NewAccounts:
    """Return an account for each company that has a domain and is none yet; a domain belongs to the first."""
    from calsignal.score.forecast import company_key

    domains: defaultdict[str, list[str]] = defaultdict(list)
    called: dict[str, str] = {}
    for deal in _of_new_companies(found, _names(app, store)):
        called.setdefault(company_key(deal.account), deal.account)
        domains[company_key(deal.account)] += deal.domains
    accounts: list[Account] = []
    problems: list[str] = []
    taken: dict[str, str] = {}
    for key, name in called.items():
        try:
            accounts.append(_account(app.settings.team, name, domains[key], taken))
        except InputError as error:
            problems.append(f"{name} was not added: {error}")
    return _NewAccounts(tuple(accounts), tuple(problems))


def _of_new_companies(found: Iterable[Deal], names: Names) -> Iterator[Deal]:
    """Yield the deals with a domain whose company nobody knows by domain or name; what fits several is known."""
    from calsignal.score.forecast import company_key

    known = {company_key(account.name) for account in names.directory.accounts}
    for deal in found:
        told = bool(deal.account and deal.domains) and company_key(deal.account) not in known
        if told and names.account(deal).found is None:
            yield deal


def _account(team: Team, name: str, domains: Iterable[str], taken: dict[str, str]) -> Account:
    checked = tuple(dict.fromkeys(check_domain_of(team, domain) for domain in domains))
    for domain in checked:
        if domain in taken:
            raise InputError(f"{domain} belongs to {taken[domain]} already")
    taken |= dict.fromkeys(checked, name)
    return Account(check_name(name), checked)


def _with_known_contacts(names: Names, found: Iterable[Deal]) -> tuple[Deal, ...]:
    """Return the deals without the contacts that are no buyers of an account: their addresses are not to be kept."""

    def is_buyer(email: str) -> bool:
        return names.directory.who_is("", email.rpartition("@")[2], email).role is Role.BUYER

    return tuple(replace(deal, contacts=tuple(filter(is_buyer, deal.contacts))) for deal in found)


# --- what is told -----------------------------------------------------------------------------------------------------


def _tell_reading(reading: Reading, *, dry_run: bool) -> None:
    for remark in reading.refused:
        say(f"refused {_place(remark)}: {remark.fact}")
    _say_few(_grouped(reading.notes))
    if dry_run:
        note(f"columns: {', '.join(f'{header} is the {field}' for field, header in reading.columns.items())}")
    if reading.ignored:
        note(f"columns that mean nothing here: {', '.join(reading.ignored)}")


def _place(remark: Remark) -> str:
    line = f" (line {remark.line})" if remark.line != remark.row else ""
    return f"row {remark.row}{line}" + (f", {remark.column}" if remark.column else "")


def _grouped(notes: Iterable[Remark]) -> Iterator[str]:
    groups: defaultdict[tuple[str, str], list[Remark]] = defaultdict(list)
    for remark in notes:
        groups[remark.column, remark.fact].append(remark)
    for (_, fact), ones in groups.items():
        more = f" and {len(ones) - 1} more" if len(ones) > 1 else ""
        yield f"left out: {_place(ones[0])}{more}: {fact}"


def _tell_changes(reading: Reading, changes: DealChanges, found: _NewAccounts, *, dry_run: bool) -> None:
    from calsignal.reports.deals import totals_text

    counts = {
        "added": changes.added,
        "changed": changes.changed,
        "unchanged": changes.unchanged,
        "back": changes.back,
        "missing": changes.missing,
        "refused": reading.refused,
    }
    always = ("added", "changed", "unchanged")
    words = ", ".join(f"{len(rows)} {word}" for word, rows in counts.items() if rows or word in always)
    emit(f"dry run, nothing is changed: {words}" if dry_run else words)
    emit(f"open: {totals_text(deal for deal in reading.deals if deal.outcome is Outcome.OPEN)}")
    for outcome in (Outcome.WON, Outcome.LOST):
        if closed := [deal for deal in reading.deals if deal.outcome is outcome]:
            emit(f"{outcome.value}: {totals_text(closed)}")
    _say_few(f"missing: {deal.name} ({deal.id})" for deal in changes.missing)
    _say_few(f"account added: {one.name}, {' '.join(one.domains)}" for one in found.accounts)
    _say_few(found.problems)


def _tell_matches(names: Names, found: Sequence[Deal]) -> None:
    """Say which companies and owners of open deals are nobody here, and what to do about it."""
    opened = [deal for deal in found if deal.outcome is Outcome.OPEN]
    strangers = [deal for deal in opened if names.account(deal).found is None]
    if strangers:
        how = "--add-accounts adds those with a web site; " if any(_of_new_companies(strangers, names)) else ""
        say(f"{_deals(strangers, 'belong')} to no account: {_listed(d.account or 'no company' for d in strangers)}")
        say(f"hint: {how}`calsignal accounts add NAME DOMAIN`, or [deals.accounts] in the config")
    ownerless = [deal for deal in opened if names.owner(deal).found is None]
    if ownerless:
        owners = _listed(deal.owner or "nobody" for deal in ownerless)
        say(f"{_deals(ownerless, 'belong')} to an owner who is none of you: {owners}")
        say('hint: say who they are under [deals.owners] in the config: "Jane Doe" = "jane@ours.example"')


def _deals(found: Sequence[Deal], verb: str) -> str:
    return f"1 open deal {verb}s" if len(found) == 1 else f"{len(found)} open deals {verb}"


def _listed(names: Iterable[str]) -> str:
    every = list(dict.fromkeys(names))
    rest = f" and {len(every) - _FEW} more" if len(every) > _FEW else ""
    return ", ".join(every[:_FEW]) + rest


def _say_few(lines: Iterable[str]) -> None:
    every = list(lines)
    for line in every[:_FEW]:
        say(line)
    if len(every) > _FEW:
        say(f"... and {len(every) - _FEW} more")


def _chosen(known: Iterable[DealTrack], ids: Iterable[str]) -> list[DealTrack]:
    """Return the deals with these ids. Raises `InputError` with the nearest one."""
    by_id = {track.now.id: track for track in known}
    for one in ids:
        if one not in by_id:
            raise InputError(
                f"no deal has the id {one!r}", nearest(one, by_id) or "`calsignal deals list --all` has all"
            )
    return [by_id[one] for one in dict.fromkeys(ids)]


@deals.command("list")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "show_all", is_flag=True, help="Show closed ones too, and those that went missing.")
@as_of_option
@format_option("text", "json")
@output_option
@pass_app
def list_(app: App, ids: tuple[str, ...], show_all: bool, as_of: str | None, form: str, output: Path | None) -> None:
    """Show the open deals as the last import showed them, or those with these ids, open or not."""
    from calsignal.reports.deals import deals_json, deals_text
    from calsignal.reports.jsonform import to_json

    moment = app.as_of(as_of)
    known = app.store().deals(moment)
    found = [t for t in known if show_all or (t.now.outcome is Outcome.OPEN and not t.missing)]
    if ids:
        found = _chosen(known, ids)
    zone = app.settings.team.timezone
    text = (
        to_json(deals_json(found, as_of=moment, zone=zone))
        if form == "json"
        else deals_text(found, **screen(app, output))
    )
    emit(text, output)
