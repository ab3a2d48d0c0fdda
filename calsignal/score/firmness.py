"""How firm is one person on one meeting: the ladder from withdrawn to attended (scoring model, part 2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from calsignal.directory import Directory, Who
from calsignal.history import Seen
from calsignal.merge import Merged
from calsignal.model import Answer, Confidence, Level, Participant, Role
from calsignal.score.constants import Constants


class Standing(Enum):
    """The evidence for one person on one meeting; the text is printed."""

    ORGANIZED = "organised it"
    SELF_BOOKED = "booked it"
    ACCEPTED = "accepted"
    TENTATIVE = "tentative"
    PROPOSED = "proposed another time"
    LAPSED = "accepted before the move"
    SILENT_ON_BUYERS = "no answer, a colleague organised it"
    SILENT = "no answer"
    OPTIONAL = "optional, not accepted"
    DECLINED = "declined"
    CANCELLED = "cancelled"


ANSWERED = (Answer.ACCEPTED, Answer.TENTATIVE, Answer.DECLINED)

LEVELS = {
    Standing.ORGANIZED: Level.OWNED,
    Standing.SELF_BOOKED: Level.OWNED,
    Standing.ACCEPTED: Level.FIRM,
    Standing.TENTATIVE: Level.SOFT,
    Standing.PROPOSED: Level.SOFT,
    Standing.LAPSED: Level.SOFT,
    Standing.SILENT_ON_BUYERS: Level.INVITED,
    Standing.SILENT: Level.INVITED,
    Standing.OPTIONAL: Level.INVITED,
    Standing.DECLINED: Level.WITHDRAWN,
    Standing.CANCELLED: Level.WITHDRAWN,
}


@dataclass(frozen=True)
class Buyer:
    """One buyer of the account on one state of a meeting; an assistant stands for the principal."""

    who: Who
    participant: Participant
    standing: Standing

    @property
    def level(self) -> Level:
        return LEVELS[self.standing]

    @property
    def acted(self) -> bool:
        """Say whether the buyer did anything: answered in any way, proposed a time, or made the meeting."""
        return self.participant.answer in ANSWERED or self.level >= Level.SOFT


def buyers(seen: Seen, account: str, directory: Directory) -> tuple[Buyer, ...]:
    """Return the account's buyers on a meeting, one row per person (the firmest), in order of person."""
    merged = seen.merged
    roles = {p.person: directory.who(p) for p in merged.people}
    organizer = roles.get(merged.organizer or "")
    called_off = merged.status.gone or declined_by_sellers(merged, directory)
    rows: dict[str, Buyer] = {}
    for participant in merged.people:
        who = roles[participant.person]
        if who.account != account:
            continue
        standing = (
            Standing.CANCELLED
            if called_off
            else _standing(participant, who, merged, organizer, lapsed=participant.person in seen.lapsed)
        )
        row = Buyer(who, participant, standing)
        known = rows.get(who.person)
        rows[who.person] = row if known is None or row.level > known.level else known
    return tuple(rows[person] for person in sorted(rows))


def declined_by_sellers(merged: Merged, directory: Directory) -> bool:
    """Say whether every seller on a meeting has declined it, which calls it off."""
    answers = [p.answer for p in merged.people if directory.who(p).role is Role.SELLER]
    return bool(answers) and all(answer is Answer.DECLINED for answer in answers)


def _standing(participant: Participant, who: Who, merged: Merged, organizer: Who | None, *, lapsed: bool) -> Standing:
    if organizer is not None and organizer.person == who.person:
        return Standing.ORGANIZED
    if participant.proposed is not None and not participant.optional:
        return Standing.PROPOSED
    if participant.answer is Answer.DECLINED:
        return Standing.DECLINED
    if lapsed:
        return Standing.OPTIONAL if participant.optional else Standing.LAPSED
    if participant.answer is Answer.ACCEPTED:
        by_seller = organizer is not None and organizer.role is Role.SELLER
        marked = merged.booking is not None and merged.booking.confidence is not Confidence.GUESS
        return Standing.SELF_BOOKED if marked and by_seller else Standing.ACCEPTED
    if participant.optional:
        return Standing.OPTIONAL
    if participant.answer is Answer.TENTATIVE:
        return Standing.TENTATIVE
    on_buyers = organizer is not None and organizer.account == who.account
    return Standing.SILENT_ON_BUYERS if on_buyers else Standing.SILENT


_WEIGHTS = {
    Standing.ORGANIZED: ("past_organized", "future_organized"),
    Standing.SELF_BOOKED: ("past_self_booked", "future_self_booked"),
    Standing.ACCEPTED: ("past_accepted", "future_accepted"),
    Standing.TENTATIVE: ("past_tentative", "future_tentative"),
    Standing.PROPOSED: ("past_tentative", "future_tentative"),
    Standing.LAPSED: ("past_tentative", "future_tentative"),
    Standing.SILENT_ON_BUYERS: ("past_silent_on_buyers", "future_silent_on_buyers"),
}


def weight(standing: Standing, constants: Constants, *, past: bool) -> float:
    """Return the firmness: the share of the person's minutes that is expected to be spent."""
    names = _WEIGHTS.get(standing)
    return 0.0 if names is None else float(getattr(constants, names[0] if past else names[1]))


def level(rows: Iterable[Buyer]) -> Level:
    """Return the meeting's level: the highest among the account's buyers."""
    return max((row.level for row in rows), default=Level.CLAIMED)


def is_broadcast(merged: Merged, directory: Directory, constants: Constants) -> bool:
    """Say whether it is a webinar rather than a meeting: too many people, too many accounts, or a hidden list."""
    roles = [directory.who(p) for p in merged.people]
    people = sum(who.role is not Role.RESOURCE for who in roles)
    accounts = {who.account for who in roles if who.account is not None}
    return merged.hidden_guests or people > constants.broadcast_people or len(accounts) >= constants.broadcast_accounts


def sellers(merged: Merged, directory: Directory) -> tuple[str, ...]:
    """Return the mailboxes of ours that are on a meeting: on its list, or with a calendar that shows it."""
    listed = {
        directory.mailbox(p.email) or ""
        for p in merged.people
        if directory.who(p).role is Role.SELLER and p.email is not None
    }
    return tuple(sorted(listed | set(merged.mailboxes)))
