from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path

import click
import pytest

from calsignal.cli.setup import system_zone
from cli.desk import Desk


def test_init_writes_a_commented_config_that_loads(bare: Desk) -> None:
    result = bare.run("init", "--domain", "Ours.example", "--domain", "@also.example", "--timezone", "Europe/Berlin")

    assert (result.exit_code, result.stdout) == (0, "")
    assert f"wrote {bare.config}" in result.stderr
    assert "calsignal connect --help" in result.stderr
    settings = bare.app().settings
    assert settings.team.domains == ("ours.example", "also.example")
    assert settings.team.timezone.key == "Europe/Berlin"
    text = bare.config.read_text(encoding="utf-8")
    assert "#history_days = 365" in text
    assert "[toy]\n# where the toys are\n#shelf = " in text


@pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")
def test_the_config_is_for_its_owner_alone(desk: Desk) -> None:
    assert stat.S_IMODE(desk.config.stat().st_mode) == 0o600


def test_init_asks_for_what_was_not_said_until_it_can_be_read(bare: Desk) -> None:
    result = bare.run("init", input="gmail.com\nours.example, also.example\nMars\nEurope/Berlin\n")

    assert result.exit_code == 0
    assert "free-mail domain gmail.com" in result.stderr
    assert "not known: 'Mars'" in result.stderr
    team = tomllib.loads(bare.config.read_text(encoding="utf-8"))["team"]
    assert team == {"domains": ["ours.example", "also.example"], "timezone": "Europe/Berlin", "aliases": {}}


def test_init_proposes_the_systems_zone(bare: Desk) -> None:
    bare.environ["TZ"] = "Asia/Tokyo"

    bare.ok("init", "--domain", "ours.example", input="\n")

    assert bare.app().settings.team.timezone.key == "Asia/Tokyo"


def test_init_overwrites_only_by_force(desk: Desk) -> None:
    before = desk.config.read_bytes()

    said = desk.fails(2, "init", "--domain", "other.example", "--timezone", "UTC")

    assert f"error: there is already a config file at {desk.config}" in said
    assert "--force" in said
    assert desk.config.read_bytes() == before
    desk.ok("init", "--domain", "other.example", "--timezone", "UTC", "--force")
    assert desk.app().settings.team.domains == ("other.example",)


@pytest.mark.parametrize(
    ("args", "fact"),
    [
        (("--domain", "gmail.com", "--timezone", "UTC"), "the team has the free-mail domain gmail.com"),
        (("--domain", "localhost", "--timezone", "UTC"), "the team has no domain of a company in 'localhost'"),
        (("--domain", " ", "--timezone", "UTC"), "no domain is named"),
        (("--domain", "ours.example", "--timezone", "Europe/Berln"), "hint: did you mean Europe/Berlin?"),
    ],
)
def test_a_bad_answer_writes_nothing(bare: Desk, args: tuple[str, ...], fact: str) -> None:
    assert fact in bare.fails(2, "init", *args)
    assert not bare.config.exists()


def test_a_script_without_answers_is_told_where_they_go(bare: Desk) -> None:
    result = bare.run("init", input="")

    assert result.exit_code == 2
    assert (
        "\nerror: the input ended before the question was answered\nhint: answer by the options: --domain"
        in result.stderr
    )
    assert not bare.config.exists()


def test_an_interrupted_question_is_no_bad_answer(bare: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> str:
        raise click.Abort

    monkeypatch.setattr(click, "prompt", interrupt)

    result = bare.run("init")

    assert (result.exit_code, "interrupted" in result.stderr) == (130, True)
    assert "hint" not in result.stderr


def test_a_config_elsewhere_is_written_there(bare: Desk, tmp_path: Path) -> None:
    elsewhere = tmp_path / "deep" / "mine.toml"

    bare.ok("--config", str(elsewhere), "init", "--domain", "ours.example", "--timezone", "UTC")

    assert elsewhere.exists()
    assert not bare.config.exists()


def test_a_folder_that_is_a_file_is_told(bare: Desk, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    said = bare.fails(2, "--config", str(tmp_path / "file" / "x"), "init", "--domain", "a.example", "--timezone", "UTC")

    assert "cannot be written" in said


# --- the system's zone ------------------------------------------------------------------------------------------------


def test_the_systems_zone_is_the_environments_first(tmp_path: Path) -> None:
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/Europe/Paris")
    (tmp_path / "timezone").write_text("Asia/Tokyo\n")

    assert system_zone({"TZ": ":America/Lima"}, tmp_path) == "America/Lima"
    assert system_zone({"TZ": "UTC+3"}, tmp_path) == "Europe/Paris"


def test_the_systems_zone_is_read_from_etc(tmp_path: Path) -> None:
    (tmp_path / "timezone").write_text("Asia/Tokyo\n")

    assert system_zone({}, tmp_path) == "Asia/Tokyo"


def test_a_system_that_tells_nothing_lives_in_utc(tmp_path: Path) -> None:
    assert system_zone({}, tmp_path) == "UTC"
