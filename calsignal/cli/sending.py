"""`--send`: reports on their way to the addresses that the config names, each once a day."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING

from calsignal.cli.addresses import Addresses
from calsignal.cli.app import App
from calsignal.cli.options import say
from calsignal.errors import CalsignalError, InputError, StoreError

if TYPE_CHECKING:
    from calsignal.delivery import Letter, Sent
    from calsignal.mornings import Mornings

RECORD = "delivered"
"""Under this key the store remembers what was sent today."""
_KEEP = "`calsignal deliver add NAME` keeps an address; {key} in the config names it"


@dataclass(frozen=True)
class Parcel:
    """One report for one address. `make` renders it when it is due; `rep` is whose it is, None the team's."""

    kind: str
    name: str
    make: Callable[[], Letter] = field(repr=False)
    rep: str | None = None
    scope: str = ""

    @property
    def what(self) -> str:
        return f"{self.kind} of {self.rep}" if self.rep else f"{self.kind} of {self.scope or 'the team'}"


def refuse_beside_send(**given: object) -> None:
    """Raise `InputError` where an option shapes what is printed: nothing is printed with `--send`."""
    named = [name for name, value in given.items() if value]
    if named:
        raise InputError(
            f"--{named[0].replace('_', '-')} does not go with --send",
            "what is sent is the report of now, in every form",
        )


def digest_parcels(app: App, rep: str | None) -> list[Parcel]:
    """Return the digest of a rep, or of the team, for each of its addresses. Raises `InputError` where it has none."""
    delivery = app.settings.delivery
    names = delivery.of_rep(rep) if rep else delivery.team
    if not names:
        key = "[delivery] each or [delivery.reps]" if rep else "[delivery] team"
        raise InputError(f"the digest of {rep or 'the team'} is sent nowhere", _KEEP.format(key=key))

    @cache
    def letter() -> Letter:
        from calsignal.analysis import digest
        from calsignal.reports.notes import digest_letter

        return digest_letter(digest(app.store(), app.settings, app.now, rep))

    return [Parcel("digest", name, letter, rep) for name in names]


def rep_parcels(app: App) -> Iterator[Parcel]:
    """Return every rep's own digest for their addresses; nothing is read before the first one is due.

    Raises:
        InputError: no rep has an address.
    """
    from calsignal.mornings import connected_reps

    reps = connected_reps(app.store(), app.settings)
    if not reps:
        key = "[delivery] each or [delivery.reps]"
        raise InputError("no rep's own digest is sent anywhere", _KEEP.format(key=key))
    letters = _Letters(app)
    return (
        Parcel("digest", name, partial(letters.of, rep), rep)
        for rep in reps
        for name in app.settings.delivery.of_rep(rep)
    )


class _Letters:
    """The letters of all reps, from one look at the store; that of the last rep is kept for their next address."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._last: tuple[str, Letter] | None = None

    @cached_property
    def _mornings(self) -> Mornings:
        from calsignal.mornings import Mornings

        return Mornings.of(self._app.store(), self._app.settings, self._app.now)

    def of(self, rep: str) -> Letter:
        """Return a rep's letter. Raises `InputError` where nothing is known of them."""
        from calsignal.reports.notes import digest_letter

        if self._last is None or self._last[0] != rep:
            self._last = rep, digest_letter(self._mornings.of_rep(rep))
        return self._last[1]


def audit_parcels(app: App, letter: Letter, scope: str) -> list[Parcel]:
    """Return an audit for each of its addresses. Raises `InputError` where it has none."""
    names = app.settings.delivery.audit
    if not names:
        raise InputError("the audit is sent nowhere", _KEEP.format(key="[delivery] audit"))
    return [Parcel("audit", name, lambda: letter, scope=scope) for name in names]


def deliver(app: App, parcels: Iterable[Parcel], *, again: bool) -> int:
    """Send each parcel that is due, and tell about each; return how many failed.

    A parcel that was sent today is left out, and on a quiet day all are; `again` sends them all the same.

    Raises:
        StoreError: what is sent could not be remembered.
    """
    from calsignal.delivery import Sent, is_quiet, mark

    today = app.now.astimezone(app.settings.team.timezone).date()
    if is_quiet(today, app.settings.delivery.quiet) and not again:
        say(f"{today} is a quiet day of [delivery]: nothing is sent")
        return 0
    sent = Sent.from_text(app.store().recall(RECORD), today)
    app.store().remember(RECORD, sent.to_text())  # what cannot be remembered is better not sent
    failed = 0
    for parcel in parcels:
        made = mark(parcel.kind, parcel.rep or parcel.scope, parcel.name)
        if made in sent.marks and not again:
            say(f"{parcel.what}: sent to {parcel.name} today already")
        elif _send(app, parcel):
            sent = sent.with_(made, parcel.name, app.clock())
            app.store().remember(RECORD, sent.to_text())
        else:
            failed += 1
    return failed


def _send(app: App, parcel: Parcel) -> bool:
    """Send one parcel; say what came of it."""
    from calsignal.delivery import Stamp, send

    try:
        address = Addresses(app).get(parcel.name)
        stamp = Stamp(
            app.clock().astimezone(app.settings.team.timezone), secrets.token_hex(16), parcel.rep, parcel.kind
        )
        send(address, parcel.make(), stamp, app.retry)
    except StoreError:
        raise
    except CalsignalError as error:
        say(f"{parcel.what}: not sent to {parcel.name}: {error}")
        if error.hint:
            say(f"hint: {error.hint}")
        return False
    except Exception as error:  # noqa: BLE001  # one that breaks must not stop the others; its text may quote anything
        say(f"{parcel.what}: not sent to {parcel.name}: something went wrong that should not ({type(error).__name__})")
        return False
    say(f"{parcel.what}: sent to {parcel.name} ({address.kind}, {address.host})")
    return True


def last_sent(app: App, today: date) -> Sent:
    """Return what is remembered of sending."""
    from calsignal.delivery import Sent

    return Sent.from_text(app.store().recall(RECORD), today)
