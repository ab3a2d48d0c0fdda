"""Judge what was seen of an installation: what is well, what is not, and the next step for it. Pure.

What was seen are plain values, gathered by the command `doctor`; the present is an argument. A sentence here holds
numbers and words of our own; those of an error or of a provider stay apart in `Trouble` and `Finding`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from calsignal.contract import Finding
from calsignal.score.wording import count

DRIFT = timedelta(seconds=60)
"""How far our clock may be off a service's."""

RECONNECT = "`calsignal connect --help` lists the ways"


class Area(Enum):
    PROGRAM = "program"
    CONFIG = "config"
    STORE = "store"
    SECRETS = "secrets"
    CONNECTIONS = "connections"
    ACCOUNTS = "accounts"


class Mark(Enum):
    """A note is worth knowing, and nothing to mend; or what could not be looked at for a problem named elsewhere."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `code` names it for programs, `about` is the connection, `step` what to do."""

    area: Area
    mark: Mark
    code: str
    fact: str
    step: str = ""
    about: str = ""


# --- what was seen ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trouble:
    """What an error said."""

    fact: str
    hint: str = ""


@dataclass(frozen=True)
class Program:
    """What runs here. `trouble` is what is wrong with an installed provider."""

    version: str
    python: str
    platform: str
    database: str
    troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True)
class Config:
    """The config file. With `troubles` it cannot be used; what could be read of it is counted all the same."""

    path: str
    found: bool
    troubles: tuple[Trouble, ...]
    domains: int
    timezone: str


class Key(Enum):
    """How the address key in the vault and the store go together; `NONE` is there before the first sync."""

    FITS = "fits"
    OTHER = "other"
    NONE = "none"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, fits: bool | None) -> Key:
        return cls.NONE if fits is None else cls.FITS if fits else cls.OTHER


@dataclass(frozen=True)
class Store:
    """The database: `missing` while there is none, `unplaced` where the config that names it cannot be read.

    `trouble` is why it does not open, `size` is in bytes, `sound` None where damage cannot be looked for. `server` is
    its name and version, `supported` whether that is new enough. `unwritable` says why nothing can be written, `reader`
    that this login is not meant to. `latest` is the end of the last successful sync.
    """

    place: str
    trouble: Trouble | None = None
    revision: str = ""
    size: int = 0
    sound: bool | None = True
    server: str = ""
    supported: bool = True
    unwritable: Trouble | None = None
    reader: bool = False
    key: Key = Key.UNKNOWN
    latest: datetime | None = None
    missing: bool = False
    unplaced: bool = False


@dataclass(frozen=True)
class Exposed:
    """A file that others than its owner may read or change; `mode` as chmod writes it."""

    path: str
    mode: str


@dataclass(frozen=True)
class Secrets:
    """The vault; `kept` counts the connections that have a secret in it, None where nobody could look.

    `deliveries` counts the addresses that [delivery] names, `lost` holds what is wrong with those that nobody can use.
    """

    kind: str
    trouble: Trouble | None = None
    exposed: tuple[Exposed, ...] = ()
    kept: int | None = None
    connections: int = 0
    deliveries: int = 0
    lost: tuple[Trouble, ...] = ()


@dataclass(frozen=True)
class Visit:
    """What a provider said of one connection; `ahead` is how far the service's clock is ahead of ours."""

    findings: tuple[Finding, ...] = ()
    trouble: Trouble | None = None
    needs_sign_in: bool = False
    ahead: timedelta | None = None


@dataclass(frozen=True)
class Calendar:
    """One calendar of a connection that is read."""

    last_synced: datetime | None
    held: bool = False


@dataclass(frozen=True)
class Connection:
    """One connection that is read; `label` names it in public, `shell_name` is what a command line takes.

    `problem` is what its last sync failed of, `visit` None where its service was not asked. `has_secret` is None where
    nobody could look. `silent` says that nobody from outside is on any of its events.
    """

    label: str
    shell_name: str
    calendars: tuple[Calendar, ...] = ()
    problem: str | None = None
    gaps: int = 0
    skipped: int = 0
    has_secret: bool | None = None
    visit: Visit | None = None
    silent: bool = False


@dataclass(frozen=True)
class Fit:
    """What of the set-up does not fit the calendars that were read, in numbers.

    `strays` are connected mailboxes at companies whose domain is none of the team's, `absent` reps that [teams] names
    and nobody connected. `met` are strangers on events and the `buyers` among them, `homeless` the open deals whose
    account is none of ours.
    """

    strays: int = 0
    absent: int = 0
    met: int = 0
    buyers: int = 0
    open_deals: int = 0
    homeless: int = 0


@dataclass(frozen=True)
class Seen:
    """Everything; None where something else has to be mended before anybody can look."""

    program: Program
    config: Config
    store: Store
    secrets: Secrets
    connections: tuple[Connection, ...] | None
    retired: int
    accounts: int | None
    fit: Fit = Fit()


# --- judgements -------------------------------------------------------------------------------------------------------


def judge(seen: Seen, now: datetime, stale_after: timedelta) -> tuple[Check, ...]:
    """Return what to tell of everything that was seen at `now`, in the order in which to mend it."""
    return (
        *of_program(seen.program),
        *of_config(seen.config),
        *of_team(seen.fit),
        *of_store(seen.store, now),
        *of_secrets(seen.secrets),
        *of_connections(seen.connections, seen.retired, now, stale_after),
        *of_accounts(seen.accounts, seen.fit, seen.store.latest, now, stale_after),
    )


def of_program(program: Program) -> Iterator[Check]:
    """Tell what runs here."""
    said = f"calsignal {program.version}, Python {program.python}, {program.platform}, {program.database}"
    yield Check(Area.PROGRAM, Mark.OK, "program", said)
    for trouble in program.troubles:
        yield _problem(Area.PROGRAM, "program.provider", trouble)


def of_config(config: Config) -> Iterator[Check]:
    """Tell every problem of the config file, and what it sets."""
    for trouble in config.troubles:
        yield _problem(Area.CONFIG, "config", trouble)
    if config.found:
        mark = Mark.NOTE if config.troubles else Mark.OK
        yield Check(Area.CONFIG, mark, "config.file", f"the file is {config.path}")
    if config.domains:
        said = f"{count(config.domains, 'team domain')}, time zone {config.timezone}"
        yield Check(Area.CONFIG, Mark.OK, "config.team", said)


def of_team(fit: Fit) -> Iterator[Check]:
    """Tell whether the connected mailboxes are those of the team."""
    if fit.strays:
        said = f"{count(fit.strays, 'connected rep')} {_have(fit.strays)} a mailbox in none of the team's domains"
        step = "add their domain to `domains` in [team], else their colleagues count as strangers or buyers"
        yield Check(Area.CONFIG, Mark.PROBLEM, "config.strays", said, step)
    if fit.absent:
        said = f"{count(fit.absent, 'rep')} of [teams] {_have(fit.absent)} no connected calendar"
        step = "connect it, or mend the address in [teams]: `calsignal connections` shows who is read"
        yield Check(Area.CONFIG, Mark.PROBLEM, "config.teams", said, step)


def of_store(store: Store, now: datetime) -> Iterator[Check]:
    """Tell how the database is, and whether it fits the vault and the clock."""
    area = Area.STORE
    if store.missing:
        yield Check(area, Mark.NOTE, "store.none", "there is none yet; the first calendar that is connected makes it")
        return
    if store.unplaced:
        yield Check(area, Mark.NOTE, "store.unplaced", "where it is stands in the config, which cannot be read")
        return
    if store.trouble:
        yield _problem(area, "store", store.trouble)
        return
    yield Check(area, Mark.OK, "store", f"{store.place}: schema {store.revision}, {_bytes(store.size)}")
    if not store.supported:
        step = "upgrade the server to a version that is still looked after"
        yield Check(area, Mark.PROBLEM, "store.server", f"{store.server} is too old", step)
    elif store.server:
        yield Check(area, Mark.OK, "store.server", f"the server is {store.server}")
    if store.sound:
        yield Check(area, Mark.OK, "store.sound", "the database finds no damage in itself")
    elif store.sound is False:
        step = "restore a backup, or move the file away, connect again and sync"
        yield Check(area, Mark.PROBLEM, "store.sound", "the database is damaged", step)
    if store.reader:
        said = "this login may only read it: enough for every report, not for `calsignal sync`"
        yield Check(area, Mark.NOTE, "store.writing", said)
    elif store.unwritable:
        yield _problem(area, "store.writing", store.unwritable)
    else:
        yield Check(area, Mark.OK, "store.writing", "it can be written to")
    yield _of_key(store)
    if store.latest and store.latest > now:
        said = f"the last sync ended {_span(store.latest - now)} after what this machine's clock shows: it was set back"
        step = "set the clock right; until then `calsignal sync` writes nothing"
        yield Check(area, Mark.PROBLEM, "store.clock", said, step)


def _of_key(store: Store) -> Check:
    area, code = Area.STORE, "store.key"
    if store.key is Key.UNKNOWN:
        return Check(area, Mark.NOTE, code, "whether the vault fits it cannot be told while that does not open")
    if store.key is Key.NONE:
        return Check(area, Mark.NOTE, code, "no sync has given it an address key yet")
    if store.key is Key.OTHER and store.reader:
        return Check(area, Mark.NOTE, code, "the vault does not hold its address key; reports need none")
    if store.key is Key.FITS:
        return Check(area, Mark.OK, code, "the vault holds the address key that it was written with")
    step = "use the vault of the machine and the user that wrote it (CALSIGNAL_VAULT, CALSIGNAL_SECRET_KEY)"
    said = "the vault does not hold the address key that it was written with: nobody in it would be recognised"
    return Check(area, Mark.PROBLEM, code, said, step)


def of_secrets(secrets: Secrets) -> Iterator[Check]:
    """Tell where secrets are kept, and who can get at them."""
    area = Area.SECRETS
    if secrets.trouble:
        yield _problem(area, "secrets", secrets.trouble)
    else:
        yield Check(area, Mark.OK, "secrets", f"kept in {secrets.kind}")
    for file in secrets.exposed:
        said = f"{file.path} is open to others than you (mode {file.mode})"
        yield Check(area, Mark.PROBLEM, "secrets.mode", said, f"`chmod 600 {file.path}`")
    if secrets.kept is not None and secrets.connections:
        have = "has" if 1 in (secrets.kept, secrets.connections) else "have"
        said = f"{secrets.kept} of {count(secrets.connections, 'connection')} {have} a secret in it"
        yield Check(area, Mark.OK, "secrets.kept", said)
    for trouble in secrets.lost:
        yield _problem(area, "secrets.delivery", trouble)
    if secrets.deliveries and not secrets.lost and not secrets.trouble:
        said = f"{count(secrets.deliveries, 'place')} that [delivery] sends to can be used"
        yield Check(area, Mark.OK, "secrets.delivery", said)


def of_connections(
    connections: Sequence[Connection] | None, retired: int, now: datetime, stale_after: timedelta
) -> Iterator[Check]:
    """Tell of each connection what is well and what is not, and of our clock beside those of the services."""
    area = Area.CONNECTIONS
    if connections is None:
        yield Check(area, Mark.NOTE, "connections.unseen", "they cannot be looked at while the store does not open")
        return
    if not connections:
        yield Check(area, Mark.PROBLEM, "connections.none", "no calendar is connected", RECONNECT)
    for connection in connections:
        yield from of_connection(connection, now, stale_after)
    yield from _of_clock(connections)
    if retired:
        yield Check(area, Mark.NOTE, "connections.retired", f"{retired} more, disconnected; the history stays")


def of_connection(connection: Connection, now: datetime, stale_after: timedelta) -> Iterator[Check]:
    """Tell what is well with a connection in one line, then every problem."""
    problems = [*_of_visit(connection), *_of_syncs(connection, now, stale_after)]
    well = [*_freshness(connection, now, stale_after)]
    if connection.visit:
        well += [finding.fact for finding in connection.visit.findings if not finding.problem]
    if well:
        yield Check(Area.CONNECTIONS, Mark.OK, "connection", "; ".join(well), about=connection.label)
    yield from problems
    if connection.silent and any(calendar.last_synced for calendar in connection.calendars):
        said = "nobody from outside your team is on any event of it, and so there is nothing to report"
        step = (
            "if there are such meetings, it hides who is on them: publish it with all details, or connect another way"
        )
        yield Check(Area.CONNECTIONS, Mark.PROBLEM, "connection.silent", said, step, connection.label)
    notes = []
    if connection.gaps:
        notes.append(f"{count(connection.gaps, 'gap')}, in which changes may have been missed")
    if connection.skipped:
        notes.append(f"{count(connection.skipped, 'item')} could not be read (`calsignal digest --all` lists them)")
    if notes:
        yield Check(Area.CONNECTIONS, Mark.NOTE, "connection.notes", "; ".join(notes), about=connection.label)


def _of_visit(connection: Connection) -> Iterator[Check]:
    visit, about = connection.visit, connection.label
    if visit is None:
        return
    if visit.trouble and visit.needs_sign_in:
        secret = " (the vault holds no secret for it)" if connection.has_secret is False else ""
        said = f"needs sign-in: {visit.trouble.fact}{secret}"
        step = visit.trouble.hint or f"connect it again; {RECONNECT}"
        yield Check(Area.CONNECTIONS, Mark.PROBLEM, "connection.sign-in", said, step, about)
    elif visit.trouble:
        yield _problem(Area.CONNECTIONS, "connection.check", visit.trouble, about)
    for finding in visit.findings:
        if finding.problem:
            yield _problem(Area.CONNECTIONS, "connection.finding", Trouble(finding.fact, finding.hint), about)


def _of_syncs(connection: Connection, now: datetime, stale_after: timedelta) -> Iterator[Check]:
    """Tell what the syncs of a connection left to be done; what a visit found out already is not told again."""

    def problem(code: str, fact: str, step: str) -> Check:
        return Check(Area.CONNECTIONS, Mark.PROBLEM, f"connection.{code}", fact, step, connection.label)

    held = sum(calendar.held for calendar in connection.calendars)
    if held:
        said = f"{count(held, 'calendar')} {'is' if held == 1 else 'are'} held: most of what lay ahead had gone"
        yield problem("held", said, f"if that is right: `calsignal sync --accept {connection.shell_name}`")
    elif connection.problem and not _told_already(connection):
        step = f"`calsignal sync {connection.shell_name}` shows whether it still does"
        yield problem("last-sync", f"the last sync failed: {connection.problem}", step)
    synced = [calendar.last_synced for calendar in connection.calendars if calendar.last_synced]
    unread = len(connection.calendars) - len(synced)
    if not synced:
        yield problem("never", "it was never synced", f"`calsignal sync {connection.shell_name}`")
        return
    if unread:
        said = f"{unread} of its {count(len(connection.calendars), 'calendar')} {_have(unread)} never been synced"
        yield problem("never", said, f"`calsignal sync {connection.shell_name}`")
    if now - min(synced) > stale_after:
        said = f"not synced for {_span(now - min(synced))}"
        yield problem("stale", said, f"`calsignal sync`, every day; {_span(stale_after)} is too long")


def _told_already(connection: Connection) -> bool:
    trouble = connection.visit and connection.visit.trouble
    return bool(trouble and connection.problem and trouble.fact in connection.problem)


def _freshness(connection: Connection, now: datetime, stale_after: timedelta) -> Iterator[str]:
    synced = [calendar.last_synced for calendar in connection.calendars if calendar.last_synced]
    if synced and now - min(synced) <= stale_after and len(synced) == len(connection.calendars):
        yield f"synced {_span(now - min(synced))} ago"


def _of_clock(connections: Sequence[Connection]) -> Iterator[Check]:
    """Compare our clock with the service's that is farthest off."""
    told = [(c.visit.ahead, c.label) for c in connections if c.visit and c.visit.ahead is not None]
    if not told:
        return
    ahead, label = max(told, key=lambda one: abs(one[0]))
    if abs(ahead) <= DRIFT:
        said = f"our clock agrees with {count(len(told), 'service')} within {DRIFT.total_seconds():.0f} s"
        yield Check(Area.CONNECTIONS, Mark.OK, "clock", said)
        return
    said = f"our clock is {_span(abs(ahead))} {'behind' if ahead > timedelta() else 'ahead of'} that of the service"
    why = "sign-ins may be refused, and what is seen is noted at a wrong time"
    step = "let the system set its clock by the network (NTP)"
    yield Check(Area.CONNECTIONS, Mark.PROBLEM, "clock", f"{said}: {why}", step, label)


def of_accounts(
    accounts: int | None, fit: Fit, latest: datetime | None, now: datetime, stale_after: timedelta
) -> Iterator[Check]:
    """Tell how many accounts there are, whether they are those of meetings and deals, and when a sync last ran."""
    area = Area.ACCOUNTS
    if accounts is None:
        yield Check(area, Mark.NOTE, "accounts.unseen", "they cannot be looked at while the store does not open")
        return
    if accounts and fit.met and not fit.buyers:
        said = f"nobody of {count(accounts, 'account')} is on any event, but {count(fit.met, 'guest')} of no account"
        step = "`calsignal accounts suggest` lists the domains that meet you: those of the accounts may be others"
        yield Check(area, Mark.PROBLEM, "accounts.unmet", said, step)
    elif accounts:
        yield Check(area, Mark.OK, "accounts", count(accounts, "account"))
    elif latest is None:
        yield Check(area, Mark.NOTE, "accounts.none", "there is no account yet; the first sync shows who meets you")
    else:
        step = "`calsignal accounts suggest` lists the companies that meet you"
        yield Check(area, Mark.PROBLEM, "accounts.none", "there is no account yet, and so nothing to report", step)
    if fit.homeless:
        said = (
            f"{fit.homeless} of {count(fit.open_deals, 'open deal')} {_have(fit.homeless)} an account that is none here"
        )
        step = "`calsignal audit` names them; add the account, or tell in [deals.accounts] which one is meant"
        yield Check(area, Mark.PROBLEM, "accounts.deals", said, step)
    if latest is None:
        yield Check(area, Mark.NOTE, "schedule", "no sync has succeeded yet")
    elif now - latest > stale_after:
        said = f"the last sync was {_span(now - latest)} ago; it should run every day"
        yield Check(area, Mark.NOTE, "schedule", said)
    elif latest <= now:
        yield Check(area, Mark.OK, "schedule", f"the last sync was {_span(now - latest)} ago")


# --- words ------------------------------------------------------------------------------------------------------------


def _problem(area: Area, code: str, trouble: Trouble, about: str = "") -> Check:
    step = trouble.hint or "try again; if it stays, report it with this page"
    return Check(area, Mark.PROBLEM, code, trouble.fact, step, about)


def _have(number: int) -> str:
    return "has" if number == 1 else "have"


def _span(span: timedelta) -> str:
    """Write a length of time: `40 s`, `12 min`, `5 h`, `3 d`."""
    seconds = max(0, round(span.total_seconds()))
    for size, unit, most in ((1, "s", 120), (60, "min", 120), (3600, "h", 48)):
        if seconds < size * most:
            return f"{seconds // size} {unit}"
    return f"{seconds // 86400} d"


def _bytes(size: int) -> str:
    """Write a size: `212 kB`, `5.9 MB`."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{(size + 999) // 1000} kB"
