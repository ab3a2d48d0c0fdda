from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from calsignal.cli.app import App, nearest
from calsignal.errors import InputError, StoreError
from cli.desk import Desk

END_OF_FEBRUARY = datetime(2026, 2, 28, 22, 59, 59, 999999, UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-02-28", END_OF_FEBRUARY),
        ("20260228", END_OF_FEBRUARY),
        ("2026-02-28T17:00", datetime(2026, 2, 28, 16, tzinfo=UTC)),
        ("2026-02-28 17:00", datetime(2026, 2, 28, 16, tzinfo=UTC)),
        ("2026-02-28T17:00+05:00", datetime(2026, 2, 28, 12, tzinfo=UTC)),
        ("2026-02-28T17:00Z", datetime(2026, 2, 28, 17, tzinfo=UTC)),
    ],
)
def test_as_of_is_the_end_of_a_day_or_a_time_in_the_teams_zone(desk: Desk, text: str, meant: datetime) -> None:
    assert desk.app().as_of(text) == meant


def test_as_of_is_now_by_default_and_read_once(desk: Desk) -> None:
    app = desk.app()

    now = app.as_of(None)
    desk.clock.wait(hours=1)

    assert app.as_of(None) == now == app.now


def test_today_is_what_there_is_of_it(desk: Desk) -> None:
    app = desk.app()

    assert app.as_of("2026-03-02") == app.now


@pytest.mark.parametrize("text", ["2026-03-03", "2026-03-02T09:30", "9999-12-31T23:59-12:00"])
def test_the_future_is_refused(desk: Desk, text: str) -> None:
    with pytest.raises(InputError) as caught:
        desk.app().as_of(text)

    assert "in the future" in str(caught.value) or "no ISO date" in str(caught.value)


@pytest.mark.parametrize("text", ["yesterday", "2026-02-30", "28.02.2026", "", "2026-02-28T25:00", "0001-01-01"])
def test_what_is_no_moment_is_refused(desk: Desk, text: str) -> None:
    with pytest.raises(InputError, match="is no ISO date or time") as caught:
        desk.app().moment(text)

    assert "2026-03-31" in caught.value.hint


def test_a_day_begins_at_midnight_where_the_beginning_is_meant(desk: Desk) -> None:
    assert desk.app().moment("2026-02-28") == END_OF_FEBRUARY - timedelta(days=1) + timedelta(microseconds=1)


def test_the_address_key_is_kept_and_known_to_the_store(desk: Desk) -> None:
    key = desk.app().address_key()

    assert len(key) == 32
    assert desk.app().address_key() == key


def test_another_vault_than_the_stores_is_refused(desk: Desk) -> None:
    desk.app().address_key()
    (desk.folder / "data" / "vault.json").unlink()

    with pytest.raises(StoreError, match="another address key") as caught:
        desk.app().address_key()

    assert "CALSIGNAL_SECRET_KEY" in caught.value.hint


def test_the_screen_has_80_columns_and_no_colour_where_there_is_none(tmp_path: Path) -> None:
    assert App(environ={}).screen() == (80, False)
    assert App(environ={"COLUMNS": "120"}).screen() == (120, False)
    assert App(environ={"COLUMNS": "wide"}).screen() == (80, False)


@pytest.mark.parametrize(
    ("environ", "colour"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_a_terminal_has_colour_unless_it_is_unwanted(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], colour: bool
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    assert App(environ=environ).screen()[1] is colour


def test_the_nearest_name_is_found_whatever_its_case() -> None:
    assert nearest("ACMEE", ["Acme", "Beta"]) == "did you mean Acme?"
    assert nearest("zzz", ["Acme"]) == ""


def test_the_folders_are_the_platforms_unless_told() -> None:
    assert App(environ={}).config_path.name == "config.toml"
    assert App(environ={"CALSIGNAL_CONFIG": "/tmp/x.toml"}).config_path == Path("/tmp/x.toml")
