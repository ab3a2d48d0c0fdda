"""Every rep's own digest, from two looks at the store instead of one for each rep."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from calsignal.analysis import World, digest, is_theirs, look
from calsignal.config import Settings
from calsignal.errors import InputError
from calsignal.score.account import first_action
from calsignal.score.result import Digest
from calsignal.store import Store


@dataclass(frozen=True)
class Mornings:
    """What every rep's digest is made from: the team's, and the accounts as they were scored for it."""

    team: Digest
    world: World

    @classmethod
    def of(cls, store: Store, settings: Settings, as_of: datetime) -> Mornings:
        """Look at the store."""
        return cls(digest(store, settings, as_of), look(store, settings, as_of, as_of))

    def of_rep(self, rep: str) -> Digest:
        """Return the digest of a rep, as `analysis.digest(rep=...)` makes it: the accounts that they meet or own.

        Raises:
            InputError: no calendar of the rep was ever connected, and no account is theirs.
        """
        if not self._knows(rep):
            raise InputError(f"no calendar of {rep} is connected, and they own no account", "mend [delivery.reps]")
        mine = [one for one in self.world.scored if is_theirs(one.result, rep)]
        names = {one.result.account.name for one in mine}
        return replace(
            self.team,
            rep=rep,
            first_action=first_action(mine),
            today=tuple(item for item in self.team.today if item.account in names and rep in item.meeting.sellers),
            accounts=tuple(one.result for one in mine),
            changes=tuple(item for item in self.team.changes if item.account in names),
        )

    def _knows(self, rep: str) -> bool:
        reps = {state.rep for state in self.world.head.connections}
        return rep in reps | {one.result.account.owner for one in self.world.scored}


def connected_reps(store: Store, settings: Settings) -> tuple[str, ...]:
    """Return the reps whose own digest goes somewhere: those with a calendar that is read, and those with a setting."""
    aliases = settings.team.aliases
    found = [c.mailbox for c in store.connections() if c.retired_at is None]
    mailboxes = {aliases.get(mailbox, mailbox) for mailbox in [*found, *settings.delivery.reps]}
    return tuple(sorted(rep for rep in mailboxes if settings.delivery.of_rep(rep)))
