from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest

from cli.desk import REP, Desk
from remote_world import event


@pytest.fixture
def busy(connected: Desk) -> Desk:
    """Return a desk with an account and a meeting."""
    connected.remote().put(event("one"))
    connected.ok("accounts", "add", "Acme", "acme.example")
    connected.ok("sync")
    return connected


@pytest.mark.parametrize("table", ["ledger", "meetings", "changes", "accounts", "deals"])
def test_a_table_goes_to_stdout_or_to_a_file(busy: Desk, tmp_path: Path, table: str) -> None:
    busy.clock.wait(days=1)
    command = ("export", table, "--as-of", "2026-03-02")
    printed = busy.ok(*command)

    assert busy.ok(*command, "--output", "-") == printed
    assert busy.ok(*command, "--output", str(tmp_path / "it.csv")) == ""
    assert (tmp_path / "it.csv").read_bytes().decode() == printed
    assert [path.name for path in tmp_path.glob("*it.csv*")] == ["it.csv"]


def test_json_lines_and_parquet_may_be_asked_for(busy: Desk, tmp_path: Path) -> None:
    from pyarrow import parquet

    file = tmp_path / "meetings.parquet"
    busy.ok("export", "meetings", "--format", "parquet", "--output", str(file))
    (line,) = busy.ok("export", "meetings", "--format", "jsonl").splitlines()

    assert parquet.read_table(file).to_pylist()[0]["subject"] == json.loads(line)["subject"] == "Subject of one"
    piped = busy.run("export", "meetings", "--format", "parquet").stdout_bytes
    assert parquet.read_table(io.BytesIO(piped)).num_rows == 1


def test_the_past_may_be_asked_for(busy: Desk) -> None:
    assert list(csv.DictReader(io.StringIO(busy.ok("export", "ledger", "--as-of", "2026-03-01")))) == []
    assert "is in the future" in busy.fails(2, "export", "ledger", "--as-of", "2027-01-01")


def test_a_terminal_is_spared_the_bytes_of_parquet(busy: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calsignal.cli.export._on_screen", lambda output: True)

    said = busy.fails(2, "export", "deals", "--format", "parquet")

    assert said == "error: a Parquet file is nothing for a terminal\nhint: add --output deals.parquet\n"


def test_a_file_that_cannot_be_written_is_told_and_none_is_left(busy: Desk, tmp_path: Path) -> None:
    said = busy.fails(2, "export", "accounts", "--output", str(tmp_path / "nowhere" / "it.csv"))

    assert "it.csv cannot be written: No such file or directory" in said


def test_a_run_that_fails_leaves_the_former_file(busy: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "it.parquet"
    file.write_text("former")
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    assert "pip install 'calsignal[parquet]'" in busy.fails(
        2, "export", "accounts", "--format", "parquet", "--output", str(file)
    )

    assert file.read_text() == "former"
    assert not list(tmp_path.glob(".it*"))


def test_a_device_is_written_to_and_stays_one(busy: Desk) -> None:
    busy.ok("export", "accounts", "--output", "/dev/null")

    assert not Path("/dev/null").is_file()


def test_a_disk_that_is_full_is_told(busy: Desk) -> None:
    assert "/dev/full cannot be written: No space left on device" in busy.fails(
        2, "export", "accounts", "--output", "/dev/full"
    )


def test_what_is_no_table_is_told(busy: Desk) -> None:
    assert "'ledge' is not one of" in busy.fails(2, "export", "ledge")


def test_a_mailbox_is_in_the_ledger_of_its_connection(busy: Desk) -> None:
    (first, *_) = csv.DictReader(io.StringIO(busy.ok("export", "ledger")))

    assert (first["rep"], first["status"], first["start"]) == (REP, "confirmed", "2026-03-05T11:00:00+01:00")
