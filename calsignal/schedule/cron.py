"""A line in a crontab, between two marks."""

from __future__ import annotations

import re
import shlex

from calsignal.errors import CalsignalError
from calsignal.schedule import DAILY, NOTE, Plan, refuse


def block(plan: Plan) -> str:
    """Return the lines for a crontab.

    cron ends a command at `%` unless a backslash stands before it, and versions of cron differ in what they make of
    two backslashes: a word with one of its own is refused. Raises `InputError`.
    """
    refuse(plan, r"\\", "cron")
    days = "*" if plan.days == DAILY else ",".join(str((day + 1) % 7) for day in plan.days)
    command = shlex.join(plan.command).replace("%", r"\%")
    return f"{_begin(plan.name)}\n{plan.at.minute} {plan.at.hour} * * {days} {command}\n{_end(plan.name)}\n"


def added(table: str, plan: Plan) -> str:
    """Return a crontab with the plan in the place of an older one; nothing else in it changes.

    Raises:
        CalsignalError: the marks in it do not match.
        InputError: cron cannot run the plan.
    """
    rest = removed(table, plan.name)
    if rest and not rest.endswith("\n"):
        rest += "\n"
    return rest + block(plan)


def removed(table: str, name: str) -> str:
    """Return a crontab without the plan of that name; nothing else in it changes.

    Raises:
        CalsignalError: the marks in it do not match.
    """
    begin, end = f"{_begin(name)}\n", f"{_end(name)}\n"
    if not is_in(table, name):
        if _begin(name) in table.splitlines() or _end(name) in table.splitlines():
            hint = "mend it by hand with `crontab -e`: a begin and an end of calsignal belong together"
            raise CalsignalError("the marks of calsignal in the crontab do not match", hint)
        return table
    return re.sub(f"^{re.escape(begin)}[^\n]*\n{re.escape(end)}", "", table, flags=re.MULTILINE)


def is_in(table: str, name: str) -> bool:
    """Say whether a crontab holds the plan of that name."""
    pattern = f"^{re.escape(_begin(name))}\n[^\n]*\n{re.escape(_end(name))}\n"
    return re.search(pattern, table, re.MULTILINE) is not None


def _begin(name: str) -> str:
    return f"# {name}: begin, {NOTE}"


def _end(name: str) -> str:
    return f"# {name}: end"
