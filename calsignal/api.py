"""calsignal from Python: what the commands answer, as values.

    from calsignal import open_store

    with open_store() as store:
        for account in store.accounts():
            print(account.status.value, account.account.name, account.evidence)

A `TeamStore` reads and never writes. Config and store are found as the command line finds them. Moments are aware; by
default a report speaks for now. Errors are those of `calsignal.errors`; each has a `hint`.

Not to be mixed up with `calsignal.store`, the program's own door to the database: it knows no settings and no scores.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Self

from calsignal.errors import InputError

if TYPE_CHECKING:
    from calsignal.config import Settings
    from calsignal.exporting import Row, Table
    from calsignal.model import ConnectionState, DealTrack
    from calsignal.score.audit import AuditResult
    from calsignal.score.result import (
        AccountChange,
        AccountReport,
        AccountResult,
        Digest,
        MeetingView,
        Suggestion,
    )
    from calsignal.store import Store

TableName = Literal["ledger", "meetings", "changes", "accounts", "deals"]
Format = Literal["csv", "jsonl", "parquet"]


@dataclass(frozen=True)
class AccountMeeting:
    """A meeting with the account it belongs to."""

    account: str
    meeting: MeetingView


def open_store(
    config: str | Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> TeamStore:
    """Open the team's store for reading.

    config      the config file; by default `CALSIGNAL_CONFIG`, else the one in the platform's config folder
    environ     stands in for the environment, in which `CALSIGNAL_DATABASE_URL` may name the store
    clock       tells the time, aware: what "now" is

    Raises:
        ConfigError: the config file has problems; all are told.
        InputError: there is no config file.
        StoreError: there is no store, or it cannot be used.
    """
    from calsignal import config as settings_of
    from calsignal.registry import Registry
    from calsignal.store import open_store as opened

    environ = os.environ if environ is None else environ
    path = settings_of.config_path(None if config is None else Path(config), environ, settings_of.config_folder())
    settings = settings_of.load(path, Registry().sections())
    return TeamStore(
        opened(settings_of.store_place(settings, environ, settings_of.data_folder()), create=False), settings, clock
    )


class TeamStore:
    """Answers what the commands answer, for the settings of one team. Every method may raise `StoreError`.

    `as_of` is always an aware moment, not in the future nor before what is kept, and now by default: `InputError`
    otherwise.
    """

    def __init__(self, store: Store, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._store, self._clock = store, clock
        self.settings = settings

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back connections and files."""
        self._store.close()

    def digest(self, rep: str | None = None, *, since: datetime | None = None, as_of: datetime | None = None) -> Digest:
        """Return a rep's morning, as `calsignal digest` shows it; without `rep`, that of the whole team.

        `since` is from when on changes are listed: local midnight of the day before by default.

        Raises:
            InputError: no calendar of `rep` was ever connected, and `rep` owns no account.
        """
        from calsignal.analysis import digest
        from calsignal.team import mailbox_of

        mailbox = None if rep is None else mailbox_of(rep, self.settings)
        moment = self._moment(as_of)
        return digest(self._store, self.settings, moment, mailbox, None if since is None else _aware(since, "since"))

    def account(self, name: str, *, as_of: datetime | None = None) -> AccountReport:
        """Return one account in full, as `calsignal account` does: by name, domain, address, or a part of it.

        Raises:
            InputError: no account is called so, or several are.
        """
        from calsignal.analysis import account_report

        return account_report(self._store, self.settings, self._moment(as_of), self._called(name))

    def accounts(self, *, as_of: datetime | None = None) -> tuple[AccountResult, ...]:
        """Return every account with status, score and all that is behind it, in order of rank."""
        from calsignal.analysis import look

        return tuple(one.result for one in look(self._store, self.settings, self._moment(as_of)).scored)

    def meetings(self, account: str | None = None, *, as_of: datetime | None = None) -> tuple[AccountMeeting, ...]:
        """Return the meetings of one account or of all, copies merged, as the score sees them.

        Raises:
            InputError: no account is called so, or several are.
        """
        results = self._results(account, as_of)
        return tuple(AccountMeeting(result.account.name, meeting) for result in results for meeting in result.meetings)

    def changes(
        self, account: str | None = None, *, since: datetime | None = None, as_of: datetime | None = None
    ) -> tuple[AccountChange, ...]:
        """Return what happened to the meetings of one account or of all, from old to new.

        `since` leaves out what was seen before. Our own answers, and what was there at a first sync, are among them; a
        digest leaves both out.

        Raises:
            InputError: no account is called so, or several are.
        """
        from calsignal.analysis import is_good
        from calsignal.score.result import AccountChange

        start = None if since is None else _aware(since, "since")
        found = (
            AccountChange(result.account.name, change, is_good(change, result))
            for result in self._results(account, as_of)
            for change in result.changes
            if start is None or change.seen_at >= start
        )
        return tuple(sorted(found, key=lambda c: (c.change.seen_at, c.account, c.change.uid, c.change.kind.value)))

    def audit(
        self,
        *,
        days: int | None = None,
        team: str | None = None,
        rep: str | None = None,
        as_of: datetime | None = None,
    ) -> AuditResult:
        """Return the forecast against the calendars, as `calsignal audit` does: of all, of one team, or of one rep.

        `days` is how far back reps are measured; the setting, 28, by default.

        Raises:
            InputError: there is no such team or rep, or `days` is less than 1.
        """
        from calsignal.auditing import audit
        from calsignal.team import mailbox_of

        moment = self._moment(as_of)
        mailbox = None if rep is None else mailbox_of(rep, self.settings)
        return audit(self._store, self.settings, moment, days=days, team=team, rep=mailbox)

    def deals(self, *, as_of: datetime | None = None) -> tuple[DealTrack, ...]:
        """Return the CRM's deals as the imports by then showed them, the missing ones too, by the CRM's id."""
        return self._store.deals(self._moment(as_of))

    def connections(self, *, as_of: datetime | None = None) -> tuple[ConnectionState, ...]:
        """Return what is connected, how fresh it is, and what is wrong."""
        from calsignal.analysis import STALE_AFTER

        return self._store.connection_states(self._moment(as_of), STALE_AFTER)

    def suggestions(self, limit: int | None = None, *, as_of: datetime | None = None) -> tuple[Suggestion, ...]:
        """Return unmatched company domains that meet the team, by meetings and hours."""
        from calsignal.analysis import suggestions

        return suggestions(self._store, self.settings, self._moment(as_of), limit)

    @contextmanager
    def rows(self, table: TableName, *, as_of: datetime | None = None) -> Iterator[Iterator[Row]]:
        """Give the rows of a table as dictionaries, each made when it is asked for; docs/export.md has the columns.

        Raises:
            InputError: there is no such table.
        """
        with closing(_table(table).rows(self._store, self.settings, self._moment(as_of))) as found:
            yield found

    def export(
        self, table: TableName, to: str | Path | BinaryIO, *, form: Format = "csv", as_of: datetime | None = None
    ) -> None:
        """Write a table to a file, by name or open for bytes, as `calsignal export` does.

        Raises:
            InputError: there is no such table or format, or the format needs a package that is not installed.
            OSError: the file cannot be written.
        """
        from calsignal.reports.export import write

        chosen, moment = _table(table), self._moment(as_of)
        if not isinstance(to, str | Path):
            write(chosen, self._store, self.settings, to, form=form, as_of=moment)
            return
        with Path(to).open("wb") as file:
            write(chosen, self._store, self.settings, file, form=form, as_of=moment)

    def _results(self, account: str | None, as_of: datetime | None) -> tuple[AccountResult, ...]:
        name = None if account is None else self._called(account)
        return tuple(one for one in self.accounts(as_of=as_of) if name in (None, one.account.name))

    def _called(self, name: str) -> str:
        from calsignal.team import one_called

        return one_called(name, self._store.accounts()).name

    def _moment(self, as_of: datetime | None) -> datetime:
        now = _aware(self._clock(), "the time of the clock")
        if as_of is None:
            return now
        moment = _aware(as_of, "as_of")
        if moment > now:
            raise InputError(f"as_of {as_of.isoformat()} is in the future", "a report speaks for the past or for now")
        since = self._store.kept_since()
        if since is not None and moment < since:
            raise InputError(f"nothing from before {since.isoformat()} is kept", "ask for a later moment")
        return moment


def _table(name: str) -> Table[Any]:
    from calsignal.exporting import TABLES

    if name not in TABLES:
        raise InputError(f"there is no table called {name}", f"choose one of {', '.join(TABLES)}")
    return TABLES[name]


def _aware(moment: datetime, name: str) -> datetime:
    if moment.tzinfo is None:
        raise InputError(f"{name} has no time zone", "give an aware datetime, as in datetime.now(UTC)")
    return moment.astimezone(UTC)
