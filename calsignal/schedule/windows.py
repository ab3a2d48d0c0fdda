"""A task of Windows' Task Scheduler, as XML."""

from __future__ import annotations

from datetime import date, datetime
from subprocess import list2cmdline
from xml.etree import ElementTree as ET

from calsignal.schedule import DAILY, NOTE, Plan, refuse

_SPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def task(plan: Plan, today: date) -> str:
    """Return the task, from `today` on. What was due while the machine slept runs when it wakes up.

    The scheduler puts variables in the place of `%NAME%` and `$(NAME)`, and nothing keeps it from that: a word with
    one is refused. Raises `InputError`.
    """
    refuse(plan, r'%[^%]+%|\$\([^)]*\)|"', "the Task Scheduler")
    root = ET.Element("Task", {"version": "1.2", "xmlns": _SPACE})
    _put(root, "RegistrationInfo/Description", NOTE)
    _put(root, "Triggers/CalendarTrigger/StartBoundary", datetime.combine(today, plan.at).isoformat())
    trigger = root.find("Triggers/CalendarTrigger")
    assert trigger is not None
    if plan.days == DAILY:
        _put(trigger, "ScheduleByDay/DaysInterval", "1")
    else:
        _put(trigger, "ScheduleByWeek/WeeksInterval", "1")
        for day in plan.days:
            _put(trigger, f"ScheduleByWeek/DaysOfWeek/{_DAYS[day]}")
    for setting, value in _SETTINGS:
        _put(root, f"Settings/{setting}", value)
    _put(root, "Actions/Exec/Command", plan.command[0])
    _put(root, "Actions/Exec/Arguments", list2cmdline(plan.command[1:]))
    _put(root, "Actions/Exec/WorkingDirectory", plan.folder)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-16"?>\n{ET.tostring(root, encoding="unicode")}\n'


_SETTINGS = (
    ("MultipleInstancesPolicy", "IgnoreNew"),
    ("DisallowStartIfOnBatteries", "false"),
    ("StopIfGoingOnBatteries", "false"),
    ("StartWhenAvailable", "true"),
    ("ExecutionTimeLimit", "PT4H"),
)


def _put(parent: ET.Element, path: str, text: str | None = None) -> None:
    """Write an element at a path; those above it are made where they are missing."""
    *above, last = path.split("/")
    for step in above:
        found = parent.find(step)
        parent = ET.SubElement(parent, step) if found is None else found
    ET.SubElement(parent, last).text = text
