"""Read the TOML config into typed, frozen settings; report every problem at once; render the commented example.

One table of keys serves reading, checking and rendering. Providers add their sections as data. Secrets have no
place here: they live in the vault.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from calsignal.contract import Setting
from calsignal.directory import FREE_MAIL, normalise, normalise_domain
from calsignal.errors import ConfigError, InputError
from calsignal.score.constants import Constants

ENV_CONFIG = "CALSIGNAL_CONFIG"
ENV_STORE = "CALSIGNAL_DATABASE_URL"
_FILE = "config.toml"

Sections = Mapping[str, tuple[Setting, ...]]
"""The settings of each provider by the provider's name."""


@dataclass(frozen=True)
class Team:
    """Who we are. `domains` and `aliases` (address: mailbox) are normalised."""

    name: str = ""
    domains: tuple[str, ...] = ()
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StoreSettings:
    """Where the store is; `url` holds no password. None: see `store_place`."""

    url: str | None = None


@dataclass(frozen=True)
class SyncSettings:
    """How far a sync looks back and ahead, in days, how much is read at once, and how often a worker syncs."""

    history_days: int = 365
    horizon_days: int = 180
    at_once: int = 16
    every_minutes: int = 60


@dataclass(frozen=True)
class Privacy:
    """What may be kept and read."""

    subjects: bool = True
    link_text: bool = False
    private_addresses: bool = False
    keep_days: int = 0


@dataclass(frozen=True)
class Ignore:
    """Addresses and domains that are no people."""

    addresses: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()


@dataclass(frozen=True)
class DealSettings:
    """What the CRM calls things: `accounts` maps its name to our account's, `owners` its name to our mailbox."""

    accounts: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Delivery:
    """What is sent where: names of addresses that the vault keeps.

    `team` gets the whole team's digest, `each` (or what `reps` says of one mailbox) a rep's own, `audit` the audit;
    on `quiet` days (`sat`, `12-25`, `2026-12-25`) nothing is sent.
    """

    team: tuple[str, ...] = ()
    each: tuple[str, ...] = ()
    audit: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ("sat", "sun")
    reps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def to_reps(self) -> bool:
        """Say whether any rep gets a digest of their own."""
        return bool(self.each or any(self.reps.values()))

    @property
    def names(self) -> tuple[str, ...]:
        """Return every address that is used, once."""
        found = (*self.team, *self.each, *self.audit, *(name for names in self.reps.values() for name in names))
        return tuple(dict.fromkeys(found))

    def of_rep(self, rep: str) -> tuple[str, ...]:
        """Return where a rep's own digest goes."""
        return self.reps.get(rep, self.each)


@dataclass(frozen=True)
class Settings:
    """Everything a config file says, with the defaults filled in.

    `teams` maps a name to the mailboxes of its reps; `delegates` an assistant's address to the principal's.
    `providers` holds each provider's section, complete, by its name.
    """

    path: Path | None = None
    team: Team = field(default_factory=Team)
    store: StoreSettings = field(default_factory=StoreSettings)
    sync: SyncSettings = field(default_factory=SyncSettings)
    privacy: Privacy = field(default_factory=Privacy)
    ignore: Ignore = field(default_factory=Ignore)
    teams: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    deals: DealSettings = field(default_factory=DealSettings)
    delivery: Delivery = field(default_factory=Delivery)
    delegates: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scoring: Constants = field(default_factory=Constants)
    providers: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    @property
    def history_days(self) -> int:
        """How many days back a first sync reads: no more than are kept."""
        return min(self.sync.history_days, self.privacy.keep_days or self.sync.history_days)


class _Bad(Exception):
    """One value is wrong: `fact` follows the name of the key."""

    def __init__(self, fact: str, hint: str) -> None:
        super().__init__(fact)
        self.fact, self.hint = fact, hint


Read = Callable[[object], object]
"""Turn a TOML value into a setting, or raise `_Bad`."""


class _Key(NamedTuple):
    name: str
    read: Read
    default: object
    help: str


# --- values: each reader takes what TOML gave and returns the setting -------------------------------------------------

_KINDS = {str: "text in quotes", bool: "true or false", int: "a whole number", float: "a number", list: "a list"}
_KINDS |= {dict: "a table"}


def _expect(value: object, kind: type) -> None:
    # in Python true is a 1, in a config it is a slip
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise _Bad(f"is {_KINDS.get(type(value), 'a date or time')}", f"write {_KINDS[kind]}")


def _text(value: object) -> str:
    _expect(value, str)
    return str(value)


def _flag(value: object) -> bool:
    _expect(value, bool)
    return bool(value)


def _days(value: object) -> int:
    _expect(value, int)
    assert isinstance(value, int)
    if not 0 <= value <= 36_500:
        raise _Bad("is out of range", "write a number of days from 0 to 36500")
    return value


def _at_once(value: object) -> int:
    number = _integer(value)
    if not 1 <= number <= 64:
        raise _Bad("is out of range", "write a number of mailboxes from 1 to 64")
    return number


def _minutes(value: object) -> int:
    _expect(value, int)
    assert isinstance(value, int)
    if not 5 <= value <= 10_080:
        raise _Bad("is out of range", "write a number of minutes from 5 to 10080")
    return value


def _integer(value: object) -> int:
    _expect(value, int)
    assert isinstance(value, int)
    return value


def _list(value: object) -> tuple[str, ...]:
    _expect(value, list)
    assert isinstance(value, list)
    for item in value:
        if not isinstance(item, str):
            raise _Bad(f"holds {_KINDS.get(type(item), 'a date or time')}", 'write each entry as text: ["one", "two"]')
    return tuple(dict.fromkeys(value))


def _quiet_days(value: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_quiet_day(item) for item in _list(value)))


def _quiet_day(text: str) -> str:
    word = text.strip().lower()
    if word in _NAMES.get(word[:3], ()):
        return word[:3]
    try:
        # a day without its year: one of a leap year
        date.fromisoformat(word if len(word) > len("12-25") else f"2024-{word}")
    except ValueError as error:
        raise _Bad(f"has no day in {_shown(text)}", 'write "sat", "2026-12-25", or "12-25" for every year') from error
    return word


_NAMES = {
    day[:3]: (day[:3], day) for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
}


def _zone(value: object) -> ZoneInfo:
    name = _text(value)
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        # listing all zones takes longer than the whole rest of the config, so only now
        close = _near(name, sorted(available_timezones()))
        hint = close or "write an IANA name such as Europe/Berlin"
        raise _Bad(f"is not known: {_shown(name)}", hint) from error


def _url(value: object) -> str:
    """Refuse a password; the URL itself must not come back in the message."""
    url = _text(value)
    if not re.match(r"[a-z][a-z0-9+]*:", url):
        raise _Bad("is no database URL", "write one such as postgresql+psycopg://user@host/calsignal")
    if re.search(r"[?&]password=", url) or (not url.startswith("sqlite") and re.search(r"://[^@]*:[^@]*@", url)):
        raise _Bad("holds a password", f"give the whole URL in {ENV_STORE} instead, or use libpq's password file")
    return url


def _address(text: str) -> str:
    try:
        return normalise(text)
    except InputError as error:
        raise _Bad(f"has no e-mail address in {_shown(text)}", error.hint) from error


def _domain(text: str) -> str:
    try:
        name = normalise_domain(text)
    except InputError as error:
        raise _Bad(f"has no domain in {_shown(text)}", error.hint) from error
    if "." not in name or name.rpartition(".")[2].isdigit():
        raise _Bad(f"has no domain of a company in {_shown(text)}", "write it as company.example")
    return name


def _own_domain(text: str) -> str:
    name = _domain(text)
    if name in FREE_MAIL:
        raise _Bad(
            f"has the free-mail domain {name}: every customer with an address there would be a seller",
            "name the addresses in [team.aliases] instead",
        )
    return name


def _addresses(value: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_address(item) for item in _list(value)))


def _domains(value: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_domain(item) for item in _list(value)))


def _own_domains(value: object) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(_own_domain(item) for item in _list(value)))
    if not found:
        raise _Bad("is empty", "name the domains that your own e-mail addresses end in")
    return found


def _shown(text: str) -> str:
    """Quote a word of the user's, short and on one line."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _address_key(value: object) -> str:
    return _address(str(value))


def _address_value(value: object) -> str:
    return _address(_text(value))


def _tool(value: object) -> str:
    return str(value)


def _name(value: object) -> str:
    name = _text(value).strip()
    if not name:
        raise _Bad("is empty", "write a name")
    return name


def _expressions(value: object) -> tuple[str, ...]:
    expressions = _list(value)
    for expression in expressions:
        try:
            with warnings.catch_warnings(action="error", category=FutureWarning):
                re.compile(expression)
        except (re.error, OverflowError, RecursionError, FutureWarning) as error:
            raise _Bad(f"holds no regular expression: {_shown(expression)}", f"mend it: {error}") from error
    return expressions


def _constant(name: str, default: float) -> Read:
    """Return the reader of a constant of the model: of the default's type and sign, shares within 0 and 1."""

    def read(value: object) -> object:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not (whole and isinstance(default, float)):
            _expect(value, type(default))
        assert isinstance(value, int | float)
        if not _sensible(name, value, default):
            raise _Bad("is out of range", f"write {_range(name, default)}; the default is {default}")
        return type(default)(value)

    return read


_SHARES = ("past_", "future_", "audit_min_coverage", "audit_fewer_share")
_DIVISORS = ("half_", "quiet_half_", "audit_days", "audit_recent_days", "audit_usual_days", "audit_weeks")


def _sensible(name: str, value: float, default: float) -> bool:
    if not -1e6 <= value <= 1e6:  # which no infinity and no NaN is
        return False
    if name.startswith(_SHARES):
        return 0 <= value <= 1
    if name.startswith(_DIVISORS):
        return value > 0
    return value <= 0 if default < 0 else value >= 0


def _range(name: str, default: float) -> str:
    if name.startswith(_SHARES):
        return "a share from 0 to 1"
    if name.startswith(_DIVISORS):
        return "a number above 0"
    return "0 or a negative number" if default < 0 else "0 or more"


def team_domain(text: str) -> str:
    """Return a domain of the team's own addresses, normalised. Raises `InputError`."""
    try:
        return _own_domain(text.strip().removeprefix("@"))
    except _Bad as bad:
        raise InputError(f"the team {bad.fact}", bad.hint) from bad


def team_zone(text: str) -> ZoneInfo:
    """Return a time zone by its IANA name. Raises `InputError`."""
    try:
        return _zone(text.strip())
    except _Bad as bad:
        raise InputError(f"the time zone {bad.fact}", bad.hint) from bad


# --- the table of keys ------------------------------------------------------------------------------------------------

_CORE: Mapping[str, tuple[_Key, ...]] = {
    "team": (
        _Key("name", _text, "", "what the team is called in reports"),
        _Key("domains", _own_domains, (), "the domains your own e-mail addresses end in; sub-domains are included"),
        _Key("timezone", _zone, ZoneInfo("UTC"), "the IANA time zone in which your days begin and end"),
    ),
    "store": (
        _Key(
            "url",
            _url,
            None,
            f"the database, without a password; {ENV_STORE} goes first; neither: SQLite in the data folder",
        ),
    ),
    "sync": (
        _Key("history_days", _days, 365, "how many days back a first sync reads"),
        _Key("horizon_days", _days, 180, "how many days ahead a sync reads"),
        _Key("at_once", _at_once, 16, "how many mailboxes are read at once at most; 1 reads one after another"),
        _Key("every_minutes", _minutes, 60, "how many minutes after each other `calsignal worker` syncs a connection"),
    ),
    "privacy": (
        _Key("subjects", _flag, default=True, help="keep the subjects of meetings with accounts"),
        _Key(
            "link_text",
            _flag,
            default=False,
            help="look for booking links in descriptions too; only the kind found is kept",
        ),
        _Key("private_addresses", _flag, default=False, help="allow calendar feeds on private network addresses"),
        _Key("keep_days", _days, 0, "erase at each sync what was over so many days ago; 0 keeps everything"),
    ),
    "ignore": (
        _Key("addresses", _addresses, (), "addresses that are no people: rooms, note-taker bots"),
        _Key("domains", _domains, (), "domains of such addresses"),
    ),
    "deals": (),
    "delivery": (
        _Key("team", _list, (), "where the whole team's digest goes: names that `calsignal deliver add` gave"),
        _Key("each", _list, (), "where each rep's own digest goes; mail that names nobody goes to the rep"),
        _Key("audit", _list, (), "where the audit goes"),
        _Key("quiet", _quiet_days, ("sat", "sun"), "days without sending: of the week, of a year, of every year"),
    ),
    "scoring": tuple(_Key(f.name, _constant(f.name, f.default), f.default, "") for f in fields(Constants)),  # type: ignore[arg-type]  # every constant has a number for a default
}


class _Map(NamedTuple):
    """A section whose keys are the user's own: what it means, a sample line, and how keys and values are read."""

    help: str
    sample: str
    key: Read
    value: Read


_MAPS: Mapping[str, _Map] = {
    "team.aliases": _Map(
        "another address of ours = its mailbox",
        '"j.doe@ours.example" = "jane@ours.example"',
        _address_key,
        _address_value,
    ),
    "delegates": _Map(
        "an assistant's address = the principal's",
        '"assistant@buyer.example" = "chief@buyer.example"',
        _address_key,
        _address_value,
    ),
    "teams": _Map(
        "a team's name = the mailboxes of its reps",
        '"north" = ["jane@ours.example", "robin@ours.example"]',
        _tool,
        _addresses,
    ),
    "deals.accounts": _Map(
        "an account's name in the CRM = its name here, where neither domain nor name tell",
        '"ACME International (EMEA)" = "Acme"',
        _tool,
        _name,
    ),
    "deals.owners": _Map(
        "an owner's name in the CRM = the mailbox",
        '"Doe, Jane" = "jane@ours.example"',
        _tool,
        _address_value,
    ),
    "delivery.reps": _Map(
        "a rep's mailbox = where their own digest goes, in the place of each; an empty list: nowhere",
        '"jane@ours.example" = ["mail", "jane-chat"]',
        _address_key,
        _list,
    ),
    "links": _Map(
        "links that your own scheduling tool leaves on a meeting: name of the tool = regular expressions",
        "\"our booking page\" = ['book\\.ours\\.example/manage/']",
        _tool,
        _expressions,
    ),
}

_ABOUT = {
    "scoring": "the numbers of the model; with others than these, figures compare with nobody else's",
}

_READERS: Mapping[type, Read] = {str: _text, bool: _flag, int: _integer, list: _list, tuple: _list}


def _provider_keys(settings: tuple[Setting, ...]) -> tuple[_Key, ...]:
    return tuple(_Key(s.name, _READERS[s.type], s.default, s.help) for s in settings)


def _tables(sections: Sections) -> dict[str, tuple[_Key, ...]]:
    return {**_CORE, **{name: _provider_keys(settings) for name, settings in sections.items()}}


# --- reading ----------------------------------------------------------------------------------------------------------


def load(path: Path | None, sections: Sections) -> Settings:
    """Read the config file at `path` (None: the defaults alone); `sections` are the providers' settings by provider.

    Raises:
        InputError: there is no such file, or it cannot be opened.
        ConfigError: every problem in it, each with its line and the next step.
    """
    if path is None:
        return _settings(None, {}, _tables(sections))
    source = _source(path)
    try:
        document = tomllib.loads(source)
    except (ValueError, RecursionError) as error:  # a TOMLDecodeError is a ValueError, and so is a number too long
        hint = "text needs quotes, and so does an address to the left of ="
        raise ConfigError(f"the config file {path} cannot be read", [(f"it is not TOML: {error}", hint)]) from error
    problems = _Problems(source)
    found = _check(document, _tables(sections), problems)
    if problems.found:
        raise ConfigError(f"the config file {path} has {_count(len(problems.found))}", problems.sorted())
    return _settings(path, found, _tables(sections))


def salvage(path: Path, sections: Sections) -> Settings:
    """Return what can be read of a config file that `load` refuses; defaults stand in for the rest."""
    tables = _tables(sections)
    try:
        source = _source(path)
        found = _check(tomllib.loads(source), tables, _Problems(source))
    except (InputError, ValueError, RecursionError):
        return _settings(None, {}, tables)
    return _settings(path, found, tables)


def _source(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"there is no config file at {path}", "run `calsignal init` to write one") from error
    except OSError as error:
        raise InputError(f"the config file {path} cannot be opened: {error.strerror}", "check the path") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"the config file {path} cannot be read", [("it is not UTF-8", "save it again as UTF-8")]
        ) from error


def _count(number: int) -> str:
    return "1 problem" if number == 1 else f"{number} problems"


class _Problems:
    """Collects what is wrong, each with the line it is on."""

    def __init__(self, source: str) -> None:
        self._lines = key_lines(source)
        self.found: list[tuple[int, str, str]] = []

    def add(self, where: tuple[str, ...], fact: str, hint: str) -> None:
        line = next((self._lines[where[:n]] for n in range(len(where), 0, -1) if where[:n] in self._lines), 1)
        self.found.append((line, f"line {line}: {fact}", hint))

    def sorted(self) -> list[tuple[str, str]]:
        return [(fact, hint) for _, fact, hint in sorted(self.found, key=lambda item: item[0])]


Found = dict[str, dict[str, object]]
"""What a file says: section, key, setting."""


def _check(document: Mapping[str, object], tables: Mapping[str, tuple[_Key, ...]], problems: _Problems) -> Found:
    found: Found = {}
    for section, content in document.items():
        if section not in tables and section not in _MAPS:
            known = [*tables, *(name for name in _MAPS if "." not in name)]
            hint = _near(section, known) or _known(known)
            problems.add((section,), f"there is no section [{_heading(section)}]", hint)
        elif not isinstance(content, dict):
            problems.add((section,), f"[{section}] is not a section", f"write [{section}] on a line of its own")
        else:
            _check_section(section, content, tables.get(section, ()), problems, found)
    if not found.get("team", {}).get("domains") and not any("[team] domains" in fact for _, fact, _ in problems.found):
        hint = "name the domains that your own e-mail addresses end in"
        problems.add(("team",), "[team] domains is missing", hint)
    return found


def _check_section(
    section: str, content: Mapping[str, object], keys: tuple[_Key, ...], problems: _Problems, found: Found
) -> None:
    if section in _MAPS:
        found[section] = _check_map(section, content, problems)
        return
    known = {key.name: key for key in keys}
    for name, value in content.items():
        if f"{section}.{name}" in _MAPS:
            _check_section(f"{section}.{name}", _as_table(section, name, value, problems), (), problems, found)
        elif name not in known:
            hint = _near(name, list(known)) or _known(list(known))
            problems.add((section, name), f"[{section}] has no key {_shown(name)}", hint)
        else:
            _try(problems, (section, name), known[name].read, value, found.setdefault(section, {}))


def _as_table(section: str, name: str, value: object, problems: _Problems) -> Mapping[str, object]:
    if isinstance(value, dict):
        return value
    problems.add(
        (section, name), f"[{section}] {name} is not a table", f"write [{section}.{name}] on a line of its own"
    )
    return {}


def _check_map(section: str, content: Mapping[str, object], problems: _Problems) -> dict[str, object]:
    found: dict[str, object] = {}
    where = tuple(section.split("."))
    for name, value in content.items():
        try:
            found[str(_MAPS[section].key(name))] = _MAPS[section].value(value)
        except _Bad as bad:
            problems.add((*where, name), f"[{section}] {_shown(name)} {bad.fact}", bad.hint)
    return found


def _try(problems: _Problems, where: tuple[str, str], read: Read, value: object, into: dict[str, object]) -> None:
    try:
        into[where[1]] = read(value)
    except _Bad as bad:
        problems.add(where, f"[{where[0]}] {where[1]} {bad.fact}", bad.hint)


def _heading(section: str) -> str:
    """Write the name of a section as in the file: bare if it may be."""
    return section if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", section) else _shown(section)


def _near(word: str, known: list[str]) -> str:
    folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), folded, n=1)
    return f"did you mean {folded[close[0]]}?" if close else ""


def _known(names: list[str]) -> str:
    return f"known are: {', '.join(names)}" if names else "it has none"


def _settings(path: Path | None, found: Found, tables: Mapping[str, tuple[_Key, ...]]) -> Settings:
    def section(name: str) -> dict[str, object]:
        return {key.name: found.get(name, {}).get(key.name, key.default) for key in tables[name]}

    return Settings(
        path=path,
        team=Team(**section("team"), aliases=found.get("team.aliases", {})),  # type: ignore[arg-type]  # checked above
        store=StoreSettings(**section("store")),  # type: ignore[arg-type]
        sync=SyncSettings(**section("sync")),  # type: ignore[arg-type]
        privacy=Privacy(**section("privacy")),  # type: ignore[arg-type]
        ignore=Ignore(**section("ignore")),  # type: ignore[arg-type]
        teams=found.get("teams", {}),  # type: ignore[arg-type]
        deals=DealSettings(found.get("deals.accounts", {}), found.get("deals.owners", {})),  # type: ignore[arg-type]
        delivery=Delivery(**section("delivery"), reps=found.get("delivery.reps", {})),  # type: ignore[arg-type]
        delegates=found.get("delegates", {}),  # type: ignore[arg-type]
        links=found.get("links", {}),  # type: ignore[arg-type]
        scoring=Constants(**section("scoring")),  # type: ignore[arg-type]
        providers={name: section(name) for name in tables if name not in _CORE},
    )


# --- where a key stands: tomllib does not tell ------------------------------------------------------------------------

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_PART = re.compile(r"""[ \t]*(?:"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|([A-Za-z0-9_-]+))[ \t]*""")
_VALUE = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|[\[{]|[\]}]|#[^\n]*|\n|[^\[\]{}"\'#\n]+',
    re.DOTALL,
)


def key_lines(source: str) -> dict[tuple[str, ...], int]:
    """Return the line, from 1, on which each table and key of a valid TOML text is first named.

    Keys inside inline tables are not told apart: look for the longest prefix.
    """
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    at = _skip(source, 0)
    while at < len(source):
        line = source.count("\n", 0, at) + 1
        header = source[at] == "["
        key, at = _dotted(source, at + len("[[") if source.startswith("[[", at) else at + header)
        table, path = (key, key) if header else (table, table + key)
        for n in range(1, len(path) + 1):
            lines.setdefault(path[:n], line)
        at = _skip(source, _end_of_header(source, at) if header else _end_of_value(source, at))
    return lines


def _skip(source: str, at: int) -> int:
    match = _SPACE.match(source, at)
    assert match
    return match.end()


def _dotted(source: str, at: int) -> tuple[tuple[str, ...], int]:
    parts: list[str] = []
    while match := _PART.match(source, at):
        double, single, bare = match.groups()
        parts.append(_unescape(double) if double is not None else single if single is not None else bare)
        at = match.end()
        if source[at : at + 1] != ".":
            break
        at += 1
    return tuple(parts), at


def _unescape(text: str) -> str:
    return str(tomllib.loads(f'text = "{text}"')["text"])


def _end_of_header(source: str, at: int) -> int:
    end = source.find("\n", at)
    return len(source) if end < 0 else end


def _end_of_value(source: str, at: int) -> int:
    """Return where the value ends: at the first line end outside strings and brackets."""
    depth = 0
    for token in _VALUE.finditer(source, at):
        depth += token[0] in ("[", "{")
        depth -= token[0] in ("]", "}")
        if token[0] == "\n" and depth == 0:
            return token.end()
    return len(source)


# --- writing ----------------------------------------------------------------------------------------------------------

_HEAD = """\
# The settings of calsignal. A line that begins with # shows a default: take the # away and change it.
# Secrets have no place here. Durations are in days.
"""
_LIVE = frozenset({("team", "domains"), ("team", "timezone")})
"""Written even when they are the default: nobody should have to guess them."""

SAMPLE = Settings(team=Team(domains=("ours.example",)))


def render(settings: Settings | None, sections: Sections) -> str:
    """Write settings as a commented config file; None gives the example, which is every setting with its default."""
    chosen = SAMPLE if settings is None else settings
    return "\n".join([_HEAD, *(block for _, block in _blocks(chosen, sections))])


def _blocks(settings: Settings, sections: Sections) -> Iterator[tuple[str, str]]:
    for section, keys in _tables(sections).items():
        values = settings.providers.get(section, {}) if section in sections else vars(getattr(settings, section))
        lines = [line for key in keys for line in _lines(section, key, values.get(key.name, key.default))]
        about = [f"# {_ABOUT[section]}"] if section in _ABOUT else []
        if keys:
            yield section, "\n".join([f"[{section}]", *about, *lines, ""])
        if section == "team":
            yield "team.aliases", _map_block("team.aliases", settings.team.aliases)
            yield "teams", _map_block("teams", settings.teams)
        if section == "ignore":
            yield "delegates", _map_block("delegates", settings.delegates)
            yield "links", _map_block("links", settings.links)
        if section == "deals":
            yield "deals.accounts", _map_block("deals.accounts", settings.deals.accounts)
            yield "deals.owners", _map_block("deals.owners", settings.deals.owners)
        if section == "delivery":
            yield "delivery.reps", _map_block("delivery.reps", settings.delivery.reps)


def _lines(section: str, key: _Key, value: object) -> Iterator[str]:
    if key.help:
        yield f"# {key.help}"
    off = "#" if value == key.default and (section, key.name) not in _LIVE else ""
    yield f"{off}{key.name} = {_toml('' if value is None else value)}"


def _map_block(section: str, content: Mapping[str, object]) -> str:
    about = _MAPS[section]
    lines = [f"{_toml(name)} = {_toml(value)}" for name, value in content.items()] or [f"#{about.sample}"]
    return "\n".join([f"[{section}]", f"# {about.help}", *lines, ""])


def _toml(value: object) -> str:
    """Write one value as TOML; JSON's strings are TOML's, apart from the one control character it leaves bare."""
    if isinstance(value, str | ZoneInfo):
        return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_toml, value))}]"
    return repr(value)


# --- where things are -------------------------------------------------------------------------------------------------


@cache
def _folders() -> tuple[Path, Path]:
    from platformdirs import PlatformDirs

    dirs = PlatformDirs("calsignal", appauthor=False)
    return dirs.user_config_path, dirs.user_data_path


def config_folder() -> Path:
    """Return the platform's folder for our config; it may not exist yet."""
    return _folders()[0]


def data_folder() -> Path:
    """Return the platform's folder for our data; it may not exist yet."""
    return _folders()[1]


def config_path(given: Path | None, environ: Mapping[str, str], folder: Path) -> Path:
    """Return the config file in use: the one given, else `CALSIGNAL_CONFIG`, else the one in `folder`."""
    return given or Path(environ.get(ENV_CONFIG) or folder / _FILE)


def store_place(settings: Settings, environ: Mapping[str, str], data_dir: Path) -> str | Path:
    """Return the URL of the store: `CALSIGNAL_DATABASE_URL`, else `[store] url`, else a file in the data folder.

    The environment goes first: it is said for this run. The result may hold a password; never print it.
    """
    return environ.get(ENV_STORE) or settings.store.url or data_dir / "calsignal.sqlite3"
