"""A service of the user and the timer that starts it."""

from __future__ import annotations

import re

from calsignal.schedule import NOTE, Plan, refuse


def units(plan: Plan) -> dict[str, str]:
    """Return the unit files by name. Raises `InputError`.

    `:` before the command keeps `$` as it is; `%` would begin a specifier. What was due while the machine slept runs
    when it wakes up.
    """
    refuse(plan, r"(?!)", "systemd")
    command = " ".join(map(_quoted, _started(plan.command)))
    service = (
        f"# {NOTE}\n[Unit]\nDescription=calsignal: read the calendars, report\n"
        f"\n[Service]\nType=oneshot\nExecStart=:{command}\n"
    )
    days = ",".join(_DAYS[day] for day in plan.days)
    timer = (
        f"# {NOTE}\n[Unit]\nDescription=calsignal, {plan.when()}\n"
        f"\n[Timer]\nOnCalendar={days} *-*-* {plan.at:%H:%M}:00\nPersistent=true\n"
        f"\n[Install]\nWantedBy=timers.target\n"
    )
    return {f"{plan.name}.service": service, f"{plan.name}.timer": timer}


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _started(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command that systemd starts: it takes no quote or backslash in the name of a program, but sh does."""
    return ("/bin/sh", "-c", 'exec "$@"', "sh", *command) if re.search(r"[\"'\\]", command[0]) else command


def _quoted(word: str) -> str:
    plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{plain}"'
