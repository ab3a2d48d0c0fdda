"""After any sequence of changes, misreadings and losses, the store says what the calendars say.

`HYPOTHESIS_PROFILE=thorough` looks longer, and elsewhere each time.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

from machine.sequences import Sequences

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
USUAL = settings(
    max_examples=2000 if THOROUGH else 100,
    stateful_step_count=30 if THOROUGH else 12,
    derandomize=not THOROUGH,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


class FullLists(Sequences):
    deltas = (False, False, False)


class Deltas(Sequences):
    deltas = (True, True, True)


class Mixed(Sequences):
    deltas = (True, False, True)


TestFullLists, TestDeltas, TestMixed = FullLists.TestCase, Deltas.TestCase, Mixed.TestCase
TestFullLists.settings = TestDeltas.settings = TestMixed.settings = USUAL
