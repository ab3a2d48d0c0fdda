from __future__ import annotations

from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.errors import InputError
from calsignal.schedule.record import Record, Run, Step
from calsignal.schedule.surroundings import bare, carried, read_file

HERE = {
    "HOME": "/home/rita",
    "PATH": "/opt/bin:/usr/bin",
    "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1000/bus",
    "XDG_RUNTIME_DIR": "/run/user/1000",
    "LANG": "de_DE.UTF-8",
}
GIVEN = bare(HERE, windows=False, home="/home/rita", user="rita")


def test_cron_gives_five_variables() -> None:
    assert GIVEN == {
        "HOME": "/home/rita",
        "LOGNAME": "rita",
        "USER": "rita",
        "PATH": "/usr/bin:/bin",
        "SHELL": "/bin/sh",
    }


def test_windows_gives_those_of_the_machine_and_the_user() -> None:
    here = {"SystemRoot": r"C:\Windows", "USERPROFILE": r"C:\Users\rita", "CALSIGNAL_SECRET_KEY": "s3cret"}

    assert bare(here, windows=True, home="", user="") == {"SystemRoot": r"C:\Windows", "USERPROFILE": r"C:\Users\rita"}


def test_nothing_of_a_session_is_carried() -> None:
    assert carried(HERE, GIVEN, ()) == {}


def test_what_the_run_needs_is_carried() -> None:
    needed = {
        "XDG_DATA_HOME": "/srv/data",
        "CALSIGNAL_VAULT": "file",
        "CALSIGNAL_REP": "rita@ours.example",
        "CALSIGNAL_DATABASE_URL": "postgresql+psycopg://reader@db.example/calsignal",
        "HTTPS_PROXY": "http://proxy.example:3128",
    }
    here = {**HERE, **needed, "CALSIGNAL_CONFIG": "/etc/c.toml", "HTTP_PROXY": ""}

    assert carried(here, GIVEN, ()) == needed
    assert carried({**HERE, "HOME": "/elsewhere"}, GIVEN, ()) == {"HOME": "/elsewhere"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CALSIGNAL_SECRET_KEY", "s3cret"),
        ("CALSIGNAL_MICROSOFT_CLIENT_SECRET", "s3cret"),
        ("PGPASSWORD", "s3cret"),
        ("CALSIGNAL_DATABASE_URL", "postgresql+psycopg://reader:s3cret@db.example/calsignal"),
        ("CALSIGNAL_DATABASE_URL", "postgresql+psycopg://db.example/calsignal?password=s3cret"),
        ("HTTPS_PROXY", "http://user:s3cret@proxy.example"),
    ],
)
def test_a_secret_is_never_carried(name: str, value: str) -> None:
    with pytest.raises(InputError, match=f"{name} is set here") as caught:
        carried({**HERE, name: value}, GIVEN, ())

    assert "s3cret" not in f"{caught.value}{caught.value.hint}"
    assert "--env-file" in caught.value.hint
    assert carried({**HERE, name: value}, GIVEN, {name}) == {}  # the file has it


def test_an_environment_file_is_read() -> None:
    text = "# a remark\n\nA=1\nexport B='two words'\n C=\"x=y\" \nD=\nE='\n"

    assert read_file(text) == {"A": "1", "B": "two words", "C": "x=y", "D": "", "E": "'"}


@pytest.mark.parametrize("line", ["s3cret", "1A=x", "A B=x", "=x"])
def test_a_line_that_sets_nothing_is_counted_and_not_quoted(line: str) -> None:
    with pytest.raises(InputError, match="line 2 of the environment file") as caught:
        read_file(f"A=1\n{line}\n")

    assert "s3cret" not in str(caught.value)


AT = datetime(2026, 3, 17, 7, 30, tzinfo=UTC)


def test_a_record_reads_back() -> None:
    run = Run(AT, AT, (Step("sync", 1), Step("digest", 0)))
    record = Record("cron", time(7, 30), (0, 4), AT, run)

    assert Record.from_text(record.to_text()) == record
    assert Record.from_text(Record(run=Run(AT)).to_text()) == Record(run=Run(AT))


@given(st.text(max_size=20) | st.sampled_from(["{}", "[]", "null", '{"scheduler": 1}']))
def test_a_record_that_cannot_be_read_is_empty(text: str) -> None:
    assert Record.from_text(text) == Record()


@pytest.mark.parametrize(
    ("run", "well"),
    [
        (Run(AT), False),
        (Run(AT, AT, (Step("sync", 0),)), True),
        (Run(AT, AT, (Step("sync", 0), Step("digest", 1))), False),
    ],
)
def test_a_run_was_well_when_all_of_it_was(run: Run, well: bool) -> None:
    assert run.well == well
