"""After any sequence of changes, misreadings and losses, the store says what the calendars say.

2,000 sequences, the same each time; `HYPOTHESIS_PROFILE=thorough` tries ten times as many, longer ones, and other
ones each time.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from machine.sequences import Sequences

SHARDS = 8  # so that several processes can share the work
THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
SETTINGS = settings(
    max_examples=(20_000 if THOROUGH else 2_000) // SHARDS,
    stateful_step_count=30 if THOROUGH else 12,
    derandomize=not THOROUGH,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
FULL_LISTS, DELTAS, MIXED = (False, False, False), (True, True, True), (True, False, True)


@pytest.mark.no_cover  # being watched line by line takes half of its time, and other tests run every line of it
@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_store_converges(shard: int) -> None:
    deltas = (DELTAS, MIXED, FULL_LISTS)[shard % 3]
    at_once = 3 if shard % 2 else 1
    # the name is what seeds it
    machine = type(f"Sequences{shard}", (Sequences,), {"deltas": deltas, "at_once": at_once})

    run_state_machine_as_test(machine, settings=SETTINGS)
