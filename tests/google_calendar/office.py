"""Somebody's machine on which calsignal reads Google Calendar."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import office
from google_calendar.service import GoogleService
from google_calendar.service_world import Mailbox
from office import ANN, BOB, REP, SAM

__all__ = ["ANN", "BOB", "NAME", "REP", "SAM", "Home", "Office", "section"]

NAME = f"google:{REP}"


def section(service: GoogleService) -> str:
    """Return the part of a config that leads to a service."""
    return f'[google]\napi_endpoint = "{service.api_endpoint}"\n'


@dataclass
class Office(office.Office[GoogleService]):
    """A desk with Google Calendar."""

    points: ClassVar[Mapping[str, str]] = {"google": "calsignal_google:provider"}

    def sections(self) -> str:
        return section(self.service)

    def sign_in(self, who: str = REP, *more: str) -> str:
        """Connect a person's calendar through the whole sign-in."""
        self.service.consent = replace(self.service.consent, user=who)
        client = self.file("client.json", self.service.client_secrets())
        return self.ok("connect", "google", "--client-secrets", client, "--no-browser", *more)

    def box(self, who: str = REP) -> Mailbox:
        return self.service.mailbox(who)


@dataclass
class Home(office.Home[GoogleService]):
    """The same as real processes."""

    def sections(self) -> str:
        return section(self.service)

    def needs(self) -> Mapping[str, str]:
        return {"OAUTHLIB_INSECURE_TRANSPORT": "1"}

    def expect(self, who: str) -> Sequence[str]:
        self.service.consent = replace(self.service.consent, user=who)
        client = self.folder / "client.json"
        client.write_text(json.dumps(self.service.client_secrets()), encoding="utf-8")
        return ("connect", "google", "--client-secrets", str(client), "--no-browser")
