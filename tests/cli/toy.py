"""A provider that is installed nowhere: it proves that the command line names none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from calsignal.contract import Authorised, ConnectRequest, Option, Setting
from calsignal.errors import InputError
from fake_provider import FakeProvider, Remote


@dataclass
class Toy(FakeProvider):
    """Calendars in memory by mailbox; remembers the last request."""

    name: str = "toy"
    settings: tuple[Setting, ...] = (Setting("shelf", str, None, "where the toys are"),)
    options: tuple[Option, ...] = (
        Option("place", "where the calendar is", argument=True, required=True),
        Option("rep", "whose calendar it is", required=True),
        Option("ask_secret", "ask for a secret", flag=True),
        Option("label", "a label", multiple=True),
        Option("team", "everybody on a list, with one secret", multiple=True),
    )
    asked: list[ConnectRequest] = field(default_factory=list)

    def connect(self, request: ConnectRequest) -> Sequence[Authorised]:
        self.asked.append(request)
        rep, place = str(request.options["rep"]), str(request.options["place"])
        if place == "nowhere":
            raise InputError("there is no calendar at nowhere", "name another place")
        secret = request.ask_secret("Secret") if request.options["ask_secret"] else None
        request.tell("opening the toy box")
        self.remotes.setdefault(rep, Remote())
        team = request.options["team"]
        if isinstance(team, tuple):
            for who in team:
                if who.startswith("no-"):
                    request.refused(f"{who} is not connected: nobody of that name")
            team = tuple(who for who in team if not who.startswith("no-"))
            return [Authorised(who, f"toy:{who}", "key", shares="toys", roster="team") for who in team]
        return [Authorised(rep, f"toy:{rep.partition('@')[0]}", secret, place=place)]


provider = Toy()
