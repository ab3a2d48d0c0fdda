"""Fuzz one reader by hand, guided by coverage: `python fuzz/readers.py READER [FOLDER] [options of libFuzzer]`.

Needs `pip install atheris`. What a run finds new is kept in FOLDER, so that the next one goes on from there; the bytes that
broke the law are written beside it as crash-*. docs/reliability.md has the commands.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[1]
sys.path += [str(ROOT), str(ROOT / "providers"), str(ROOT / "tests")]

with atheris.instrument_imports(include=["calsignal", "calsignal_google", "calsignal_ics", "calsignal_microsoft"]):
    import fuzzing

SAMPLES = {
    "ics": sorted((ROOT / "tests/data/ics").glob("*.ics")),
    "deals": sorted((ROOT / "tests/data/deals").glob("*.[ct]sv")),
    "google": sorted((ROOT / "tests/data/google").glob("*.json")),
    "config": [ROOT / "config.example.toml"],
}


def seeded(reader: str) -> str:
    """Return a folder with samples to begin with, each JSON in one line, as the readers want it."""
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{reader}-"))
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
    atheris.Setup([sys.argv[0], *limits, *rest, seeded(reader)], fuzzing.READERS[reader])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
