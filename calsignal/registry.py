"""Find providers by entry point. Importing one is left until it is asked for."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points

from calsignal.contract import Provider, Setting
from calsignal.errors import CalsignalError, InputError

GROUP = "calsignal.providers"


class Registry:
    """The installed providers. `points` stands in for the entry points of this Python."""

    def __init__(self, points: Iterable[EntryPoint] | None = None) -> None:
        self._given = points
        self._loaded: dict[str, Provider] = {}

    @cached_property
    def _points(self) -> dict[str, EntryPoint]:
        points = entry_points(group=GROUP) if self._given is None else self._given
        found: dict[str, EntryPoint] = {}
        for point in points:
            # one package may be on the path twice: installed, and in a checkout
            if found.setdefault(point.name, point).value != point.value:
                fact = f"two packages provide {point.name!r}: {found[point.name].module} and {point.module}"
                raise CalsignalError(fact, "uninstall one of them")
        return dict(sorted(found.items()))

    def names(self) -> tuple[str, ...]:
        """Return the names of the installed providers in alphabetical order; none is imported."""
        return tuple(self._points)

    def get(self, name: str) -> Provider:
        """Return the provider called `name`; only that one is imported.

        Raises:
            InputError: there is none of this name.
            CalsignalError: its package is broken.
        """
        if name not in self._points:
            raise InputError(f"no provider called {name!r}; {self._installed()}", self._nearest(name))
        if name not in self._loaded:
            self._loaded[name] = self._load(self._points[name])
        return self._loaded[name]

    def sections(self) -> dict[str, tuple[Setting, ...]]:
        """Return the settings that each provider declares, by its name, for the config file."""
        return {name: self.get(name).settings for name in self.names()}

    def _load(self, point: EntryPoint) -> Provider:
        try:
            provider: Provider = point.load()
        except Exception as error:  # whatever a stranger's package does at import
            raise CalsignalError(
                f"the provider {point.name!r} cannot be loaded from {point.module} ({type(error).__name__})",
                "reinstall the package that brings it, or uninstall it",
            ) from error
        return provider

    def _installed(self) -> str:
        return f"installed: {', '.join(self.names())}" if self.names() else "none is installed"

    def _nearest(self, name: str) -> str:
        close = difflib.get_close_matches(name.lower(), self.names(), n=1)
        return f"did you mean {close[0]}?" if close else "install the package that brings it"
