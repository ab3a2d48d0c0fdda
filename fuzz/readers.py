"""Fuzz one reader by hand, guided by coverage: `python fuzz/readers.py READER [FOLDER] [options of libFuzzer]`.

Needs `pip install atheris`. What a run finds new is kept in FOLDER, so that the next one goes on from there; bytes that
break the law are written to the working folder as crash-*. docs/reliability.md has the commands.
"""

from __future__ import annotations

import json
import random
import re
import sys
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

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
_ANSWERS = [{"value": [_SERIES]}, {"value": [_ONE, _DATE], "@odata.nextLink": "x"}, {"value": [_DATE]}]
_TABLE = """Domain;name;type;owner;address;key_player;else
acme.example;Acme;prospect;;;ann@acme.example;1
bee.example,sub.bee.example;"Bee; Sons";customer;rep@ours.example;bob@gmail.com;;
"""
_LIVE = re.sub("^#(?=[^ ])", "", (ROOT / "config.example.toml").read_text(encoding="utf-8"), flags=re.MULTILINE)
WRITTEN = {
    "microsoft": "\n".join(map(json.dumps, _ANSWERS)),
    "accounts": _TABLE,
    "config": _LIVE,
}
WORDS = {
    "google": f"{google.FIELDS},items,nextPageToken,nextSyncToken,accessRole,RRULE:FREQ=DAILY,EXDATE:,cancelled",
    "microsoft": f"{microsoft.FIELDS},value,@odata.nextLink,pattern,range,dateTime,timeZone,endDate,relativeMonthly",
    "accounts": "name,domain,domains,type,owner,address,key_player,prospect,customer,.example,http://,@gmail.com,xn--",
    "config": "[team],domains = ,aliases,timezone,delegates,links,[deals.owners],[delivery.reps],true,1.5,nan,[[,= {a=",
    "ics": "BEGIN:VEVENT,END:VEVENT,BEGIN:VTIMEZONE,RRULE:,RDATE:,EXDATE:,;TZID=,RECURRENCE-ID,;VALUE=DATE:,ATTENDEE",
}
"""What stands in the format, for the fuzzer to put in."""
ODD = [
    None,
    True,
    0,
    -1,
    1.5,
    10**30,
    float("nan"),
    "",
    "\u202ea\0",
    "\ud800",
    "9999-12-31T23:59:59Z",
    [],
    {},
    [[]],
    [{}],
]
"""Values that stand where others are due."""


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
        (folder / "written").write_text(WRITTEN[reader], encoding="utf-8")
    for sample in SAMPLES.get(reader, []):
        data = sample.read_bytes()
        (folder / sample.name).write_bytes(data.replace(b"\n", b"") if sample.suffix == ".json" else data)
    return str(folder)


def places(value: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401
    """Yield each place inside a value of JSON: what holds it, and its index or key there."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places(value[key])


def changed(data: bytes, most: int, seed: int) -> bytes:
    """Change one value of some answers, so that they stay JSON and get past the door; else bytes, as libFuzzer does."""
    chance = random.Random(seed)
    try:
        answers = [json.loads(line) for line in data.split(b"\n")]
        found = list(places(answers))
    except (ValueError, RecursionError):
        return atheris.Mutate(data, most)
    holder, key = chance.choice(found)
    other_holder, other_key = chance.choice(found)
    match chance.randrange(6):
        case 0:
            return atheris.Mutate(data, most)
        case 1:
            del holder[key]
        case 2:
            holder[key] = deepcopy(other_holder[other_key])
        case 3:
            holder[key] = chance.choice(ODD)
        case 4 if isinstance(holder, list):
            holder.append(deepcopy(other_holder[other_key]))
        case _:
            holder[key] = nudged(holder[key])
    text = "\n".join(map(json.dumps, answers)).encode()
    return text if len(text) <= most else atheris.Mutate(data, most)


def nudged(value: object) -> object:
    """Change some letters or digits of a value; what is then no JSON is a text."""
    text = (value if isinstance(value, str) else json.dumps(value)).encode(errors="replace")
    found = atheris.Mutate(text, len(text) + 20).decode(errors="replace")
    try:
        return found if isinstance(value, str) else json.loads(found)
    except (ValueError, RecursionError):
        return found


def main() -> None:
    """Hand over to libFuzzer; it ends by itself with `-max_total_time`."""
    if len(sys.argv) < 2 or sys.argv[1] not in fuzzing.READERS:
        sys.exit(f"usage: python fuzz/readers.py {{{','.join(fuzzing.READERS)}}} [FOLDER] [-max_total_time=SECONDS]")
    reader, rest = sys.argv[1], sys.argv[2:]
    for place in (Path(word) for word in rest if not word.startswith("-")):
        if not place.is_file():  # one input to try again
            place.mkdir(parents=True, exist_ok=True)
    limits = ["-timeout=20", "-rss_limit_mb=2048", "-max_len=20000"]
    known = words(reader, Path(tempfile.mkdtemp(prefix="fuzz-words-")))
    begin = [] if any(Path(word).is_file() for word in rest) else [seeded(reader)]
    shaped: dict[str, Any] = {}
    if reader in ("google", "microsoft"):
        shaped, limits = {"custom_mutator": changed}, [*limits, "-len_control=0"]
    atheris.Setup([sys.argv[0], *limits, *known, *rest, *begin], fuzzing.READERS[reader], **shaped)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
