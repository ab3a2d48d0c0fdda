"""A calendar service that somebody else wrote: PyPI `myworld`, a program of its own beside the tests.

It was made to train programs that book meetings, and knows nothing of us. Its time stands still but for a second or
three at every request; each test has a company of its own there (`Company`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from calsignal_google import auth

Json = dict[str, Any]

REP, SAM, ANN = "rep@ours.example", "sam@ours.example", "ann@acme.example"
BOB = "bob@acme.example"
"""Of those invited, Bob is the one who answers without being asked again, ten minutes later."""

EVENTS = "calendars/primary/events"
_GATEWAY = "/gw/www.googleapis.com/calendar/v3/"
_LISTENS = re.compile(r"running on http://127\.0\.0\.1:(\d+)")
_PATIENCE = 60.0


def needed(package: str, distribution: str) -> None:
    """Skip the test where a package is missing; fail it where everything has to be there."""
    if find_spec(package) is not None:
        return
    why = f"{distribution} is not installed: pip install -e '.[dev]'"
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """Run the service on a free port of loopback until the end; `folder` is its home."""
    command = shutil.which("myworld", path=str(Path(sys.executable).parent))
    assert command is not None, "myworld is installed without its command"
    arguments = [command, "serve", "--host", "127.0.0.1", "--port", "0"]
    # what measures this process is not to measure that one
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "MYWORLD"))}
    environment |= {"HOME": str(folder), "USERPROFILE": str(folder)}
    with subprocess.Popen(
        arguments, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        watch = threading.Timer(_PATIENCE, process.kill)
        watch.start()
        try:
            port = next((int(found[1]) for line in process.stderr if (found := _LISTENS.search(line))), None)
            watch.cancel()
            assert port is not None, "myworld did not start"
            threading.Thread(target=process.stderr.read, daemon=True).start()  # a full pipe would stop it
            yield port
        finally:
            watch.cancel()
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()


class Company:
    """Mailboxes of our own and of a buyer's people in one environment of the service, with its clock."""

    def __init__(self, port: int, now: datetime, **more: object) -> None:
        self.port = port
        others = [{"email": SAM}, {"email": ANN}, {"email": BOB, "auto_respond": "accept"}]
        begin = {"user": {"email": REP}, "people": others, "timeZone": "Europe/Berlin", "events": []}
        spec = {
            "name": "sample",
            "now": now.isoformat(),
            "servers": {"calendar": {"seed": begin | {"now": now.isoformat()} | more}},
            "agents": {who: {"as": who} for who in (REP, SAM, ANN)},
        }
        made = self._ask("POST", "/envs", {"spec": spec})
        self.name = made["id"]
        self._calendar = made["servers"]["calendar"]["instance"]
        self._tokens = {who: found["google_access_token"] for who, found in made["credentials"].items()}

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}{_GATEWAY}"

    # Signing in

    def token(self, who: str = REP) -> str:
        return str(self._tokens[who])

    def secret(self, who: str = REP, **changed: object) -> str:
        """Return what a sign-in would have left behind."""
        usual = {
            "kind": "user",
            "token": self.token(who),
            "refresh_token": self.token(who),
            "token_uri": f"http://127.0.0.1:{self.port}/gw/oauth2.googleapis.com/token",
            "client_id": "sample",
            "client_secret": "sample",
            "scopes": [auth.EVENTS],
            "expiry": None,
        }
        return json.dumps(usual | changed)

    # What people do

    def book(self, *guests: str, at: datetime, who: str = REP, **fields: object) -> str:
        """Let somebody make an event of half an hour, and return its id."""
        usual: Json = {"summary": "Sample", "attendees": [{"email": guest} for guest in guests]}
        return str(self.act("POST", EVENTS, usual | times(at) | fields, who=who)["id"])

    def change(self, name: str, who: str = REP, **fields: object) -> None:
        self.act("PATCH", f"{EVENTS}/{name}", fields, who=who)

    def answer(self, name: str, who: str, response: str) -> None:
        """Let a guest answer, in the guest's own calendar."""
        rows = self.act("GET", f"{EVENTS}/{name}", who=who)["attendees"]
        mine = [row | {"responseStatus": response} if row["email"] == who else row for row in rows]
        self.change(name, who=who, attendees=mine)

    def cancel(self, name: str, who: str = REP) -> None:
        self.act("DELETE", f"{EVENTS}/{name}", who=who)

    def act(self, method: str, path: str, body: Json | None = None, who: str = REP) -> Any:  # noqa: ANN401 # JSON
        return self._ask(method, f"{_GATEWAY}{path}", body, Authorization=f"Bearer {self.token(who)}")

    # What happens to the service

    def wait(self, **span: float) -> None:
        """Let its clock go on, by a week at most."""
        self._ask("POST", f"/envs/{self.name}/advance", {"seconds": timedelta(**span).total_seconds()})

    def fault(self, kind: str, **more: object) -> None:
        """Let requests for lists of events fail, the next one unless more is said."""
        self._ask("PUT", f"/instances/{self._calendar}/faults", [{"tool": "calendar.events.list", "kind": kind} | more])

    def mend(self) -> None:
        self._ask("PUT", f"/instances/{self._calendar}/faults", [])

    def close_down(self) -> None:
        """End the environment: its tokens are worth nothing from now on."""
        self._ask("DELETE", f"/envs/{self.name}")

    def lists(self) -> list[Json]:
        """Return the parameters of every request for a list of events so far."""
        calls = self._ask("GET", f"/instances/{self._calendar}/calls")["calls"]
        asked = [call["args"]["query"] for call in calls if call["tool"] == "calendar.events.list"]
        return [{name: values[-1] for name, values in query.items()} for query in asked]

    def _ask(self, method: str, path: str, body: object = None, **headers: str) -> Any:  # noqa: ANN401 # JSON
        sent = {"Content-Type": "application/json", **headers}
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)) as connection:
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            response = connection.getresponse()
            content = response.read()
        assert response.status in (200, 204), content
        return json.loads(content) if content else None


def times(start: datetime, zone: str = "Europe/Berlin") -> Json:
    """Return begin and end of half an hour."""
    end = start + timedelta(minutes=30)
    return {name: {"dateTime": at.isoformat(), "timeZone": zone} for name, at in (("start", start), ("end", end))}
