"""What a person types at `connect google`, and what they are told; the browser is the service's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from calsignal.contract import Authorised, ConnectRequest
from calsignal.errors import CalsignalError
from calsignal.retry import Retry
from calsignal_google import provider
from google_calendar.service import GoogleService

REP = "rep@ours.example"
ADMIN = "admin@ours.example"
READER = "reader@sample-project.service.example"


@cache
def private_key() -> rsa.RSAPrivateKey:
    """Return the key of the service account: making one takes longer than most tests."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Desk:
    """A terminal in a folder; every address that is printed is opened in the browser, unless nobody looks."""

    service: GoogleService
    folder: Path
    looks: bool = True
    told: list[str] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)

    def connect(self, config: Mapping[str, object] | None = None, /, **options: object) -> list[Authorised]:
        given = {option.name: None for option in provider.options} | options
        settings = {"api_endpoint": self.service.api_endpoint, **(config or {})}
        request = ConnectRequest(given, settings, self.ask, self.tell, self.retry, self.tell)
        return list(provider.connect(request))

    def sign_in(self, **options: object) -> Authorised:
        (found,) = self.connect(client_secrets=self.client(), no_browser=True, **options)
        return found

    def fails(self, kind: type[CalsignalError], **options: Any) -> CalsignalError:  # noqa: ANN401 # passed on
        """Connect, which has to fail with exactly this error, its next step and no secret."""
        with pytest.raises(kind) as caught:
            self.connect(**options)
        assert type(caught.value) is kind
        assert caught.value.hint
        return caught.value

    def refused(self, kind: type[CalsignalError], **options: Any) -> CalsignalError:  # noqa: ANN401 # passed on
        """Sign in, which has to fail."""
        return self.fails(kind, client_secrets=self.client(), no_browser=True, **options)

    @property
    def retry(self) -> Retry:
        return Retry(self.waited.append, lambda low, high: high, lambda: 0.0)

    def ask(self, question: str) -> str:
        raise AssertionError(f"nobody is to be asked: {question}")

    def tell(self, text: str) -> None:
        self.told.append(text)
        if self.looks and text.startswith("http"):
            self.service.browse(text)

    @property
    def said(self) -> str:
        return "\n".join(self.told)

    def file(self, name: str, content: object) -> str:
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return str(path)

    def client(self, **changed: str) -> str:
        content = self.service.client_secrets()
        return self.file("client.json", {"installed": content["installed"] | changed})

    def key(self, **changed: str) -> str:
        self.service.sign_in.keys.setdefault(READER, private_key())
        return self.file("key.json", self.service.service_account_key() | changed)
