"""`doctor`: looks at everything that a day with calsignal needs, goes on after each failure, and changes nothing.

Here things are looked at; `calsignal.doctor` judges them, and `reports.paste` is the fence around what is printed.
"""

from __future__ import annotations

import os
import platform
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calsignal import __version__
from calsignal import doctor as judged
from calsignal.cli.app import App
from calsignal.cli.options import emit, format_option, output_option, screen
from calsignal.contract import Setting
from calsignal.errors import CalsignalError, ConfigError, InputError, NeedsSignIn

if TYPE_CHECKING:
    from calsignal.reports.paste import Sieve
    from calsignal.store import Connection, Store

BUSY_SECONDS = 1.0
"""How long another writer of the store is waited for before it is told."""

_SYSTEMS = frozenset({"Linux", "Darwin", "Windows", "FreeBSD"})
_DIALECTS = frozenset({"sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"})

Sections = dict[str, tuple[Setting, ...]]


@click.command()
@click.option("--offline", is_flag=True, help="Ask no service.")
@click.option("--names", is_flag=True, help="Show names, addresses and folders: for your own eyes.")
@format_option("text", "json")
@output_option
@click.pass_context
def doctor(ctx: click.Context, offline: bool, names: bool, form: str, output: Path | None) -> None:
    """Check everything, and tell the next step for each problem. Safe to paste: no names, no addresses, no secrets.

    Looks at config, store, secrets, sign-ins, clocks and freshness, and changes nothing. Exits with 1 when something
    is wrong.
    """
    from calsignal.analysis import STALE_AFTER

    app = ctx.ensure_object(App)
    look = Look(app, offline=offline, names=names)
    found = look.everything()
    sieve = look.sieve()
    checks = [
        replace(check, fact=sieve(check.fact), step=sieve(check.step), about=sieve(check.about))
        for check in judged.judge(found, app.now, STALE_AFTER)
    ]
    emit(_written(app, checks, offline=offline, form=form, output=output), output)
    ctx.exit(1 if any(check.mark is judged.Mark.PROBLEM for check in checks) else 0)


def _written(app: App, checks: list[judged.Check], *, offline: bool, form: str, output: Path | None) -> str:
    if form == "json":
        from calsignal.reports.jsonform import doctor_json, to_json

        return to_json(doctor_json(checks, now=app.now, zone=app.settings.team.timezone, offline=offline))
    from calsignal.reports.doctor_text import doctor_text

    return doctor_text(checks, offline=offline, **screen(app, output))


@dataclass
class Look:
    """One look at everything. `private` are words that must not be printed, each with what stands for it."""

    app: App
    offline: bool
    names: bool
    private: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)

    def everything(self) -> judged.Seen:
        """Look at one thing after the other; what fails is a part of what was seen."""
        sections, broken = _sections(self.app)
        config = self._config(sections)
        secrets = self._secrets()
        with ExitStack() as stack:
            store, opened = self._store(stack, config)
            try:
                inside = self._inside(opened, vault_opens=secrets.trouble is None) if opened else _Inside()
            except Exception as error:  # noqa: BLE001  # damage may show only where it is read, as anything
                inside, opened, store = _Inside(), None, replace(store, trouble=_trouble(error))
            if opened:
                store = self._with_key(replace(store, latest=inside.latest), opened)
        links = () if store.missing else inside.connections
        return judged.Seen(
            program=_program(self.app, broken),
            config=config,
            store=store,
            secrets=_counted(secrets, links),
            connections=links,
            retired=inside.retired,
            accounts=0 if store.missing else inside.accounts,
            fit=inside.fit,
        )

    def sieve(self) -> Sieve:
        """Return the fence, once everything has been seen."""
        from calsignal.reports.paste import Sieve

        return Sieve(_homes(self.app.environ), self.private, frozenset(self.secrets), whole=self.names)

    # --- config -------------------------------------------------------------------------------------------------------

    def _config(self, sections: Sections) -> judged.Config:
        """Read the config; what can be read of a broken one is what the rest goes by."""
        from calsignal import config

        path = self.app.config_path
        self._hide_path(str(path))
        troubles: tuple[judged.Trouble, ...] = ()
        try:
            self.app.settings = config.load(path, sections)
        except InputError as error:
            self.app.settings = config.salvage(path, sections)
            known = frozenset(re.findall(r"^\[(.+)\]$", config.render(None, sections), re.MULTILINE))
            troubles = tuple(self._slips(error, known))
        team = self.app.settings.team
        self._hide(team.domains)
        return judged.Config(str(path), path.is_file(), troubles, len(team.domains), team.timezone.key)

    def _slips(self, error: InputError, sections: frozenset[str]) -> Iterator[judged.Trouble]:
        """Yield what is wrong, without the words that somebody typed."""
        from calsignal.reports.paste import unquoted

        def bare(text: str) -> str:
            return re.sub(r"\[([^\]]*)\]", lambda m: m[0] if m[1] in sections else "[…]", unquoted(text))

        if not isinstance(error, ConfigError):
            yield _trouble(error)
            return
        for fact, hint in error.problems:
            # a hint that begins so holds an example of ours
            step = hint if self.names or hint.startswith("write") else unquoted(hint)
            yield judged.Trouble(fact if self.names else bare(fact), step)

    # --- secrets ------------------------------------------------------------------------------------------------------

    def _secrets(self) -> judged.Secrets:
        from calsignal.vault import ADDRESS_KEY, FileVault, StoreVault

        try:
            vault = self.app.vault
        except CalsignalError as error:
            return judged.Secrets("", _trouble(error))
        files = [vault.path, vault.key_path] if isinstance(vault, FileVault) else []
        kind = f"an encrypted file, {vault.path}" if isinstance(vault, FileVault) else "the keyring of the system"
        if isinstance(vault, StoreVault):
            kind = "the store, sealed with CALSIGNAL_SECRET_KEY"
        for file in files:
            self._hide_path(str(file))
        trouble = None
        try:
            self._hide_secret(vault.get(ADDRESS_KEY))
        except Exception as error:  # noqa: BLE001  # whatever a damaged vault makes of itself
            trouble = _trouble(error)
        named = self.app.settings.delivery.names
        lost = () if trouble else tuple(self._lost(named))
        return judged.Secrets(kind, trouble, tuple(_exposed(files)), deliveries=len(named), lost=lost)

    def _lost(self, named: Iterable[str]) -> Iterator[judged.Trouble]:
        """Yield what is wrong with the addresses that the config names; nobody is asked."""
        from calsignal.cli.addresses import Addresses

        self._hide(named)
        for name in named:
            try:
                Addresses(self.app).get(name)
            except CalsignalError as error:
                yield _trouble(error)
            except Exception as error:  # noqa: BLE001  # a damaged vault
                yield _trouble(error)

    # --- store --------------------------------------------------------------------------------------------------------

    def _store(self, stack: ExitStack, config: judged.Config) -> tuple[judged.Store, Store | None]:
        from calsignal.store import NoStore, file_of, open_store

        place = self.app.place
        try:
            file = file_of(place)
            if file:
                self._hide_path(file)
            store = stack.enter_context(open_store(place, create=False, migrate=False, busy_seconds=BUSY_SECONDS))
            health = store.health()
        except NoStore:
            known = self.app.settings.path or not config.found
            return judged.Store("", missing=bool(known), unplaced=not known), None
        except Exception as error:  # noqa: BLE001  # a driver raises what it likes
            return judged.Store("", trouble=_trouble(error)), None
        seen = judged.Store(
            file or "a database on a server",
            revision=health.revision,
            size=health.size,
            sound=health.sound,
            server=health.server,
            supported=health.supported,
        )
        return _with_writing(seen, store), store

    def _with_key(self, store: judged.Store, opened: Store) -> judged.Store:
        try:
            return replace(store, key=judged.Key.of(self.app.key_fits(opened)))
        except Exception:  # noqa: BLE001  # the vault has told already why it does not open
            return replace(store, key=judged.Key.UNKNOWN)

    def _inside(self, store: Store, *, vault_opens: bool) -> _Inside:
        """Look at what the store knows, and visit each connection."""
        from calsignal.analysis import STALE_AFTER
        from calsignal.fitting import fit

        rows = store.connections()
        calendars = {row.name: [c for c in store.calendars(row) if c.retired_at is None] for row in rows}
        ends = [c.last_synced for known in calendars.values() for c in known if c.last_synced]
        states = {s.name: s for s in store.connection_states(max([self.app.now, *ends]), STALE_AFTER)}
        skipped = Counter(item.source for item in store.skipped_at(max([self.app.now, *ends])))
        silent = store.silent()
        links = []
        for number, row in enumerate(rows, 1):
            label = self._label(number, row)
            self._hide(word for c in calendars[row.name] for word in (c.name, c.external_id))
            if row.retired_at:
                continue
            has_secret, visit = self._visit(row, vault_opens=vault_opens)
            state = states.get(row.name)
            links.append(
                judged.Connection(
                    label,
                    shlex.quote(row.name) if self.names else "NAME",
                    tuple(judged.Calendar(c.last_synced, c.held is not None) for c in calendars[row.name]),
                    state.problem if state else None,
                    len(state.gaps) if state else 0,
                    skipped[row.name],
                    has_secret,
                    visit,
                    row.name in silent,
                )
            )
        retired = len(rows) - len(links)
        latest = max(ends, default=None)
        fits = fit(store, self.app.settings, max(filter(None, [self.app.now, latest])))
        return _Inside(tuple(links), retired, len(store.accounts()), latest, fits)

    # --- connections --------------------------------------------------------------------------------------------------

    def _label(self, number: int, row: Connection) -> str:
        """Name a connection by provider and row of `calsignal connections`; from now on that stands for its name."""
        provider = row.provider if row.provider in _installed(self.app) else "unknown"
        label = row.name if self.names else f"{provider} #{number}"
        self.private[row.name] = label
        self._hide([row.mailbox, *row.settings.values()])
        return label

    def _visit(self, row: Connection, *, vault_opens: bool) -> tuple[bool | None, judged.Visit | None]:
        """Ask the provider how a connection is; say whether there is a secret for it too."""
        from calsignal.sync import access_to

        has_secret: bool | None = None
        try:
            provider = self.app.registry.get(row.provider)
            if not vault_opens:
                return None, None
            once = replace(self.app.retry, attempts=1)
            access = access_to(row, self.app.settings, self.app.vault, once, self.app.clock())
            has_secret = access.secret is not None
            self._hide_secret(access.secret)
            if self.offline:
                return has_secret, None
            with closing(provider.open(access)) as source:
                before = self.app.clock()
                told = source.check()
                here = before + (self.app.clock() - before) / 2
            ahead = None if told.service_time is None else told.service_time - here
            return has_secret, judged.Visit(tuple(told.findings), ahead=ahead)
        except CalsignalError as error:
            return has_secret, judged.Visit(trouble=_trouble(error), needs_sign_in=isinstance(error, NeedsSignIn))
        except Exception as error:  # noqa: BLE001  # a provider's own mistake must not stop the others
            fact = f"the provider failed ({type(error).__name__})"
            hint = "update calsignal; if it stays, report it with the name of the error"
            return has_secret, judged.Visit(trouble=judged.Trouble(fact, hint))

    # --- what must not be printed -------------------------------------------------------------------------------------

    def _hide(self, words: Iterable[str]) -> None:
        for word in words:
            self.private.setdefault(word, "…")

    def _hide_path(self, path: str) -> None:
        from calsignal.reports.paste import shown_path

        homes = sorted(_homes(self.app.environ), key=len, reverse=True)
        home = next((home for home in homes if path.startswith((f"{home}/", f"{home}\\"))), None)
        self.private[path] = shown_path(path if home is None else f"~{path[len(home) :]}")

    def _hide_secret(self, secret: str | None) -> None:
        """Hide a secret, and whatever inside it is no plain word."""
        if secret:
            parts = re.split(r"[^\w%-]+", secret)
            self.secrets |= {secret, *(part for part in parts if len(part) >= 6 and re.search(r"[\d%]", part))}


@dataclass(frozen=True)
class _Inside:
    """What the store knows; None where it does not open."""

    connections: tuple[judged.Connection, ...] | None = None
    retired: int = 0
    accounts: int | None = None
    latest: datetime | None = None
    fit: judged.Fit = field(default_factory=judged.Fit)


def _trouble(error: Exception) -> judged.Trouble:
    """Return what an error says; of an unforeseen one its kind, since its text may quote anything."""
    if isinstance(error, CalsignalError):
        return judged.Trouble(str(error), error.hint)
    return judged.Trouble(f"something went wrong that should not ({type(error).__name__})", "please report it")


def _sections(app: App) -> tuple[Sections, list[judged.Trouble]]:
    """Return the settings that providers declare, and what is wrong with those that cannot be loaded."""
    found: Sections = {}
    broken: list[judged.Trouble] = []
    try:
        names = app.registry.names()
    except CalsignalError as error:
        return found, [_trouble(error)]
    for name in names:
        try:
            found[name] = app.registry.get(name).settings
        except CalsignalError as error:
            broken.append(_trouble(error))
    return found, broken


def _installed(app: App) -> tuple[str, ...]:
    try:
        return app.registry.names()
    except CalsignalError:
        return ()


def _program(app: App, broken: Iterable[judged.Trouble]) -> judged.Program:
    system, machine = platform.system(), platform.machine()
    shown = system if system in _SYSTEMS else "another system"
    if re.fullmatch(r"\w{1,16}", machine):
        shown = f"{shown} {machine}"
    database = f"SQLAlchemy {version('SQLAlchemy')} with {_dialect(app)}"
    return judged.Program(__version__, platform.python_version(), shown, database, tuple(broken))


def _dialect(app: App) -> str:
    from calsignal.store import dialect_of

    try:
        found = dialect_of(app.place)
    except CalsignalError:
        found = ""
    return found if found in _DIALECTS else "another database"


def _with_writing(seen: judged.Store, store: Store) -> judged.Store:
    """Try whether the store can be written to."""
    from calsignal.store import ReadOnly

    try:
        store.try_writing()
    except Exception as error:  # noqa: BLE001  # a driver raises what it likes
        return replace(seen, unwritable=_trouble(error), reader=isinstance(error, ReadOnly))
    return seen


def _exposed(files: Iterable[Path]) -> Iterator[judged.Exposed]:
    """Yield the files that others may read or change; on Windows modes say nothing of that."""
    for file in files if os.name == "posix" else ():
        with suppress(OSError):  # not there yet, or in a folder that is shut: the vault tells of that
            mode = file.stat().st_mode & 0o777
            if mode & 0o077:
                yield judged.Exposed(str(file), f"{mode:04o}")


def _counted(secrets: judged.Secrets, links: tuple[judged.Connection, ...] | None) -> judged.Secrets:
    told = [link.has_secret for link in links or () if link.has_secret is not None]
    return replace(secrets, kept=sum(told), connections=len(told)) if told else secrets


def _homes(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the folders that are home, however they are named."""
    found = [environ.get("HOME", ""), environ.get("USERPROFILE", "")]
    with suppress(RuntimeError, OSError):  # nobody knows where it is
        found += [str(Path.home()), str(Path.home().resolve())]
    return tuple(dict.fromkeys(home.rstrip("/\\") for home in found if len(home.rstrip("/\\")) > 1))
