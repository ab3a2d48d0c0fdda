"""Of which accounts something is kept that holds now: quick to say, so that most syncs need not look further."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

from calsignal import __version__
from calsignal.config import Settings
from calsignal.directory import Directory
from calsignal.score.constants import MODEL_VERSION
from calsignal.store import Holding, Store


def made_with(directory: Directory, settings: Settings) -> str:
    """Return what stands for everything but ledger and accounts that what is kept of an account hangs on."""
    alone = replace(directory, mailboxes=frozenset())
    strays = sorted(m for m in directory.mailboxes if not alone.is_seller(m.rpartition("@")[2], m))
    question = (
        __version__,
        MODEL_VERSION,
        settings.scoring.fingerprint(),
        (settings.team.timezone.key, settings.sync.horizon_days),
        (sorted(directory.team_domains), strays, sorted(directory.aliases.items())),
        (sorted(directory.ignored_addresses), sorted(directory.ignored_domains), sorted(directory.delegates.items())),
    )
    return hashlib.sha256(repr(question).encode()).hexdigest()[:16]


def held(holding: Holding, directory: Directory) -> set[str]:
    """Return the accounts of which it holds now, by name."""
    touched = {directory.who_is(*person).account for person in holding.touched}
    read = holding.last_read
    rolled = {name for name, at in holding.rolls_at.items() if at is not None and read is not None and at <= read}
    return holding.rolls_at.keys() - touched - rolled


def is_settled(store: Store, settings: Settings, directory: Directory) -> bool:
    """Say whether nobody was touched, and something is kept of every account that holds, whatever the clock says."""
    holding = store.holding(made_with(directory, settings), datetime.max.replace(tzinfo=UTC))
    return not holding.touched and held(holding, directory) == {account.name for account in directory.accounts}
