"""Measure what design.md wants measured, as ratios inside one run, and write the table of docs/performance.md.

    python benchmarks/run.py [--quick] [--write] [--repeat N] [--most N] [ROW ...]

Rows: version, digest, sync, ingest, audit, growth, memory; by default all. `--quick` takes small sizes, to see that all
works, `--most` leaves out larger teams, `--write` puts the tables into docs/performance.md. Both sides run in
turn, as whole processes where that is what people wait for; medians count, and the fastest and the slowest show how
noisy the machine was. PostgreSQL is started for the run; the calendar service is the one of the tests, on loopback.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import sqlalchemy as sa

import postgres
from calsignal.vault import connection_secret
from google_calendar.office import REP, Home
from google_calendar.service import GoogleService
from loopback import slow

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "performance.md"
SETTINGS = (
    *postgres.QUICK,
    *("shared_buffers=1GB", "work_mem=64MB", "maintenance_work_mem=512MB", "max_wal_size=8GB"),
)
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
SMALL_SIZES = (3_000, 10_000, 30_000)
ROWS = ("version", "digest", "sync", "ingest", "audit", "growth", "memory")
CALSIGNAL = str(Path(sys.executable).with_name("calsignal"))

# --- one process ------------------------------------------------------------------------------------------------------

# a process of its own, and a small one: the kernel counts the memory of who starts a program as that program's too
_STOPWATCH = """
import json, os, sys, time
null = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
began = time.perf_counter()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=null)
_, status, usage = os.wait4(pid, 0)
took = time.perf_counter() - began
print(json.dumps([took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status)]))
"""


@dataclass(frozen=True)
class Run:
    """One run: seconds on the wall, seconds of the processor, megabytes at its peak (0: not measured)."""

    wall: float
    cpu: float
    peak: float = 0


def process(*command: str, env: dict[str, str] | None = None) -> Run:
    """Run a program to its end, its output thrown away. Raises `RuntimeError` when it fails."""
    watch = [sys.executable, "-S", "-E", "-c", _STOPWATCH, *command]
    done = subprocess.run(watch, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=True)
    wall, cpu, peak, code = json.loads(done.stdout)
    if code:
        raise RuntimeError(f"{command[0]} ended with {code}: {done.stderr[-2000:]}")
    return Run(wall, cpu, peak / 1024)


def python(script: str, *words: str, env: dict[str, str] | None = None) -> Run:
    return process(sys.executable, str(HERE / script), *words, env=env)


def inside(script: str, *words: str) -> Run:
    """Run a script that measures a part of itself and prints that."""
    done = subprocess.run([sys.executable, str(HERE / script), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{script} failed: {done.stderr[-2000:]}")
    return Run(*json.loads(done.stdout.splitlines()[-1]))


@dataclass
class Pair:
    """Runs of ours and of what it is held against, taken in turn."""

    ours: list[Run] = field(default_factory=list)
    theirs: list[Run] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return _median(run.wall for run in self.ours) / _median(run.wall for run in self.theirs)

    @property
    def cpu_ratio(self) -> float:
        return _median(run.cpu for run in self.ours) / _median(run.cpu for run in self.theirs)

    @property
    def peak(self) -> float:
        return max(run.peak for run in self.ours)


def in_turn(repeat: int, ours: Callable[[], Run], theirs: Callable[[], Run]) -> Pair:
    pair = Pair()
    for _ in range(repeat):
        pair.ours.append(ours())
        pair.theirs.append(theirs())
    return pair


def _median(values: Iterator[float]) -> float:
    return statistics.median(values)


def _spread(runs: Sequence[Run]) -> str:
    walls = [run.wall for run in runs]
    return f"{_seconds(statistics.median(walls))} ({_seconds(min(walls))} to {_seconds(max(walls))})"


def _seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


# --- the bench --------------------------------------------------------------------------------------------------------


@dataclass
class Line:
    """One line of the table; `met` is None where there is no aim."""

    what: str
    against: str
    aim: str
    pair: Pair
    met: bool

    def row(self) -> str:
        pair = self.pair
        verdict = "yes" if self.met else "**no**"
        ratios = f"**{pair.ratio:.2f} x** ({pair.cpu_ratio:.2f} x)"
        cells = (self.what, _spread(pair.ours), self.against, _spread(pair.theirs), ratios, self.aim, verdict)
        return f"| {' | '.join(cells)} |"


@dataclass
class Bench:
    """What is measured, how large and how often; sets the stage for each row when that is first asked for."""

    folder: Path
    quick: bool
    repeat: int | None
    most: int
    stack: ExitStack
    lines: list[Line] = field(default_factory=list)
    growth_rows: list[tuple[int, Run, Run]] = field(default_factory=list)
    memory_rows: list[tuple[str, Run]] = field(default_factory=list)
    kept: Run = Run(0, 0)

    def times(self, number: int) -> int:
        return self.repeat or (2 if self.quick else number)

    @cached_property
    def server(self) -> postgres.Server:
        return self.stack.enter_context(postgres.server(settings=SETTINGS))

    @cached_property
    def now(self) -> str:
        return datetime.now(UTC).replace(microsecond=0).isoformat()

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def generated(self, url: str, *words: str) -> dict[str, str]:
        """Fill an empty store; return the environment in which the commands read it."""
        config = self.folder / "config.toml"
        python("generate.py", url, *words, "--now", self.now, "--config", str(config))
        env = {"CALSIGNAL_DATABASE_URL": url, "CALSIGNAL_CONFIG": str(config), "COLUMNS": "80"}
        self.kept = python("refresh.py", env=env)  # what the end of a sync does
        self.say(f"kept: {self.kept}")
        return env

    def measured(self, what: str, against: str, aim: float, pair: Pair, *, most: float | None = None) -> None:
        """Note a ratio; with `most` the peak in megabytes has an aim too."""
        wanted = f"{aim:g} x" + (f", under {most:g} MB" if most else "")
        met = pair.ratio <= aim and (most is None or pair.peak < most)
        self.lines.append(Line(what, against, wanted, pair, met))
        self.say(self.lines[-1].row())

    # --- rows ---------------------------------------------------------------------------------------------------------

    def version(self) -> None:
        pair = in_turn(
            self.times(25), lambda: process(CALSIGNAL, "--version"), lambda: python("bare_click.py", "--version")
        )
        self.measured("`calsignal --version`", "a minimal click program", 1.5, pair)

    def digest(self) -> None:
        place = self.folder / "rep.db"
        env = self.generated(f"sqlite:///{place}", "--rep")
        pair = in_turn(
            self.times(11), lambda: process(CALSIGNAL, "digest", env=env), lambda: python("bare_open.py", str(place))
        )
        self.measured(
            "`digest` of one rep (300 accounts, 5,000 meetings, SQLite), warm",
            "importing click and SQLAlchemy and opening the file",
            2,
            pair,
        )
        self.memory_rows.append(("`digest` of one rep", pair.ours[-1]))

    def sync(self) -> None:
        number = 500 if self.quick else 5000
        for pause in (0, 0.05):
            with _office(self.folder / f"office{pause}", number) as (home, service):
                self._unchanged(home, service, pause, f"`sync` of {number:,} events with nothing changed")
        reps = 5 if self.quick else 50
        with _team(self.folder / "team50", reps) as (home, service):
            self._unchanged(home, service, 0.05, f"`sync` of {reps} mailboxes with nothing changed")

    def _unchanged(self, home: Home, service: GoogleService, pause: float, what: str) -> None:
        home.ok("sync")
        if pause:
            service.fault(slow(pause), times=10**9, path="")
        bare, env = str(_bare_requests(home)), home.environ
        before = len(service.requests)
        process(CALSIGNAL, "sync", env=env)
        between = len(service.requests)
        python("bare_requests.py", bare, env=env)
        if (made := between - before) != len(service.requests) - between:
            raise RuntimeError(f"a sync makes {made} requests, the bare program {len(service.requests) - between}")
        pair = in_turn(
            self.times(11),
            lambda: process(CALSIGNAL, "sync", env=env),
            lambda: python("bare_requests.py", bare, env=env),
        )
        wait = f"{pause * 1000:.0f} ms each" if pause else "on loopback"
        requests = "the bare request" if made == 1 else f"the {made} bare requests"
        self.measured(what, f"{requests}, {wait}", 1.2, pair)

    def ingest(self) -> None:
        number = 5_000 if self.quick else 100_000
        for name in ("SQLite", "PostgreSQL"):
            pair = Pair()
            for turn in range(self.times(3)):
                with self._two_places(name, turn) as (one, two):
                    pair.ours.append(inside("ingest.py", "sync", one, str(number)))
                    pair.theirs.append(inside("ingest.py", "executemany", one, two))
                    kept = inside("ingest.py", "keep", one)
            what = f"ingest of {number:,} events, {name}"
            self.measured(what, "the same rows with the driver's `executemany`", 5, pair)
            self.memory_rows.append((f"ingest of {number:,} events in memory, {name}", pair.ours[-1]))
            what = f"... then what is kept of its accounts for reports ({_seconds(kept.wall)})"
            self.memory_rows.append((what, kept))

    @contextmanager
    def _two_places(self, name: str, turn: int) -> Iterator[tuple[str, str]]:
        if name == "SQLite":
            with tempfile.TemporaryDirectory(dir=self.folder) as folder:
                yield f"sqlite:///{folder}/{turn}a.db", f"sqlite:///{folder}/{turn}b.db"
        else:
            with self.server.database() as one, self.server.database() as two:
                yield one, two

    def audit(self) -> None:
        meetings = min(self.most, 20_000 if self.quick else 1_000_000)
        with self.server.database() as url:
            env = self.generated(url, "--meetings", str(meetings))
            self.say(f"generated {meetings:,} meetings; the pass: {_plan(url)}")
            process(CALSIGNAL, "audit", env=env)
            pair = in_turn(
                self.times(3), lambda: process(CALSIGNAL, "audit", env=env), lambda: python("bare_pass.py", url)
            )
            self.measured(
                f"`audit` of {meetings:,} meetings (PostgreSQL)",
                "one SQL pass (`GROUP BY account`)",
                5,
                pair,
                most=600,
            )
            self._grew(meetings, pair)
            self.memory_rows.append((f"`audit` of {meetings:,} meetings", max(pair.ours, key=lambda run: run.peak)))
            self.memory_rows.append(("`digest --rep` of one of that team", self._one_rep(env)))
            took = f"{_seconds(self.kept.wall)}, {self.kept.wall / meetings * 1e3:.2f} ms a meeting"
            what = f"the end of a first `sync` of {meetings:,} meetings, which looks at every account ({took})"
            self.memory_rows.append((what, self.kept))

    def _one_rep(self, env: dict[str, str]) -> Run:
        return process(CALSIGNAL, "digest", "--rep", "rep0@ours.example", env=env)

    def growth(self) -> None:
        small = self.quick or self.most < SIZES[2]
        for meetings in SMALL_SIZES if small else SIZES:
            if meetings <= self.most and meetings not in {size for size, _, _ in self.growth_rows}:
                self._grown(meetings)
        self.growth_rows.sort(key=lambda row: row[0])

    def _grown(self, meetings: int) -> None:
        with self.server.database() as url:
            env = self.generated(url, "--meetings", str(meetings))
            process(CALSIGNAL, "audit", env=env)
            pair = in_turn(
                self.times(3 if meetings < 200_000 else 1),
                lambda: process(CALSIGNAL, "audit", env=env),
                lambda: python("bare_pass.py", url),
            )
        self._grew(meetings, pair)

    def _grew(self, meetings: int, pair: Pair) -> None:
        ours, theirs = (min(runs, key=lambda run: run.wall) for runs in (pair.ours, pair.theirs))
        self.growth_rows.append((meetings, ours, theirs))
        self.say(f"{meetings:,}: audit {ours}, pass {theirs}")

    def memory(self) -> None:
        number = 1_000 if self.quick else 20_000
        with _office(self.folder / "large", number) as (home, _):
            self._remember(f"first `sync` of a mailbox of {number:,} events", home)
            self._remember("... again, nothing changed", home)
        reps = 10 if self.quick else 500
        with _team(self.folder / "team", reps) as (home, _):
            self._remember(f"first `sync` of {reps} mailboxes of 40 events", home)
            self._remember("... again, nothing changed", home)

    def _remember(self, what: str, home: Home) -> None:
        self.memory_rows.append((what, process(CALSIGNAL, "sync", env=home.environ)))
        self.say(f"{what}: {self.memory_rows[-1][1]}")


def _plan(url: str) -> str:
    """Return how the database goes about the pass, in its own words, without figures."""
    from bare_pass import PASS

    engine = sa.create_engine(url)
    with engine.connect() as conn:
        lines = conn.exec_driver_sql(f"EXPLAIN {PASS}").scalars().all()
    engine.dispose()
    return "; ".join(re.sub(r" *->|  \(cost.*", "", line).strip() for line in lines if "(cost" in line)


# --- a calendar service -----------------------------------------------------------------------------------------------


@contextmanager
def _service(folder: Path) -> Iterator[tuple[Home, GoogleService]]:
    with GoogleService(now=datetime.now(UTC)) as service:
        home = Home(folder, service, {"CALSIGNAL_SECRET_KEY": ""})  # the key in a file, as on most machines
        home.settle()
        accounts = "".join(f"Account {n},account{n}.example\n" for n in range(300))
        (folder / "accounts.csv").write_text(f"name,domain\n{accounts}", encoding="utf-8")
        yield home, service


@contextmanager
def _office(folder: Path, events: int) -> Iterator[tuple[Home, GoogleService]]:
    """Give a machine that is connected to a mailbox of so many events."""
    with _service(folder) as (home, service):
        _fill(service, REP, events)
        code, _, err = home.sign_in(REP)
        if code:
            raise RuntimeError(err)
        home.ok("accounts", "import", str(folder / "accounts.csv"))
        yield home, service


@contextmanager
def _team(folder: Path, reps: int) -> Iterator[tuple[Home, GoogleService]]:
    """Give a machine that is connected to many mailboxes through a service account."""
    with _service(folder) as (home, service):
        names = [f"rep{n}@ours.example" for n in range(reps)]
        for name in names:
            _fill(service, name, 40)
        key = folder / "key.json"
        key.write_text(json.dumps(service.service_account_key()), encoding="utf-8")
        home.ok("connect", "google", "--service-account", str(key), *(w for name in names for w in ("--as", name)))
        home.ok("accounts", "import", str(folder / "accounts.csv"))
        yield home, service


def _fill(service: GoogleService, rep: str, events: int) -> None:
    box, first = service.mailbox(rep), service.now.replace(microsecond=0) - timedelta(days=300)
    for n in range(events):
        start = first + n * timedelta(days=360) / events
        guests = [f"buyer{k}@account{n % 300}.example" for k in range(4)]
        box.add(f"Sample {n}", start, start + timedelta(hours=1), attendees=guests, invite=False)


def _bare_requests(home: Home) -> Path:
    """Write what the bare program needs to ask what a sync asks: sign-ins, cursors, and the question word for word."""
    data, config = (home.folder / name / "calsignal" for name in ("data", "config"))
    app = replace(home.app(), data_dir=data, config_dir=config)
    try:
        store, mailboxes = app.store(), []
        for connection in store.connections():
            cursor = json.loads(store.calendars(connection)[0].cursor or "{}")
            kept = app.vault.get(connection_secret(connection.name, connection.shares)) or "{}"
            secret = json.loads(kept)
            mailboxes.append({"secret": secret, "mailbox": connection.mailbox, "token": cursor["token"]})
    finally:
        app.close()
    asked = home.service.requests[-1].params
    question = {name: asked[name] for name in ("maxResults", "fields")}
    place = home.folder / "bare.json"
    given = {"mailboxes": mailboxes, "root": home.service.root, "question": question}
    place.write_text(json.dumps(given), encoding="utf-8")
    return place


# --- the page ---------------------------------------------------------------------------------------------------------


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return the exponent of growth between the sizes, fitted: 1 is linear."""
    fit = statistics.linear_regression([math.log(s) for s in sizes], [math.log(c) for c in costs])
    return fit.slope


def page(bench: Bench) -> str:
    """Return the tables as Markdown."""
    parts = [_machine(bench)]
    if bench.lines:
        head = "| what | takes | against | takes | ratio (of processor time) | at most | met |"
        parts.append("\n".join([head, "|---|---|---|---|---|---|---|", *(line.row() for line in bench.lines)]))
    if bench.growth_rows:
        parts.append(_growth(bench.growth_rows))
    if bench.memory_rows:
        rows = [f"| {what} | {run.peak:.0f} MB |" for what, run in bench.memory_rows]
        parts.append("\n".join(["| what | most memory |", "|---|---|", *rows]))
    return "\n\n".join(parts)


def _growth(found: Sequence[tuple[int, Run, Run]]) -> str:
    head = "| meetings | audit | of processor time | per 1,000 meetings | most memory | the SQL pass | ratio |"
    rows = [
        f"| {n:,} | {_seconds(ours.wall)} | {_seconds(ours.cpu)} | {ours.cpu / n * 1e6:.0f} ms | {ours.peak:.0f} MB | "
        f"{_seconds(theirs.wall)} | {ours.wall / theirs.wall:.1f} x |"
        for n, ours, theirs in found
    ]
    table = "\n".join([head, "|---|---|---|---|---|---|---|", *rows])
    if len(found) < 2:
        return table
    sizes, runs = [n for n, _, _ in found[-3:]], [ours for _, ours, _ in found[-3:]]
    fitted = ", ".join(
        f"{exponent(sizes, costs):.2f} of {what}"
        for what, costs in (
            ("the time", [run.wall for run in runs]),
            ("the processor time", [run.cpu for run in runs]),
            ("the memory", [run.peak for run in runs]),
        )
    )
    return f"{table}\n\nFitted exponents of growth over the largest {len(runs)} sizes (1 is linear): {fitted}."


def _machine(bench: Bench) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    words = [f"{datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores", f"{memory:.0f} GB of memory", platform.system()]
    words += [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in ("SQLAlchemy", "psycopg"))]
    if "server" in vars(bench):
        engine = sa.create_engine(bench.server.url)
        with engine.connect() as conn:
            words.append(f"PostgreSQL {conn.exec_driver_sql('SHOW server_version').scalar()}")
        engine.dispose()
    load = os.getloadavg()[2]
    words.append(f"a load of {load:.1f} over the last quarter of an hour, of which one is this run")
    small = " Small sizes (`--quick`)." if bench.quick else ""
    most = f" Teams of at most {bench.most:,} meetings (`--most`)." if bench.most < SIZES[-1] else ""
    return ", ".join(words) + "." + small + most


BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def write(text: str) -> None:
    """Put the tables into the page, in the place of those of the run before."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure, as ratios inside one run.")
    parser.add_argument("rows", nargs="*", choices=[[], *ROWS], metavar="ROW")
    parser.add_argument("--quick", action="store_true", help="small sizes, few repeats")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    parser.add_argument("--repeat", type=int, help="how often each side runs")
    parser.add_argument("--most", type=int, default=SIZES[-1], help="how many meetings the largest team has")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="calsignal-bench-") as folder, ExitStack() as stack:
        bench = Bench(Path(folder), given.quick, given.repeat, given.most, stack)
        for row in given.rows or ROWS:
            getattr(bench, row)()
            if given.write:
                write(page(bench))  # what was measured stays when a later row is interrupted
        print(page(bench))


if __name__ == "__main__":
    main()
