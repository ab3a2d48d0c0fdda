"""What may be pasted in public: names of people, companies, machines and folders, and all secrets, become `…`.

What is printed is chosen beforehand; this is the fence behind that, for words that somebody else chose: a path, the
error of a provider, a slip in a config file. Only what is known to be harmless passes whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Protocol

from calsignal.reports.safe import clean

_HIDDEN = "…"
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"`<>]*[^\s'\"`<>.,;:)]", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s@<>\"'`(),;:=\[\]]+(?:@|%40)[^\s@<>\"'`(),;:\[\]]+", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w/\\~.…-])(?!(?<=:)//)(?:~|[A-Za-z]:)?[\\/][^\s'\"`:;,()]*")
_IP = re.compile(
    r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])"
    r"|(?<![\w:])(?=[0-9a-f:]*::|(?:[0-9a-f]+:){4})[0-9a-f:]{3,}",  # not a time of day
    re.IGNORECASE,
)
_HOST = re.compile(r"(?<![\w.…/-])[\w-]+(?:\.[\w-]+)+(?![\w-])")
_TOKEN = re.compile(r"(?=[\w+=%-]*\d)[\w+=%-]{20,}")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")

_INSIDE = frozenset("corp example home internal intranet invalid lan local localdomain onion private test".split())
"""Top-level names that are on no public list: of private networks, and of RFC 2606 and RFC 6762."""

_OPEN_HOSTS = frozenset(
    """
    accounts.google.com admin.google.com calendar.google.com console.cloud.google.com developers.google.com github.com
    myaccount.google.com support.google.com oauth2.googleapis.com www.googleapis.com login.microsoftonline.com
    entra.microsoft.com graph.microsoft.com learn.microsoft.com portal.azure.com company.example
    """.split()
)
"""Hosts that are the same for everybody: a hint may name them."""

_PERMISSION = re.compile(r"[A-Z][A-Za-z]+\.Read(?:Basic|Write)?(?:\.[A-Z][A-Za-z]+)?")
_FOLDERS = frozenset(
    """
    ~ .config .local share state Library Application Support Preferences AppData Local Roaming etc var lib srv opt usr
    home Users data config calsignal tmp config.toml calsignal.sqlite3 vault.json vault.key
    """.split()
)
"""Names in a path that do not tell whose it is."""

_ENDING = re.compile(r"\.(?:toml|json|key|sqlite3|sqlite|db|ics|log)$")


@dataclass(frozen=True)
class Sieve:
    """Makes texts fit for the public.

    homes     home folders, which become `~`
    names     what must not be shown, and what stands for it
    secrets   what is never shown, not even where everything else is
    whole     lets everything else through, for one's own eyes
    """

    homes: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    whole: bool = False

    def __call__(self, text: str) -> str:
        """Return the text on one line, without what must not be seen."""
        text = _replaced(self._secrets, clean(text))
        if self.whole:
            return text
        text = _replaced(self._names, text)
        text = _ADDRESS.sub(f"{_HIDDEN}@{_HIDDEN}", _URL.sub(_url, text))
        text = _IP.sub(_HIDDEN, _PATH.sub(_path, text))
        return _TOKEN.sub(_HIDDEN, _HOST.sub(_host, text))

    @cached_property
    def _secrets(self) -> Swap:
        return _swap(dict.fromkeys(self.secrets, _HIDDEN))

    @cached_property
    def _names(self) -> Swap:
        homes = {f"{home.rstrip(end)}{end}": f"~{end}" for home in self.homes for end in "/\\" if home.rstrip(end)}
        return _swap({**homes, **self.names})


Swap = tuple[re.Pattern[str] | None, Mapping[str, str]]


def _swap(words: Mapping[str, str]) -> Swap:
    """Return a pattern that finds the longest of some words where it stands alone, and what stands for each."""
    known = {clean(word): stand_in for word, stand_in in words.items() if len(clean(word)) >= 3}
    longest = sorted(known, key=len, reverse=True)
    if not longest:
        return None, known
    return re.compile("|".join(_alone(word) for word in longest)), known


def _alone(word: str) -> str:
    before = r"(?<!\w)" if re.match(r"\w", word) else ""
    after = r"(?!\w)" if re.search(r"\w$", word) else ""
    return f"{before}{re.escape(word)}{after}"


def _replaced(swap: Swap, text: str) -> str:
    pattern, known = swap
    return text if pattern is None else pattern.sub(lambda found: known[found[0]], text)


def _url(found: re.Match[str]) -> str:
    scheme, _, rest = found[0].partition("://")
    host = re.split(r"[/?#:]", rest, maxsplit=1)[0]
    if host not in _OPEN_HOSTS:
        return f"{scheme}://{_HIDDEN}"
    return f"{scheme}://{host}" + ("" if rest.strip("/") == host else f"/{_HIDDEN}")


def _path(found: re.Match[str]) -> str:
    return shown_path(found[0])


def shown_path(path: str) -> str:
    """Return a path in which only folders and files that every installation has keep their names."""
    if not path.strip("/\\"):
        return path
    parts = re.split(r"([\\/])", path)
    return re.sub(r"…(?:[\\/]…)+(?=[\\/]|$)", _HIDDEN, "".join(map(_part, parts)))


def _part(part: str) -> str:
    if part in _FOLDERS or part in ("", "/", "\\", _HIDDEN) or re.fullmatch("[A-Za-z]:", part):
        return part
    ending = _ENDING.search(part)
    return _HIDDEN + (ending[0] if ending else "")


def _host(found: re.Match[str]) -> str:
    name = found[0]
    harmless = _PERMISSION.fullmatch(name) or name in _FOLDERS or name in _OPEN_HOSTS or not _is_host(name)
    return name if harmless else _HIDDEN


def _is_host(name: str) -> bool:
    lower = name.lower()
    return lower.rpartition(".")[2] in _INSIDE or _suffixes().publicsuffix(lower) is not None


class _Suffixes(Protocol):
    def publicsuffix(self, domain: str) -> str | None: ...


@cache
def _suffixes() -> _Suffixes:
    from publicsuffixlist import PublicSuffixList

    found: _Suffixes = PublicSuffixList(accept_unknown=False, only_icann=True)
    return found


def unquoted(text: str) -> str:
    """Return a sentence about somebody's words without those: what stands in quotation marks."""
    return _QUOTED.sub(f"'{_HIDDEN}'", text)
