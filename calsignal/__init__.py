"""Tell which buyers really invest time, from what their calendars show.

`open_store` answers from Python what the commands answer; docs/python.md tells how.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from calsignal.api import open_store as open_store

__version__ = "0.1.0"
__all__ = ["__version__", "open_store"]


def __getattr__(name: str) -> object:
    if name == "open_store":  # only now: `calsignal --version` needs none of it
        from calsignal.api import open_store

        return open_store
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
