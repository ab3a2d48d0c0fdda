"""Counts what in a set-up does not fit the calendars that were read: mistakes of which no command fails."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from calsignal.config import Settings
from calsignal.directory import FREE_MAIL, Directory, rep_of
from calsignal.doctor import Fit
from calsignal.model import DealTrack, Outcome, Role
from calsignal.score.forecast import Names
from calsignal.store import Store
from calsignal.team import team_directory


def fit(store: Store, settings: Settings, now: datetime) -> Fit:
    """Return what does not fit as of `now`."""
    directory = team_directory(store, settings)
    mailboxes = {c.mailbox for c in store.connections() if c.retired_at is None}
    read = {rep_of(mailbox, directory) for mailbox in mailboxes}
    named = {rep_of(mailbox, directory) for members in settings.teams.values() for mailbox in members}
    roles = [directory.who_is(*person).role for person in store.people()]
    names = Names(directory, settings.deals.accounts, settings.deals.owners)
    open_deals = list(_open(store.deals(now)))
    buyers = roles.count(Role.BUYER)
    return Fit(
        strays=sum(_is_stray(mailbox, directory) for mailbox in mailboxes),
        absent=len(named - read),
        met=buyers + roles.count(Role.THIRD_PARTY),
        buyers=buyers,
        open_deals=len(open_deals),
        homeless=sum(names.account(track.now).found is None for track in open_deals),
    )


def _is_stray(mailbox: str, directory: Directory) -> bool:
    """Say whether the colleagues of a connected mailbox would be taken for strangers, or for buyers."""
    domain = mailbox.rpartition("@")[2]
    return domain not in FREE_MAIL and not Directory(directory.team_domains).is_seller(domain, None)


def _open(tracks: Iterable[DealTrack]) -> Iterable[DealTrack]:
    return (track for track in tracks if not track.missing and track.now.outcome is Outcome.OPEN)
