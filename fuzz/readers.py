"""Fuzz one reader by hand, guided by coverage: `python fuzz/readers.py READER [FOLDER] [options of libFuzzer]`.

Needs `pip install atheris`. What a run finds new is kept in FOLDER, so that the next one goes on from there; bytes that
break the law are written to the working folder as crash-*. docs/reliability.md has the commands.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[1]
sys.path += [str(ROOT), str(ROOT / "providers"), str(ROOT / "tests")]

with atheris.instrument_imports(include=["calsignal", "calsignal_google", "calsignal_ics", "calsignal_microsoft"]):
    import fuzzing
    from calsignal_google import translate as google
    from calsignal_microsoft import translate as microsoft

SAMPLES = {
    "ics": sorted((ROOT / "tests/data/ics").glob("*.ics")),
    "deals": sorted((ROOT / "tests/data/deals").glob("*.[ct]sv")),
    "google": sorted((ROOT / "tests/data/google").glob("*.json")),
    "config": [ROOT / "config.example.toml"],
}
_AT = {"dateTime": "2026-03-02T10:00:00.0000000", "timeZone": "UTC"}
_WEEKLY = {
    "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"], "firstDayOfWeek": "sunday"},
    "range": {"type": "numbered", "startDate": "2026-03-02", "numberOfOccurrences": 9, "recurrenceTimeZone": "UTC"},
}
_ONE = {"id": "one", "start": _AT, "end": _AT, "subject": "Sample", "attendees": []}
_SERIES = {**_ONE, "type": "seriesMaster", "recurrence": _WEEKLY}
_DATE = {**_ONE, "id": "two", "type": "exception", "seriesMasterId": "one", "originalStart": "2026-03-09T10:00:00Z"}
WRITTEN = {"microsoft": [{"value": [_SERIES]}, {"value": [_ONE, _DATE], "@odata.nextLink": "x"}, {"value": [_DATE]}]}
WORDS = {
    "google": f"{google.FIELDS},items,nextPageToken,nextSyncToken,accessRole,RRULE:FREQ=DAILY,EXDATE:,cancelled",
    "microsoft": f"{microsoft.FIELDS},value,@odata.nextLink,pattern,range,dateTime,timeZone,endDate,relativeMonthly",
    "ics": "BEGIN:VEVENT,END:VEVENT,BEGIN:VTIMEZONE,RRULE:,RDATE:,EXDATE:,;TZID=,RECURRENCE-ID,;VALUE=DATE:,ATTENDEE",
}
"""What stands in the format, for the fuzzer to put in."""


def words(reader: str, folder: Path) -> list[str]:
    """Return the option that names a file of the words of a format."""
    if reader not in WORDS:
        return []
    found = sorted(set(re.split(r"[,/()]", WORDS[reader])) - {""})
    (folder / "words").write_text("\n".join(json.dumps(word) for word in found), encoding="utf-8")
    return [f"-dict={folder / 'words'}"]


def seeded(reader: str) -> str:
    """Return a folder with samples to begin with, each answer in one line, as the readers want it."""
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{reader}-"))
    if reader in WRITTEN:
        (folder / "answers.json").write_text("\n".join(map(json.dumps, WRITTEN[reader])), encoding="utf-8")
    for sample in SAMPLES.get(reader, []):
        data = sample.read_bytes()
        (folder / sample.name).write_bytes(data.replace(b"\n", b"") if sample.suffix == ".json" else data)
    return str(folder)


def main() -> None:
    """Hand over to libFuzzer; it ends by itself with `-max_total_time`."""
    if len(sys.argv) < 2 or sys.argv[1] not in fuzzing.READERS:
        sys.exit(f"usage: python fuzz/readers.py {{{','.join(fuzzing.READERS)}}} [FOLDER] [-max_total_time=SECONDS]")
    reader, rest = sys.argv[1], sys.argv[2:]
    for folder in (word for word in rest if not word.startswith("-")):
        Path(folder).mkdir(parents=True, exist_ok=True)
    limits = ["-timeout=20", "-rss_limit_mb=2048", "-max_len=20000"]
    known = words(reader, Path(tempfile.mkdtemp(prefix="fuzz-words-")))
    atheris.Setup([sys.argv[0], *limits, *known, *rest, seeded(reader)], fuzzing.READERS[reader])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
