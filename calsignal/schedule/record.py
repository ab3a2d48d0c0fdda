"""What is remembered of the daily run: the plan that was installed, and how the last run went. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, time


@dataclass(frozen=True)
class Step:
    """One command of a run and its exit code."""

    name: str
    exit_code: int


@dataclass(frozen=True)
class Run:
    """One run; `ended` is None while it goes on, or where it was cut off."""

    started: datetime
    ended: datetime | None = None
    steps: tuple[Step, ...] = ()

    @property
    def well(self) -> bool:
        return self.ended is not None and not any(step.exit_code for step in self.steps)


@dataclass(frozen=True)
class Record:
    """The plan's scheduler, time, days and moment of installation, as far as there is one; and the last run."""

    scheduler: str | None = None
    at: time | None = None
    days: tuple[int, ...] = ()
    since: datetime | None = None
    run: Run | None = None

    def to_text(self) -> str:
        """Return the record as it is kept."""
        run = self.run
        return json.dumps(
            {
                "version": 1,
                "scheduler": self.scheduler,
                "at": self.at and self.at.isoformat("minutes"),
                "days": list(self.days),
                "since": self.since and self.since.isoformat(),
                "run": run
                and {
                    "started": run.started.isoformat(),
                    "ended": run.ended and run.ended.isoformat(),
                    "steps": [[step.name, step.exit_code] for step in run.steps],
                },
            },
            indent=1,
        )

    @classmethod
    def from_text(cls, text: str | None) -> Record:
        """Return a record; one that cannot be read is empty."""
        try:
            found = json.loads(text or "")
            made = cls(
                found["scheduler"],
                found["at"] and time.fromisoformat(found["at"]),
                tuple(map(int, found["days"])),
                found["since"] and datetime.fromisoformat(found["since"]),
            )
            return replace(made, run=_run(found["run"])) if found["run"] else made
        except (ValueError, TypeError, KeyError):
            return cls()


def _run(found: dict[str, object]) -> Run:
    ended, steps = found["ended"], found["steps"]
    assert isinstance(steps, list)
    return Run(
        datetime.fromisoformat(str(found["started"])),
        datetime.fromisoformat(str(ended)) if ended else None,
        tuple(Step(str(name), int(code)) for name, code in steps),
    )
