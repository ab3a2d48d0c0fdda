"""What a command needs from the world, made when it is first asked for; tests put their own in its place."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from calsignal.errors import InputError, StoreError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from calsignal.config import Settings
    from calsignal.registry import Registry
    from calsignal.retry import Retry
    from calsignal.store.store import Store
    from calsignal.vault import Vault

_KEY_MARK = "address-key"
_LOOKS_BACK = timedelta(days=180)
"""How far back a report looks for what counts today: older time is worth less than a hundredth."""


@dataclass
class App:
    """The world of one run: clock, environment, folders, and what is opened in them.

    clock       tells the time, aware
    points      entry points of providers, in the place of those of this Python
    quiet       no progress and no notes
    verbose     tell on stderr what is used
    pager       what does not fit on a terminal goes through one
    stop        is set when the run is to end: nothing new is begun, nothing waited for
    """

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    config_dir: Path | None = None
    data_dir: Path | None = None
    points: Iterable[EntryPoint] | None = None
    config_given: Path | None = None
    quiet: bool = False
    verbose: bool = False
    pager: bool = True
    stop: Event = field(default_factory=Event)
    _store: Store | None = None

    @cached_property
    def now(self) -> datetime:
        """The moment of this run: read once, so that all of it speaks of one."""
        return self.clock().astimezone(UTC)

    @cached_property
    def registry(self) -> Registry:
        from calsignal.registry import Registry

        return Registry(self.points)

    @cached_property
    def config_path(self) -> Path:
        """Where the config file is, or would be."""
        from calsignal import config

        return config.config_path(self.config_given, self.environ, self._folders[0])

    @cached_property
    def settings(self) -> Settings:
        from calsignal import config

        self.detail(f"config: {self.config_path}")
        return config.load(self.config_path, self.registry.sections())

    @cached_property
    def _folders(self) -> tuple[Path, Path]:
        from calsignal import config

        return self.config_dir or config.config_folder(), self.data_dir or config.data_folder()

    @property
    def config_folder(self) -> Path:
        """The folder for our config, where the key of the encrypted file lies."""
        return self._folders[0]

    @property
    def data_path(self) -> Path:
        """The folder for our data."""
        return self._folders[1]

    @cached_property
    def retry(self) -> Retry:
        """The patience of this run: it waits in real time, until it is to stop."""
        import random
        import time

        from calsignal.retry import Retry

        return Retry(self.stop.wait, random.uniform, time.monotonic)

    @cached_property
    def vault(self) -> Vault:
        from calsignal.vault import open_vault

        config_dir, data_dir = self._folders
        return open_vault(data_dir, config_dir, self.environ)

    @property
    def place(self) -> str | Path:
        """Where the store is, or would be: a file or a URL, which may hold a password."""
        from calsignal.config import store_place

        return store_place(self.settings, self.environ, self._folders[1])

    def store(self, *, create: bool = False) -> Store:
        """Return the store; it is opened once. Without `create` it must be there."""
        if self._store is None:
            from calsignal.store import open_store

            self._store = open_store(self.place, create=create)
            self.detail(self._store.place)
        return self._store

    def address_key(self) -> bytes:
        """Return the key that addresses are hashed with, made at first use.

        Raises:
            StoreError: the store was written with another one, so that no person in it would be recognised.
        """
        from calsignal.vault import ADDRESS_KEY, address_key

        known = self.store(create=True).recall(_KEY_MARK)
        lost = known is not None and self.vault.get(ADDRESS_KEY) is None  # a new one would be of no use
        key = b"" if lost else address_key(self.vault)
        mark = _mark(key)
        if known is None:
            self.store().remember(_KEY_MARK, mark)
        elif known != mark:
            raise StoreError(
                "the vault holds another address key than the one this store was written with",
                "use the vault of the machine and the user that wrote it (CALSIGNAL_VAULT, CALSIGNAL_SECRET_KEY)",
            )
        return key

    def key_fits(self, store: Store) -> bool | None:
        """Say whether the vault holds the key that a store was written with; None while there is none. Makes nothing.

        Raises:
            CalsignalError: the vault cannot be read.
        """
        from calsignal.vault import ADDRESS_KEY

        known, kept = store.recall(_KEY_MARK), self.vault.get(ADDRESS_KEY)
        if known is None:
            return None
        try:
            return kept is not None and _mark(bytes.fromhex(kept)) == known
        except ValueError:
            return False

    def as_of(self, text: str | None) -> datetime:
        """Return the moment that `--as-of` means, in UTC; None is now.

        A day means its last microsecond in the team's zone, today what there is of it; a time without an offset is in
        that zone.

        Raises:
            InputError: it is no ISO date or time, in the future, or from before what is kept.
        """
        moment = self._as_of(text)
        self.detail(f"as of: {moment.astimezone(self.settings.team.timezone):%Y-%m-%d %H:%M %Z}")
        self._tell_what_is_kept(text, moment)
        return moment

    def _tell_what_is_kept(self, text: str | None, moment: datetime) -> None:
        """Refuse a moment of which everything was erased; say so where a report would look back further than that."""
        from calsignal.store import NoStore

        if text is None and not self.settings.privacy.keep_days:
            return
        try:
            since = self.store().kept_since()
        except NoStore:
            return
        if since is None:
            return
        day = since.astimezone(self.settings.team.timezone).date()
        if moment < since:
            fact = f"what was known on {text} is erased: nothing from before {day} is kept"
            raise InputError(fact, "ask for a later day; [privacy] keep_days says how long things are kept")
        if moment - since < _LOOKS_BACK:
            from calsignal.cli.options import note

            note(f"note: nothing from before {day} is kept; what happened earlier counts for nothing here")

    def _as_of(self, text: str | None) -> datetime:
        if text is None:
            return self.now
        moment = self.moment(text, end_of_day=True)
        zone = self.settings.team.timezone
        if moment > self.now and _day(text) != self.now.astimezone(zone).date():
            raise InputError(f"{text} is in the future", "a report speaks for the past or for now")
        return min(moment, self.now)  # today is not over yet

    def moment(self, text: str, *, end_of_day: bool = False) -> datetime:
        """Return the instant that an ISO date, or date and time, means in the team's zone, in UTC.

        Raises:
            InputError: it is neither.
        """
        zone = self.settings.team.timezone
        day = _day(text)
        try:
            if day:
                return datetime.combine(day, time.max if end_of_day else time.min, zone).astimezone(UTC)
            found = datetime.fromisoformat(text)
            return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise InputError(
                f"{text!r} is no ISO date or time", "write it as 2026-03-31 or 2026-03-31T17:00"
            ) from error

    def screen(self) -> tuple[int, bool]:
        """Return how many columns there are, and whether colour is welcome."""
        from calsignal.reports import output

        return output.width(sys.stdout, self.environ), output.colour(sys.stdout, self.environ)

    def detail(self, text: str) -> None:
        """Print a fact about this run on stderr, where it was asked for."""
        if self.verbose:
            from calsignal.cli.options import say

            say(text)

    def close(self) -> None:
        """Give back the store."""
        if self._store is not None:
            self._store.close()
            self._store = None


def _mark(key: bytes) -> str:
    """Return what tells one key from another and gives none away."""
    import hashlib

    return hashlib.sha256(key).hexdigest()[:16]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known name that a mistyped word probably means, as a hint, or nothing."""
    from difflib import get_close_matches

    folded = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold(), folded, n=1, cutoff=0.5)
    return f"did you mean {folded[close[0]]}?" if close else ""
