"""A desk from which reports are sent: two reps, an account and a meeting each, and addresses of local servers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from calsignal.cli.app import App
from calsignal.contract import Attendee, Event
from calsignal.model import Answer, Slot
from cli.desk import REP, Desk
from delivery.letters import Patience
from fake_provider import EPOCH

SAM = "sam@ours.example"
SUBJECT = "Plans for <b>Spring</b>"
TOKEN = "T0/B0/s3cretT0ken"


@dataclass
class Office(Desk):
    """A desk on which nothing waits in real time; remembers every word that was printed."""

    patience: Patience = field(default_factory=Patience)
    printed: str = ""

    def app(self) -> App:
        app = super().app()
        app.__dict__["retry"] = self.patience.retry
        return app

    def settle(self) -> None:
        """Write a config, connect two reps, and read a meeting of each."""
        self.ok("init", "--domain", "ours.example", "--timezone", "Europe/Berlin")
        for number, (rep, account) in enumerate(((REP, "acme"), (SAM, "beta")), 1):
            self.ok("connect", "toy", "box", "--rep", rep)
            self.remote(rep).put(meeting(f"m{number}", number, f"{account}.example", rep))
            self.ok("accounts", "add", account.title(), f"{account}.example")
        self.ok("sync")

    def deliveries(self, text: str, *more: str) -> None:
        """Write what [delivery] says into the config."""
        head = '[team]\ndomains = ["ours.example"]\ntimezone = "Europe/Berlin"\n'
        self.write("\n".join([head, "[delivery]", text, *more, ""]))

    def keep(self, name: str, address: str) -> str:
        return self.ok("deliver", "add", name, input=f"{address}\n")


def meeting(uid: str, days: int, domain: str, rep: str) -> Event:
    start = EPOCH + timedelta(days=days)
    people = (Attendee(rep), Attendee(f"buyer@{domain}", Answer.ACCEPTED))
    return Event(uid, uid, Slot(start, start + timedelta(hours=1)), organizer=rep, attendees=people, subject=SUBJECT)
