from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from calsignal.errors import CalsignalError, InputError
from calsignal.registry import GROUP, Registry

TOY = """
from calsignal.contract import Setting

class Toy:
    name = {name!r}
    settings = (Setting("folder", str, None, "where the toys are"),)
    options = ()

provider = Toy()
"""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder on the path in which packages may be put."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def point(shelf: Path, name: str, code: str = TOY) -> EntryPoint:
    module = f"{shelf.name}_{name}".replace("-", "_")
    (shelf / f"{module}.py").write_text(code.format(name=name) if code is TOY else code)
    return EntryPoint(name, f"{module}:provider", GROUP)


def test_a_provider_is_found_by_its_name(shelf: Path) -> None:
    registry = Registry([point(shelf, "toy"), point(shelf, "google")])

    assert registry.names() == ("google", "toy")
    assert registry.get("toy").name == "toy"
    assert registry.get("toy") is registry.get("toy")


def test_only_the_provider_asked_for_is_imported(shelf: Path) -> None:
    toy, google = point(shelf, "toy"), point(shelf, "google")
    registry = Registry([toy, google])

    registry.names()
    registry.get("toy")

    assert toy.module in sys.modules
    assert google.module not in sys.modules


def test_the_sections_are_every_providers_settings(shelf: Path) -> None:
    sections = Registry([point(shelf, "toy"), point(shelf, "google")]).sections()

    assert list(sections) == ["google", "toy"]
    assert [setting.name for setting in sections["toy"]] == ["folder"]


def test_an_unknown_name_lists_what_is_there_and_the_nearest(shelf: Path) -> None:
    registry = Registry([point(shelf, "ics"), point(shelf, "google")])

    with pytest.raises(InputError, match=r"^no provider called 'gogle'; installed: google, ics$") as caught:
        registry.get("gogle")

    assert caught.value.hint == "did you mean google?"
    with pytest.raises(InputError) as caught:
        registry.get("carrier-pigeon")
    assert caught.value.hint == "install the package that brings it"


def test_nothing_installed_is_said() -> None:
    with pytest.raises(InputError, match="no provider called 'ics'; none is installed"):
        Registry([]).get("ics")


@pytest.mark.parametrize("code", ["import nowhere_to_be_found", "x = 1", "raise SystemError", "def"])
def test_a_broken_package_is_named(shelf: Path, code: str) -> None:
    registry = Registry([point(shelf, "toy", code)])

    with pytest.raises(
        CalsignalError, match=r"the provider 'toy' cannot be loaded from \S+_toy \(\w+Error\)"
    ) as caught:
        registry.get("toy")

    assert "reinstall" in caught.value.hint


def test_a_package_that_is_on_the_path_twice_is_one(shelf: Path) -> None:
    toy = point(shelf, "toy")

    assert Registry([toy, EntryPoint(toy.name, toy.value, GROUP)]).names() == ("toy",)


def test_two_packages_of_one_name_are_refused(shelf: Path) -> None:
    registry = Registry([point(shelf, "toy"), EntryPoint("toy", "elsewhere:provider", GROUP)])

    with pytest.raises(CalsignalError, match=r"two packages provide 'toy': \S+_toy and elsewhere"):
        registry.names()


def test_installed_packages_are_found_without_being_named_anywhere(shelf: Path) -> None:
    toy = point(shelf, "toy")
    info = shelf / "toy_calendar-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-calendar\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\ntoy-calendar = {toy.value}\n")

    assert "toy-calendar" in Registry().names()
    assert Registry().get("toy-calendar").name == "toy"


def test_looking_for_providers_imports_none_of_them() -> None:
    code = "import sys; from calsignal.registry import Registry; Registry().names(); print(*sys.modules)"

    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert not any(name.startswith("calsignal_") for name in modules)
    assert not {"sqlalchemy", "click", "requests"} & set(modules)
