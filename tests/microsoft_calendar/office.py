"""Somebody's machine on which calsignal reads Microsoft calendars, over TLS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

import office
from microsoft_calendar.desk import TENANT, Clock, Glance
from microsoft_calendar.service import MicrosoftService
from microsoft_calendar.service_identity import GUID, SECRET
from microsoft_calendar.service_world import Mailbox
from office import ANN, BOB, REP, SAM

__all__ = ["ANN", "BOB", "NAME", "REP", "SAM", "Home", "Office", "nobody_waits", "section"]

NAME = f"microsoft:{REP}"


def nobody_waits(service: MicrosoftService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process trust the service, and let no sign-in take its time."""
    service.environment(monkeypatch)
    monkeypatch.delenv("CALSIGNAL_MICROSOFT_CLIENT_SECRET", raising=False)
    clock = Clock()
    monkeypatch.setattr("msal.oauth2cli.authcode.time", Glance)
    monkeypatch.setattr("msal.oauth2cli.oauth2.time", clock)
    monkeypatch.setattr("calsignal_microsoft.connect.time", clock)


def section(service: MicrosoftService) -> str:
    """Return the part of a config that leads to a service."""
    return (
        f'[microsoft]\nclient_id = "{GUID}"\nauthority = "{service.root}"\n'
        f'graph_url = "{service.graph_url}"\ninstance_discovery = false\n'
    )


@dataclass
class Office(office.Office[MicrosoftService]):
    """A desk with Microsoft 365."""

    points: ClassVar[Mapping[str, str]] = {"microsoft": "calsignal_microsoft:provider"}

    def sections(self) -> str:
        return section(self.service)

    def sign_in(self, who: str = REP, *more: str) -> str:
        """Connect a person's calendar through the whole sign-in."""
        self.service.consent = replace(self.service.consent, user=who)
        return self.ok("connect", "microsoft", "--no-browser", *more)

    def app_only(self, *more: str) -> str:
        """Connect calendars that an app reads by itself; its secret is typed."""
        return self.ok("connect", "microsoft", "--app-only", "--tenant", TENANT, *more, input=f"{SECRET}\n")

    def box(self, who: str = REP) -> Mailbox:
        return self.service.mailbox(who)


@dataclass
class Home(office.Home[MicrosoftService]):
    """The same as real processes."""

    def sections(self) -> str:
        return section(self.service)

    def needs(self) -> Mapping[str, str]:
        return dict.fromkeys(("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"), self.service.ca)

    def expect(self, who: str) -> Sequence[str]:
        self.service.consent = replace(self.service.consent, user=who)
        return ("connect", "microsoft", "--no-browser")
