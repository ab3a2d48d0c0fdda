"""The daily run, in the words of the schedulers of this world. Pure: texts in, texts out.

A `Plan` says what runs and when; `cron`, `systemd`, `launchd` and `windows` write it in the form of their scheduler,
quote it by that one's rules, and find again what they wrote.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from calsignal.errors import InputError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAILY = tuple(range(7))
NOTE = "written by `calsignal schedule`, which takes it away again with --remove"
"""Stands in everything that is installed: what lacks it was written by somebody else, and stays."""


@dataclass(frozen=True)
class Plan:
    """What runs, and when.

    command     the words of the command line, the program with its whole path
    at          the time of day, of this machine
    days        weekdays, 0 is Monday
    name        tells plans of several configs of one user apart: letters, digits and dashes
    folder      where the run begins, and what it has to say is written
    """

    command: tuple[str, ...]
    at: time
    days: tuple[int, ...] = DAILY
    name: str = "calsignal"
    folder: str = ""

    def when(self) -> str:
        """Say when it runs: `07:30, mon-fri`."""
        return f"{self.at:%H:%M}, {days_text(self.days)}"

    def latest(self, now: datetime) -> datetime | None:
        """Return the last moment at or before `now` (aware, in the machine's zone) at which it was due."""
        for back in range(8):
            day = now.date() - timedelta(days=back)
            due = datetime.combine(day, self.at, now.tzinfo)
            if day.weekday() in self.days and due <= now:
                return due
        return None


def read_time(text: str) -> time:
    """Return a time of day that is written as `07:30`. Raises `InputError`."""
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text.strip())
    if not found:
        raise InputError(f"{text!r} is no time of day", "write it as 07:30")
    return time(int(found[1]), int(found[2]))


def read_days(text: str) -> tuple[int, ...]:
    """Return the weekdays of `daily`, `mon-fri`, `sun-thu` or `mon,wed,fri`. Raises `InputError`."""
    words = [word.strip().lower() for word in text.split(",")]
    if words == ["daily"]:
        return DAILY
    try:
        found = {day for word in words for day in _days_of(word)}
    except ValueError:
        raise InputError(f"{text!r} names no days", "write daily, mon-fri or mon,wed,fri") from None
    return tuple(sorted(found))


def _days_of(word: str) -> Iterator[int]:
    first, dash, last = word.partition("-")
    start = DAYS.index(first)
    end = DAYS.index(last) if dash else start
    yield from ((start + step) % 7 for step in range((end - start) % 7 + 1))


def days_text(days: tuple[int, ...]) -> str:
    """Write weekdays: `daily`, `mon-fri`, `mon,wed`."""
    if days == DAILY:
        return "daily"
    if len(days) > 2 and days == tuple(range(days[0], days[-1] + 1)):
        return f"{DAYS[days[0]]}-{DAYS[days[-1]]}"
    return ",".join(DAYS[day] for day in days)


def plan_name(config: str, usual: str) -> str:
    """Return the name of the plan of a config file; that of the usual one is short."""
    return "calsignal" if config == usual else f"calsignal-{hashlib.sha256(config.encode()).hexdigest()[:8]}"


def refuse(plan: Plan, forbidden: str, scheduler: str) -> None:
    """Raise `InputError` where a word of the plan has a character that its scheduler has no way to write.

    `forbidden` is a regular expression; characters that end a line or cannot be seen are never possible.
    """
    for word in (*plan.command, plan.folder):
        bad = re.search(rf"[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]|{forbidden}", word)
        if bad:
            raise InputError(
                f"{scheduler} cannot run {word!r}: nobody can write {bad[0]!r} there",
                "move it to a folder with a plainer name",
            )
