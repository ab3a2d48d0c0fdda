"""What `calsignal worker` refuses, and what it says."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from calsignal.cli import cli
from calsignal.cli.worker import lines
from calsignal.config import load
from calsignal.model import Skipped
from calsignal.registry import Registry
from calsignal.sync import Outcome
from workers.feeds import Feeds
from workers.machines import Machine, subscribe


def run(machine: Machine, *words: str) -> Result:
    with machine.opened() as app:
        return CliRunner().invoke(cli, ["--config", str(machine.config), "worker", *words], obj=app)


def refused(machine: Machine) -> list[str]:
    result = run(machine)
    assert (result.exit_code, result.stdout) == (2, "")
    return result.stderr.splitlines()


def test_a_store_that_is_a_file_has_no_workers(machine: Machine) -> None:
    machine.database = f"sqlite:///{machine.folder / 'store.db'}"

    fact, hint = refused(machine)

    assert fact == "error: workers share their work through PostgreSQL, and this store is a file"
    assert "CALSIGNAL_DATABASE_URL" in hint
    assert "calsignal sync" in hint
    assert not (machine.folder / "store.db").exists()


def test_a_worker_does_not_start_without_the_key(machine: Machine) -> None:
    machine.more["CALSIGNAL_SECRET_KEY"] = ""

    fact, hint = refused(machine)

    assert fact == "error: CALSIGNAL_SECRET_KEY is not set, and workers share secrets that it opens"
    assert "docs/workers.md" in hint


def test_a_worker_does_not_start_with_secrets_of_its_own(machine: Machine) -> None:
    machine.more["CALSIGNAL_VAULT"] = "file"

    fact, hint = refused(machine)

    assert fact == "error: CALSIGNAL_VAULT keeps secrets on this machine, and workers share theirs"
    assert "calsignal vault share" in hint


def test_a_missing_package_is_named_with_its_extra(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calsignal.cli.worker.find_spec", lambda _: None)

    assert refused(machine) == [
        "error: the package procrastinate is not installed",
        "hint: install calsignal[workers]",
    ]


def test_a_round_syncs_and_speaks_on_stderr(machine: Machine, feeds: Feeds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(feeds.bundle))
    subscribe(machine, feeds, ["a@ours.example"])

    result = run(machine, "--once")

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "ics:a@ours.example: 4 events read, 4 changes written\n"


def test_a_period_is_at_least_five_minutes(machine: Machine) -> None:
    assert load(machine.config, Registry([]).sections()).sync.every_minutes == 5
    machine.config.write_text("[sync]\nevery_minutes = 4\n", encoding="utf-8")

    result = run(machine)

    assert result.exit_code == 2
    assert "[sync] every_minutes is out of range" in result.stderr
    assert "write a number of minutes from 5 to 10080" in result.stderr


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Outcome("a", events=1, written=2), ["a: 1 event read, 2 changes written"]),
        (Outcome("a", "it failed", "try again"), ["a: it failed (hint: try again)"]),
        (Outcome("a", "it failed"), ["a: it failed"]),
        (Outcome("a", elsewhere=True), ["a: is being synced elsewhere, and left to that"]),
        (
            Outcome("a", skipped=tuple(Skipped("a", f"e{n}", "no start") for n in range(22))),
            [
                "a: 0 events read, 0 changes written",
                *(f"a: skipped e{n}: no start" for n in range(20)),
                "a: skipped 2 more",
            ],
        ),
    ],
)
def test_an_outcome_is_told_in_lines(outcome: Outcome, said: list[str]) -> None:
    assert list(lines(outcome)) == said
