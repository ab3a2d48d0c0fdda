"""An agent of launchd: a property list in the user's Library."""

from __future__ import annotations

import plistlib
from pathlib import PurePosixPath

from calsignal.schedule import DAILY, NOTE, Plan, refuse


def label(name: str) -> str:
    """Return what launchd calls the plan of that name."""
    return f"{name}.daily"


def agent(plan: Plan) -> str:
    """Return the property list. What was due while the machine slept runs when it wakes up. Raises `InputError`."""
    refuse(plan, r"(?!)", "launchd")
    clock = {"Hour": plan.at.hour, "Minute": plan.at.minute}
    # in launchd 0 and 7 are Sunday
    times = clock if plan.days == DAILY else [{**clock, "Weekday": (day + 1) % 7} for day in plan.days]
    content = {
        "Label": label(plan.name),
        "ProgramArguments": list(plan.command),
        "StartCalendarInterval": times,
        "StandardErrorPath": str(PurePosixPath(plan.folder) / "schedule.err"),
        "ProcessType": "Background",
    }
    text = plistlib.dumps(content, sort_keys=False).decode()
    return text.replace("<plist ", f"<!-- {NOTE.replace('--', '')} -->\n<plist ", 1)
