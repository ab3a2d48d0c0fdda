"""Each provider that needs no service of others shows the behaviours of the contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import calsignal_ics
from calsignal.contract import Access, Provider
from calsignal.testing import Meeting, ProviderSuite
from calsignal_ics import files
from ics.samples import access, calendar, vevent
from toy_provider import SERVICES, ToyService
from toy_provider import provider as toy


class ToyRemote:
    provider: Provider = toy
    secret = "wind-up key"

    def __init__(self) -> None:
        self.service = SERVICES["rep@ours.example"] = ToyService()

    def access(self) -> Access:
        return access(secret=self.secret)

    def requests(self) -> int:
        return self.service.asked

    def put(self, meeting: Meeting) -> None:
        self.service.set(meeting.key, meeting)

    def delete(self, key: str) -> None:
        self.service.set(key, None)

    def spoil(self, key: str) -> None:
        self.service.spoiled.add(key)

    def reverse(self) -> None:
        self.service.backwards = True

    def fail(self) -> None:
        self.service.broken = True


class TestToy(ProviderSuite):
    @pytest.fixture
    def remote(self) -> Iterator[ToyRemote]:
        yield ToyRemote()
        SERVICES.clear()


class FileRemote:
    """A calendar file that is written anew after each change."""

    provider: Provider = calsignal_ics.provider
    secret = "there is none"

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = path
        self.texts: dict[str, str] = {}
        self.reads = 0
        self.backwards = False
        monkeypatch.setattr(files, "content", self._content)
        self._write()

    def _content(self, path: Path) -> bytes:
        self.reads += 1
        return path.read_bytes()

    def _write(self) -> None:
        texts = sorted(self.texts.values(), reverse=self.backwards)
        self.path.write_text(calendar(*texts), newline="")

    def access(self) -> Access:
        return access(settings={"path": str(self.path)})

    def requests(self) -> int:
        return self.reads

    def put(self, meeting: Meeting) -> None:
        self.texts[meeting.key] = vevent(meeting)
        self._write()

    def delete(self, key: str) -> None:
        del self.texts[key]
        self._write()

    def spoil(self, key: str) -> None:
        self.texts[key] = self.texts[key].replace("DTSTART:2026", "DTSTART:MMXXVI")
        self._write()

    def reverse(self) -> None:
        self.backwards = True
        self._write()

    def fail(self) -> None:
        self.path.write_text("<html>please sign in</html>")


class TestIcsFile(ProviderSuite):
    @pytest.fixture
    def remote(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileRemote:
        return FileRemote(tmp_path / "rep.ics", monkeypatch)
