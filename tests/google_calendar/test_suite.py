"""The provider shows the behaviours of the contract, through Google's own library and over a real socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from calsignal.testing import ProviderSuite
from google_calendar.remote import GoogleRemote
from google_calendar.service import GoogleService


class TestGoogle(ProviderSuite):
    @pytest.fixture
    def remote(self) -> Iterator[GoogleRemote]:
        with GoogleService() as service:
            service.pages.size = 5
            remote = GoogleRemote(service)
            yield remote
            remote.provider.close()
