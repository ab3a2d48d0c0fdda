"""What a play is made of: meetings, told day by day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from calsignal.model import Answer

REP = "robin@ours.example"
YES, MAYBE, NO, SILENT = Answer.ACCEPTED, Answer.TENTATIVE, Answer.DECLINED, Answer.NONE


@dataclass(frozen=True)
class Scene:
    """One meeting as told day by day; days count from today, past ones are negative.

    `made` is the day it was set up, `starts` and `at` where it stands then. `answers` gives each guest's answers by
    day; `moves` the later days and times, by the day on which it was moved; `weekly` repeats it as often. It is in the
    calendar of `rep`, beside those of ours who are on it.
    """

    uid: str
    made: int
    starts: int
    at: str
    minutes: int
    title: str
    answers: Mapping[str, Mapping[int, Answer]]
    organizer: str = REP
    moves: Mapping[int, tuple[int, str]] = field(default_factory=dict)
    weekly: int = 0
    rep: str = REP

    @property
    def on(self) -> frozenset[str]:
        """Everybody whose calendar shows it."""
        return frozenset({self.rep, self.organizer, *self.answers})

    def days(self) -> set[int]:
        """Return the days on which something happened."""
        answered = {day for answers in self.answers.values() for day in answers}
        return {self.made, *answered, *self.moves}


def yes(*people: str, on: int) -> dict[str, dict[int, Answer]]:
    """Return that people accepted on a day."""
    return {person: {on: YES} for person in people}


def silent(*people: str) -> dict[str, dict[int, Answer]]:
    """Return that people never answered."""
    return {person: {} for person in people}
