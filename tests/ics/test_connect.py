from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from calsignal.contract import Authorised, ConnectRequest
from calsignal.errors import InputError
from calsignal_ics import provider
from calsignal_ics.source import IcsSource
from ics.samples import access, calendar

ADDRESS = "https://feed.example/private-5ecret/basic.ics"


class Desk:
    """What a person types, and what they are told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.asked: list[str] = []
        self.answer = ""

    def connect(self, source: str, *, private: bool = False, **options: object) -> Authorised:
        given: Mapping[str, object] = {"source": source, "rep": "rep@ours.example", "name": None, **options}
        request = ConnectRequest(given, {}, self.ask, self.told.append, lambda ask: ask(), self.told.append, private)
        (authorised,) = provider.connect(request)
        return authorised

    def ask(self, prompt: str) -> str:
        self.asked.append(prompt)
        return self.answer

    def refusal(self, source: str, **options: Any) -> InputError:  # noqa: ANN401 # passed on
        with pytest.raises(InputError) as caught:
            self.connect(source, **options)
        assert caught.value.hint
        assert "5ecret" not in str(caught.value) + caught.value.hint
        return caught.value


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_file_is_remembered_by_its_whole_path(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rep.ics").write_text(calendar())
    monkeypatch.chdir(tmp_path)

    found = desk.connect("rep.ics")

    path = str(tmp_path / "rep.ics")
    assert found == Authorised("rep@ours.example", "ics:rep@ours.example", settings={"path": path}, place=path)
    assert not desk.told


def test_a_folder_is_remembered(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "rep.ics").write_text(calendar())

    assert desk.connect(str(tmp_path)).settings == {"path": str(tmp_path)}


def test_the_address_of_a_feed_is_a_secret_and_its_host_is_not(desk: Desk) -> None:
    desk.answer = f" {ADDRESS} "

    found = desk.connect("-")

    assert (found.secret, found.settings) == (ADDRESS, {"host": "feed.example"})
    assert desk.asked == ["address of the feed: "]
    assert not desk.told


def test_an_address_on_the_command_line_is_warned_about(desk: Desk) -> None:
    assert desk.connect(ADDRESS).secret == ADDRESS
    assert len(desk.told) == 1
    assert "connect ics - " in desk.told[0]
    assert "5ecret" not in desk.told[0]


@pytest.mark.parametrize("scheme", ["webcal", "webcals", "WebCal", "HTTPS"])
def test_webcal_is_https(desk: Desk, scheme: str) -> None:
    assert desk.connect(ADDRESS.replace("https", scheme)).secret == ADDRESS


def test_a_word_tells_calendars_of_one_rep_apart(desk: Desk) -> None:
    assert desk.connect(ADDRESS, name="shared").name == "ics:rep@ours.example:shared"


def test_a_zone_for_floating_times_is_checked_and_kept(desk: Desk) -> None:
    assert desk.connect(ADDRESS, timezone="europe/berlin").settings["timezone"] == "Europe/Berlin"
    assert str(desk.refusal(ADDRESS, timezone="Berlin time")) == "--timezone is not the name of a time zone"


@pytest.mark.parametrize("rep", ["", "rep", "rep@", "a b@ours.example"])
def test_a_rep_is_an_address(desk: Desk, rep: str) -> None:
    assert str(desk.refusal(ADDRESS, rep=rep)) == "--rep is not an e-mail address"


@pytest.mark.parametrize("address", ["http://feed.example/5ecret", "ftp://feed.example/5ecret", "file:///5ecret"])
def test_other_schemes_are_refused(desk: Desk, address: str) -> None:
    assert str(desk.refusal(address)) == "feeds are read over https only"


@pytest.mark.parametrize(
    "address",
    ["https:///5ecret", "https://feed.example:port/5ecret", "https://feed.example/5 ecret", "https://[::1/5ecret"],
)
def test_a_garbled_address_is_refused(desk: Desk, address: str) -> None:
    assert str(desk.refusal(address)) == "the address of the feed is not well formed"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "10.0.0.1", "localhost"])
def test_a_private_address_is_refused_unless_allowed(desk: Desk, host: str) -> None:
    address = f"https://{host}/5ecret"

    assert "inside a private network" in str(desk.refusal(address))
    assert desk.connect(address, private=True).secret == address


def test_a_public_number_is_an_address_too(desk: Desk) -> None:
    assert desk.connect("https://8.8.8.8/5ecret").settings == {"host": "8.8.8.8"}


@pytest.mark.parametrize("path", ["", "nowhere.ics"])
def test_a_path_that_is_not_there_is_refused(desk: Desk, path: str) -> None:
    assert str(desk.refusal(path)) == "there is no such file or folder"


def test_an_empty_folder_is_refused(desk: Desk, tmp_path: Path) -> None:
    assert str(desk.refusal(str(tmp_path))) == f"there is no .ics file in {tmp_path}"


def test_opening_gives_a_source() -> None:
    assert isinstance(provider.open(access()), IcsSource)
