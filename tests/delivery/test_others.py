from __future__ import annotations

import builtins
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from calsignal.delivery import Other, check, read, send
from calsignal.errors import CalsignalError, InputError
from delivery import letters
from delivery.letters import STAMP, Patience
from delivery.servers import HookServer, hook_server


@pytest.fixture(scope="module")
def clear() -> Iterator[HookServer]:
    with hook_server(None) as server:
        yield server


def address(server: HookServer, scheme: str = "json") -> Other:
    found = read(f"{scheme}://robot:s3cret@127.0.0.1:{server.server_port}/hook5ecret")
    assert isinstance(found, Other)
    return found


def test_apprise_brings_the_note_and_nothing_pings(clear: HookServer, caplog: pytest.LogCaptureFixture) -> None:
    clear.reset()
    caplog.set_level(1)
    logging.getLogger("apprise").setLevel(1)

    send(address(clear), letters.HOSTILE, STAMP, Patience().retry)

    assert "@\u2060everyone" in clear.last["message"]
    assert "@everyone" not in clear.last["message"]
    assert "://" not in clear.last["message"]
    assert caplog.records == []


def test_a_failure_is_tried_again_and_told_without_the_address(clear: HookServer) -> None:
    clear.reset()
    clear.answers = [(500, {})] * 9
    patience = Patience()

    with pytest.raises(CalsignalError) as caught:
        send(address(clear), letters.WELL, STAMP, patience.retry)

    assert str(caught.value) == "json did not take it"
    assert caught.value.hint.startswith("check the address")
    assert len(patience.waits) == 4


def test_an_address_that_apprise_does_not_know_is_refused_when_it_is_added() -> None:
    with pytest.raises(InputError, match="Apprise cannot read this nonsense:// address") as caught:
        check(read("nonsense://x:s3cret@y"), private=False)

    assert "s3cret" not in f"{caught.value}{caught.value.hint}"


def test_a_service_that_could_be_secret_has_to_be(clear: HookServer) -> None:
    with pytest.raises(InputError, match="not encrypted") as caught:
        check(address(clear), private=False)

    assert caught.value.hint.startswith("use jsons://")
    check(address(clear), private=True)
    check(address(clear, "jsons"), private=False)
    check(read("https://ours.example/x"), private=False)


def test_without_apprise_the_next_step_is_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *args: Any) -> Any:  # noqa: ANN401 # as Python has it
        if name == "apprise":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", missing)

    with pytest.raises(CalsignalError, match="needs Apprise") as caught:
        check(read("tgram://s3cret/1"), private=False)

    assert caught.value.hint == "install it beside calsignal: pip install 'calsignal[delivery]'"
