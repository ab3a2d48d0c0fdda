"""What a person types at `connect microsoft`, and what they are told; the browser is the service's own."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from calsignal.contract import Authorised, ConnectRequest
from calsignal.errors import CalsignalError
from calsignal.retry import Retry
from calsignal_microsoft import provider
from microsoft_calendar.service import MicrosoftService
from microsoft_calendar.service_identity import GUID, SECRET

REP = "rep@ours.example"
SAM = "sam@ours.example"
TENANT = "ours.example"


@dataclass
class Clock:
    """Stands in for the module `time`: waiting takes no time, and the clock goes on all the same."""

    ahead: float = 0
    naps: list[float] = field(default_factory=list)

    def time(self) -> float:
        return time.time() + self.ahead

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.ahead += seconds


class Glance:
    """Stands in for the module `time` where msal looks for the browser's answer once a second."""

    time = staticmethod(time.time)

    @staticmethod
    def sleep(seconds: float) -> None:
        time.sleep(0.005)  # another thread has the answer


@dataclass
class Desk:
    """A terminal in a folder; every address that is printed is opened in the browser, unless nobody looks."""

    service: MicrosoftService
    folder: Path
    looks: bool = True
    told: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    secret: str = SECRET

    def settle(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Trust the service, let nobody wait, and forget the secrets of the machine's own environment."""
        self.service.environment(monkeypatch)
        monkeypatch.delenv("CALSIGNAL_MICROSOFT_CLIENT_SECRET", raising=False)
        monkeypatch.setattr("msal.oauth2cli.authcode.time", Glance)
        monkeypatch.setattr("msal.oauth2cli.oauth2.time", self.clock)
        monkeypatch.setattr("calsignal_microsoft.connect.time", self.clock)

    @property
    def config(self) -> dict[str, object]:
        where = {"authority": self.service.root, "graph_url": self.service.graph_url}
        return {"client_id": GUID, "tenant": "common", "instance_discovery": False, **where}

    def connect(
        self, config: Mapping[str, object] | None = None, /, *, read_text: bool = False, **options: object
    ) -> list[Authorised]:
        given = {option.name: None for option in provider.options} | options
        settings = self.config | dict(config or {})
        request = ConnectRequest(
            given, settings, self.ask, self.tell, self.retry, self.refusals.append, read_text=read_text
        )
        return list(provider.connect(request))

    def sign_in(self, **options: Any) -> Authorised:  # noqa: ANN401 # passed on
        (found,) = self.connect(no_browser=True, **options)
        return found

    def app_only(self, **options: Any) -> list[Authorised]:  # noqa: ANN401 # passed on
        return self.connect(app_only=True, **{"tenant": TENANT, **options})

    def fails(self, kind: type[CalsignalError], *config: Mapping[str, object], **options: Any) -> CalsignalError:  # noqa: ANN401
        """Connect, which has to fail with exactly this error and its next step."""
        with pytest.raises(kind) as caught:
            self.connect(*config, **options)
        assert type(caught.value) is kind
        assert caught.value.hint
        return caught.value

    def refused(self, kind: type[CalsignalError], **options: Any) -> CalsignalError:  # noqa: ANN401 # passed on
        """Sign in, which has to fail."""
        return self.fails(kind, no_browser=True, **options)

    @property
    def retry(self) -> Retry:
        return Retry(self.waited.append, lambda low, high: high, lambda: 0.0)

    def ask(self, question: str) -> str:
        self.asked.append(question)
        return self.secret

    def tell(self, text: str) -> None:
        self.told.append(text)
        if self.looks and text.startswith("http"):
            self.service.browse(text)

    @property
    def said(self) -> str:
        return "\n".join([*self.told, *self.refusals])

    def file(self, name: str, content: str) -> str:
        path = self.folder / name
        path.write_text(content, encoding="utf-8")
        return str(path)

    def certificate(self, **made: bool) -> str:
        """Write a certificate with its key into a file."""
        found = self.service.sign_in.certificate(**made)
        return self.file("app.pem", found["private_key"] + found["public_certificate"])
