"""A machine on which the daily run is installed: a home of its own, and schedulers that only take notes."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path

from calsignal.cli.app import App
from calsignal.registry import GROUP
from cli.desk import Desk
from fake_provider import EPOCH

REP = "rep@ours.example"
SUBJECT = "Sample call"

_CRONTAB = """#!/bin/sh
# a crontab that is one file
cd "$(dirname "$0")" || exit 9
echo "crontab $*" >> calls
if [ -e broken ]; then echo "crontab: broken" >&2; exit 1; fi
if [ "$1" = -l ]; then
    if [ -e table ]; then cat table; else echo "no crontab for sample" >&2; exit 1; fi
else
    cat > table
fi
"""
_NOTES = """#!/bin/sh
# takes notes
cd "$(dirname "$0")" || exit 9
echo "{name} $*" >> calls
if [ -e broken ]; then echo "Failed to connect to bus" >&2; exit 1; fi
"""
_SCHTASKS = """#!/bin/sh
# a library of one task
here="$(dirname "$0")"
echo "schtasks $1 $2 $3" >> "$here/calls"
case "$1" in
    /Create) cp "$5" "$here/task" ;;
    /Query) cat "$here/task" 2>/dev/null || exit 1 ;;
    /Delete) rm "$here/task" ;;
esac
"""
CALENDAR = f"""BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//sample//sample//EN
BEGIN:VEVENT
UID:1@sample.example
DTSTART:20990303T100000Z
DTEND:20990303T103000Z
SUMMARY:{SUBJECT}
ORGANIZER:mailto:ann@acme.example
ATTENDEE;PARTSTAT=ACCEPTED:mailto:{REP}
END:VEVENT
BEGIN:VEVENT
UID:2@sample.example
DTSTART:20200303T100000Z
DTEND:20200303T103000Z
SUMMARY:{SUBJECT}
ORGANIZER:mailto:ann@acme.example
ATTENDEE;PARTSTAT=ACCEPTED:mailto:{REP}
END:VEVENT
END:VCALENDAR
"""


@dataclass
class Machine(Desk):
    """A desk whose folders are those that its environment leads to, for programs that it starts."""

    printed: str = field(default="")

    def __post_init__(self) -> None:
        self.tools = self.folder / "tools"
        self.tools.mkdir(parents=True)
        scripts = {"crontab": _CRONTAB, "schtasks": _SCHTASKS}
        scripts |= {name: _NOTES.replace("{name}", name) for name in ("systemctl", "launchctl")}
        for name, text in scripts.items():
            (self.tools / name).write_text(text)
            (self.tools / name).chmod(0o755)
        self.environ = {"HOME": str(self.folder), "PATH": f"{self.tools}:/usr/bin:/bin", "TZ": "UTC"}
        self.clock.at = EPOCH

    @property
    def config(self) -> Path:
        return self.folder / ".config" / "calsignal" / "config.toml"

    @property
    def data(self) -> Path:
        return self.folder / ".local" / "share" / "calsignal"

    def app(self) -> App:
        points = [EntryPoint("ics", "calsignal_ics:provider", GROUP)]
        return App(
            clock=self.clock,
            environ=self.environ,
            config_dir=self.config.parent,
            data_dir=self.data,
            points=points,
        )

    def settle(self) -> None:
        """Write a config, and connect a calendar."""
        self.ok("init", "--domain", "ours.example", "--timezone", "UTC")
        (self.folder / "calendar.ics").write_text(CALENDAR)
        self.ok("connect", "ics", str(self.folder / "calendar.ics"), "--rep", REP)
        self.ok("accounts", "add", "Acme", "acme.example")

    @property
    def calls(self) -> list[str]:
        """Return what the schedulers were told, as far as it changes something."""
        file = self.tools / "calls"
        told = file.read_text().splitlines() if file.exists() else []
        return [line for line in told if " -l" not in line and "/Query" not in line]

    @property
    def table(self) -> str:
        return (self.tools / "table").read_text()


assert sys.platform != "win32", "these machines have a shell"
