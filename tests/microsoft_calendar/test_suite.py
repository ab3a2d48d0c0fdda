"""The provider shows the behaviours of the contract, through msal and O365 and over a real TLS socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from calsignal.testing import ProviderSuite
from microsoft_calendar.remote import MicrosoftRemote
from microsoft_calendar.service import MicrosoftService


class TestMicrosoft(ProviderSuite):
    @pytest.fixture
    def remote(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[MicrosoftRemote]:
        with MicrosoftService() as service:
            service.environment(monkeypatch)
            remote = MicrosoftRemote(service)
            yield remote
            remote.provider.close()
