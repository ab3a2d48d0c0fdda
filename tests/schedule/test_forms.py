"""Every form of the daily run says what it should, also of paths with spaces, quotes, percent and dollar signs."""

from __future__ import annotations

import os
import plistlib
import re
import shlex
import shutil
import subprocess
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.errors import CalsignalError, InputError
from calsignal.schedule import (
    DAILY,
    DAYS,
    NOTE,
    Plan,
    cron,
    days_text,
    launchd,
    plan_name,
    read_days,
    read_time,
    systemd,
    windows,
)

AT = time(7, 30)
WORKDAYS = (0, 1, 2, 3, 4)
PLAN = Plan(("/usr/bin/python3", "-m", "calsignal", "schedule", "--run"), AT, WORKDAYS, folder="/home/rita/data")

odd = st.text(st.sampled_from("ab %$'\"&<>;#!*?~(){}[]|`,=é株/.-"), min_size=1, max_size=12)
words = st.lists(odd, min_size=1, max_size=4).map(lambda found: ("/bin/echo", *found))
days = st.sets(st.integers(0, 6), min_size=1).map(lambda found: tuple(sorted(found)))


def plan(command: tuple[str, ...], on: tuple[int, ...] = DAILY) -> Plan:
    return Plan(command, AT, on)


# --- days and times ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("daily", DAILY),
        ("mon-fri", WORKDAYS),
        ("Sun-Thu", (0, 1, 2, 3, 6)),
        ("mon, wed,fri", (0, 2, 4)),
        ("sat", (5,)),
        ("mon-sun", DAILY),
    ],
)
def test_days_are_read(text: str, found: tuple[int, ...]) -> None:
    assert read_days(text) == found


@given(days)
def test_days_that_were_written_read_back(on: tuple[int, ...]) -> None:
    assert read_days(days_text(on)) == on


@pytest.mark.parametrize("text", ["", "never", "mon-", "montag", "mon;tue", "weekdays"])
def test_what_names_no_days_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="names no days"):
        read_days(text)


@pytest.mark.parametrize("text", ["", "7", "24:00", "07:60", "7.30", "07:30:00", "half past"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no time of day"):
        read_time(text)


def test_a_time_may_have_one_digit() -> None:
    assert read_time("7:05") == time(7, 5)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-17T07:29", "2026-03-16T07:30"),
        ("2026-03-17T07:30", "2026-03-17T07:30"),
        ("2026-03-15T23:00", "2026-03-13T07:30"),
    ],
)
def test_the_last_moment_at_which_a_run_was_due(now: str, due: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)

    assert PLAN.latest(moment) == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_the_plans_of_two_configs_have_two_names() -> None:
    assert plan_name("/a/config.toml", "/a/config.toml") == "calsignal"
    assert re.fullmatch("calsignal-[0-9a-f]{8}", plan_name("/b/config.toml", "/a/config.toml"))


# --- cron -------------------------------------------------------------------------------------------------------------


def cron_runs(line: str) -> str:
    """Return what cron gives to sh: `%` ends the command unless a backslash stands before it."""
    command = line.split(" ", 5)[5]
    found = re.split(r"(?<!\\)%", command)
    assert len(found) == 1, "the rest would have been standard input"
    return command.replace(r"\%", "%")


@given(words)
def test_sh_gets_every_word_from_cron_as_it_is(command: tuple[str, ...]) -> None:
    line = cron.block(plan(command)).splitlines()[1]

    assert shlex.split(cron_runs(line)) == list(command)


def test_sh_prints_the_very_words() -> None:
    odd_words = ("a b", "50%", "$HOME", "it's", '"q"', "`id`", "&;|", "株 é")
    line = cron.block(plan(("/usr/bin/printf", "%s\\n".replace("\\n", "|"), *odd_words))).splitlines()[1]

    told = subprocess.run(["/bin/sh", "-c", cron_runs(line)], capture_output=True, check=True)

    assert told.stdout.decode() == "".join(f"{word}|" for word in odd_words)


def test_a_line_of_cron_names_time_and_days() -> None:
    assert cron.block(PLAN).splitlines()[1].startswith("30 7 * * 1,2,3,4,5 /usr/bin/python3 -m calsignal ")
    assert cron.block(plan(("x",))).splitlines()[1] == "30 7 * * * x"
    assert cron.block(plan(("x",), (5, 6))).splitlines()[1] == "30 7 * * 6,0 x"


others = st.lists(st.text(st.characters(exclude_characters="\n", codec="utf-8"), max_size=15), max_size=4).map(
    lambda lines: "".join(f"{line}\n" for line in lines)
)


@given(others, others)
def test_what_others_wrote_in_a_crontab_stays_byte_for_byte(before: str, after: str) -> None:
    added = cron.added(before, PLAN)
    grown = added + after

    assert cron.is_in(grown, PLAN.name)
    assert cron.removed(grown, PLAN.name) == before + after
    assert cron.removed(added, PLAN.name) == before
    assert cron.added(added, PLAN) == added


def test_another_plan_in_a_crontab_stays() -> None:
    other = Plan(("other",), AT, name="calsignal-1a2b3c4d")
    both = cron.added(cron.added("", PLAN), other)

    assert cron.removed(both, PLAN.name) == cron.block(other)
    assert cron.removed(both, other.name) == cron.block(PLAN)


def test_a_crontab_without_a_last_newline_gets_one() -> None:
    assert cron.added("0 1 * * * x", PLAN) == "0 1 * * * x\n" + cron.block(PLAN)


@pytest.mark.parametrize("cut", [0, 1, 2])
def test_marks_that_do_not_match_are_left_to_a_human(cut: int) -> None:
    lines = cron.block(PLAN).splitlines(keepends=True)
    del lines[cut]
    broken = "".join(lines)

    with pytest.raises(CalsignalError, match="marks of calsignal"):
        cron.removed(broken, PLAN.name)
    with pytest.raises(CalsignalError, match="marks of calsignal"):
        cron.added(broken, PLAN)


# --- systemd ----------------------------------------------------------------------------------------------------------


def unquoted(line: str) -> list[str]:
    """Return the words of an ExecStart as systemd.syntax(7) and systemd.unit(5) have it."""
    assert line.startswith(":"), "$ would mean a variable"
    found = re.findall(r'"((?:[^"\\]|\\.)*)"', line)
    assert " ".join(f'"{word}"' for word in found) == line[1:]
    for word in found:
        assert not re.search(r"(?<!%)(?:%%)*%(?!%)", word), "a specifier"
    return [re.sub(r"\\(.)", r"\1", word).replace("%%", "%") for word in found]


@given(words)
def test_systemd_gets_every_word_as_it_is(command: tuple[str, ...]) -> None:
    service = systemd.units(plan((*command, "back\\slash")))["calsignal.service"]

    [line] = re.findall(r"^ExecStart=(.*)$", service, re.MULTILINE)
    assert unquoted(line) == [*command, "back\\slash"]


def test_a_timer_names_time_and_days_and_makes_up_for_sleep() -> None:
    timer = systemd.units(PLAN)["calsignal.timer"]

    assert "OnCalendar=Mon,Tue,Wed,Thu,Fri *-*-* 07:30:00\n" in timer
    assert "Persistent=true\n" in timer
    assert timer.startswith(f"# {NOTE}\n")


@pytest.fixture(scope="module")
def analyze() -> str:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        if os.environ.get("CI"):
            pytest.fail("systemd-analyze is not installed")
        pytest.skip("systemd-analyze is not installed")
    return tool


@pytest.mark.parametrize("name", ["plain", "50% of $HOME é", "it's", '"quoted" $x', "back\\slash"])
def test_systemd_finds_nothing_wrong_and_the_program_behind_an_odd_path(
    analyze: str, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    program = folder / "run"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for unit, text in systemd.units(Plan((str(program), "a $b 100%"), AT, WORKDAYS)).items():
        (tmp_path / unit).write_text(text)

    files = [str(tmp_path / f"calsignal.{kind}") for kind in ("timer", "service")]
    done = subprocess.run(
        [analyze, "verify", "--user", "--man=no", *files],
        capture_output=True,
        check=False,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )

    assert (done.returncode, b"calsignal" in done.stderr) == (0, False), done.stderr


def test_a_program_whose_name_systemd_does_not_take_is_started_by_sh(tmp_path: Path) -> None:
    program = tmp_path / 'it\'s \\ "$HOME" 50%'
    program.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    program.chmod(0o755)
    service = systemd.units(plan((str(program), "a b", "$x", '"')))["calsignal.service"]

    [line] = re.findall(r"^ExecStart=(.*)$", service, re.MULTILINE)
    told = subprocess.run(unquoted(line), capture_output=True, check=True)

    assert told.stdout == b'a b|$x|"|'


def test_systemd_reads_the_time_of_the_timer(analyze: str) -> None:
    [when] = re.findall("OnCalendar=(.*)", systemd.units(PLAN)["calsignal.timer"])

    told = subprocess.run([analyze, "calendar", when], capture_output=True, check=True)

    assert b"Mon..Fri *-*-* 07:30:00" in told.stdout


# --- launchd ----------------------------------------------------------------------------------------------------------


@given(words)
def test_launchd_gets_every_word_as_it_is(command: tuple[str, ...]) -> None:
    found = plistlib.loads(launchd.agent(plan(command)).encode())

    assert found["ProgramArguments"] == list(command)
    assert found["StartCalendarInterval"] == {"Hour": 7, "Minute": 30}


def test_an_agent_names_its_days() -> None:
    text = launchd.agent(Plan(("x",), AT, (0, 6), folder="/data"))
    found = plistlib.loads(text.encode())

    assert found["Label"] == "calsignal.daily"
    assert [entry["Weekday"] for entry in found["StartCalendarInterval"]] == [1, 0]  # 0 is Sunday
    assert NOTE.partition(",")[0] in text


# --- Windows ----------------------------------------------------------------------------------------------------------

SPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text.encode("utf-16"))


def windows_words(line: str) -> list[str]:
    """Split as CommandLineToArgvW does, for words without a quotation mark of their own."""
    found: list[str] = []
    for quoted, bare in re.findall(r'"((?:[^"\\]|\\+(?!"|\\))*(?:\\\\)*)"|([^\s"]+)', line):
        found.append(re.sub(r"(\\\\)+$", lambda m: m[0][: len(m[0]) // 2], quoted) if quoted else bare)
    return found


plain = st.text(st.sampled_from("ab $'&<>;#é株/.-=\\:("), min_size=1, max_size=12)


@given(st.lists(plain, min_size=1, max_size=4))
def test_windows_gets_every_word_as_it_is(found: list[str]) -> None:
    task = parsed(windows.task(plan((r"C:\Program Files\py.exe", *found)), date(2026, 3, 17)))

    assert task.findtext(f".//{SPACE}Command") == r"C:\Program Files\py.exe"
    assert windows_words(task.findtext(f".//{SPACE}Arguments") or "") == found


def test_a_task_names_time_and_days_and_makes_up_for_sleep() -> None:
    weekly = parsed(windows.task(PLAN, date(2026, 3, 17)))
    daily = parsed(windows.task(plan(("x",)), date(2026, 3, 17)))

    assert weekly.findtext(f".//{SPACE}StartBoundary") == "2026-03-17T07:30:00"
    on = weekly.find(f".//{SPACE}DaysOfWeek")
    assert on is not None
    assert [day.tag.removeprefix(SPACE)[:3].lower() for day in on] == list(DAYS[:5])
    assert daily.findtext(f".//{SPACE}DaysInterval") == "1"
    assert weekly.findtext(f".//{SPACE}StartWhenAvailable") == "true"
    assert weekly.findtext(f".//{SPACE}WorkingDirectory") == "/home/rita/data"


# --- what cannot be written -------------------------------------------------------------------------------------------

FORMS: dict[str, Any] = {
    "cron": cron.block,
    "systemd": systemd.units,
    "launchd": launchd.agent,
    "windows": lambda found: windows.task(found, date(2026, 3, 17)),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("word", ["a\nb", "a\rb", "a\0b", "\x1b[0m", "\udc80", "\uffff"])
def test_a_word_with_the_end_of_a_line_is_refused(form: str, word: str) -> None:
    with pytest.raises(InputError, match="cannot run"):
        FORMS[form](plan(("/bin/echo", word)))


@pytest.mark.parametrize(
    ("form", "word"), [("cron", "back\\slash"), ("windows", "%PATH%"), ("windows", "$(Arg0)"), ("windows", '"')]
)
def test_what_a_scheduler_would_change_is_refused(form: str, word: str) -> None:
    with pytest.raises(InputError, match="cannot run") as caught:
        FORMS[form](plan(("/bin/echo", word)))

    assert caught.value.hint == "move it to a folder with a plainer name"
