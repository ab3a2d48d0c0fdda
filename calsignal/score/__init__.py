"""Firmness, buyer time, rescheduling, status: pure functions of what was known at `as_of`."""
