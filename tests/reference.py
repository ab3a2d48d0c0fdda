"""Writes docs/reference from the code: `python tests/reference.py`. Commands, settings, published JSON, codes."""

from __future__ import annotations

import ast
import inspect
import json
import re
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import click

from calsignal import config, errors
from calsignal.cli import cli
from calsignal.cli.app import App
from calsignal.cli.handler import INTERRUPTED
from calsignal.cli.stopping import Stopping
from calsignal.model import Level, Status
from calsignal.registry import Registry
from calsignal.score.audit import Finding
from calsignal.score.constants import Constants

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "reference"
SCHEMAS = ROOT / "calsignal" / "reports" / "schemas"
SOURCES = (ROOT / "calsignal", ROOT / "providers")
C = Constants()

_MADE = "<!-- Written by `python tests/reference.py` from the code: do not edit it here. -->\n"


@cache
def pages() -> dict[str, str]:
    """Return the text of each page by the name of its file."""
    made = {
        "commands.md": commands(),
        "settings.md": settings(),
        "json.md": published(),
        "codes.md": codes(),
    }
    return {name: f"{_MADE}\n{text.rstrip()}\n" for name, text in made.items()}


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


# --- commands ---------------------------------------------------------------------------------------------------------


class Named(NamedTuple):
    """A command as it is typed."""

    words: str
    command: click.Command


def tree() -> list[Named]:
    """Return every command there is, with those that the installed providers declare, in the order of the help."""
    app = App(config_dir=Path("nowhere"), data_dir=Path("nowhere"), environ={})
    return list(_walk(Named("calsignal", cli), click.Context(cli, info_name="calsignal", obj=app)))


def _walk(named: Named, context: click.Context) -> Iterator[Named]:
    yield named
    if isinstance(named.command, click.Group):
        for name in named.command.list_commands(context):
            child = named.command.get_command(context, name)
            assert child is not None
            yield from _walk(Named(f"{named.words} {name}", child), context)


def commands() -> str:
    """Write every command with its arguments and options."""
    intro = (
        "# Commands\n\nEvery command explains itself with `--help`, which stands in none of the tables. The options of "
        "`calsignal` itself go before the command: `calsignal --verbose sync`.\n"
    )
    return "\n".join([intro, *(_command(named) for named in tree())])


def _command(named: Named) -> str:
    arguments = [p for p in named.command.params if isinstance(p, click.Argument)]
    options = [p for p in named.command.params if isinstance(p, click.Option) and not p.hidden]
    usage = " ".join([named.words, *(["[OPTIONS]"] if options else []), *map(_argument, arguments)])
    usage += " COMMAND" if isinstance(named.command, click.Group) else ""
    rows = [(_code(_option(option)), _about(option)) for option in options]
    table = _table(("option", "does"), rows) if rows else ""
    return "\n".join(filter(None, [f"## {named.words}\n", f"```text\n{usage}\n```\n", _help(named.command), table]))


def _argument(argument: click.Argument) -> str:
    word = (argument.metavar or argument.name or "").strip("[].").upper() + ("..." if argument.nargs != 1 else "")
    return word if argument.required else f"[{word}]"


def _option(option: click.Option) -> str:
    names = ", ".join([*option.opts, *option.secondary_opts])
    if option.is_flag or option.count:
        return names
    if isinstance(option.type, click.Choice):
        return f"{names} {'|'.join(map(str, option.type.choices))}"
    return f"{names} {option.metavar or _kind(option)}"


def _kind(option: click.Option) -> str:
    if isinstance(option.type, click.Path):
        return "FILE"
    return "NUMBER" if option.type.name.startswith("integer") else option.type.name.upper()


def _about(option: click.Option) -> str:
    default = f" Default: `{option.default}`." if option.show_default else ""
    range_ = ""
    if isinstance(option.type, click.IntRange) and not option.count:
        range_ = f" From {option.type.min}" + ("." if option.type.max is None else f" to {option.type.max}.")
    more = " Can be given again." if option.multiple else ""
    needed = " Required." if option.required else ""
    said = option.help or ""
    said += "" if said.endswith((".", "]")) or not said else "."
    return f"{said[:1].upper()}{said[1:]}{range_}{default}{more}{needed}"


def _help(command: click.Command) -> str:
    """Write a help text as Markdown: what keeps its lines there keeps them here."""
    parts = inspect.cleandoc(command.help or "").split("\f")[0].split("\n\n")
    return "\n".join(
        f"```text\n{part.removeprefix(chr(8)).strip(chr(10))}\n```\n" if part.startswith("\b") else f"{part}\n"
        for part in parts
    )


# --- settings ---------------------------------------------------------------------------------------------------------


def settings() -> str:
    """Write every section of the config file with its keys, defaults and ranges."""
    intro = (
        "# Settings\n\nThe config file is TOML; `calsignal init` writes a commented one, and [config.example.toml]"
        "(../../config.example.toml) shows every key with its default. What is wrong in it is told all at once, each "
        "with its line. Secrets have no place in it.\n"
    )
    sections = Registry().sections()
    parts = [_section(name, keys) for name, keys in config._tables(sections).items() if keys]
    maps = [_map(name, about) for name, about in config._MAPS.items()]
    return "\n".join([intro, *parts, *maps])


def _section(name: str, keys: Sequence[config._Key]) -> str:
    about = f"{config._ABOUT[name].capitalize()}.\n" if name in config._ABOUT else ""
    if name == "scoring":
        rows = [(_code(k.name), _code(config._toml(k.default)), config._range(k.name, _number(k))) for k in keys]
        return "\n".join([f"## [{name}]\n", about, _table(("key", "default", "takes"), rows)])
    rows = [(_code(k.name), _code(config._toml(k.default)) if k.default is not None else "", k.help) for k in keys]
    return "\n".join(filter(None, [f"## [{name}]\n", about, _table(("key", "default", "what it is"), rows)]))


def _number(key: config._Key) -> float:
    assert isinstance(key.default, int | float)
    return key.default


def _map(name: str, about: config._Map) -> str:
    return f"## [{name}]\n\nKeys of your own: {about.help}.\n\n```toml\n[{name}]\n{about.sample}\n```\n"


# --- published JSON ---------------------------------------------------------------------------------------------------

Schema = dict[str, Any]


def schemas() -> dict[str, Schema]:
    """Return the published schemas by name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(SCHEMAS.glob("*.json"))}


def published() -> str:
    """Write every field of the published schemas; a part that several share is written once."""
    intro = (
        "# Published JSON\n\nWhat `--format json` writes, by the name after `calsignal.` in the field `format`. The "
        "schemas are files in `calsignal/reports/schemas`. Additions keep the number in `format`, breaking changes "
        "raise it. A field that is unknown is null, never zero.\n"
    )
    all_of_them = schemas()
    parts = [_schema(name, schema, all_of_them) for name, schema in all_of_them.items()]
    shared = {part: body for s in all_of_them.values() for part, body in _defs(s) if _shared(part, all_of_them)}
    parts += [_part(f"shared {part}", body, "", all_of_them) for part, body in sorted(shared.items()) if _fields(body)]
    return "\n".join([intro, *parts])


def _defs(schema: Schema) -> Iterator[tuple[str, Schema]]:
    yield from schema.get("$defs", {}).items()


def _shared(part: str, all_of_them: Mapping[str, Schema]) -> bool:
    bodies = [body for schema in all_of_them.values() for name, body in _defs(schema) if name == part]
    return len(bodies) > 1 and all(body == bodies[0] for body in bodies)


def _schema(name: str, schema: Schema, all_of_them: Mapping[str, Schema]) -> str:
    own = [
        _part(f"{name} {part}", body, name, all_of_them)
        for part, body in _defs(schema)
        if _fields(body) and not _shared(part, all_of_them)
    ]
    top = _part(name, {**schema, "description": f"{schema['title']}."}, name, all_of_them)
    return "\n".join([top, *own])


def _fields(body: Schema) -> bool:
    return "properties" in body


def _part(heading: str, body: Schema, owner: str, all_of_them: Mapping[str, Schema]) -> str:
    level = "##" if heading == owner or heading.startswith("shared ") else "###"
    about = f"{body['description']}\n" if body.get("description") else ""
    rows = list(_rows(body, "", owner, all_of_them))
    return "\n".join(filter(None, [f"{level} {heading}\n", about, _table(("field", "is", "note"), rows)]))


def _rows(body: Schema, prefix: str, owner: str, all_of_them: Mapping[str, Schema]) -> Iterator[tuple[str, str, str]]:
    for name, value in body["properties"].items():
        needed = name in body.get("required", ())
        note = value.get("description", "") + ("" if needed else " (may be absent)")
        yield _code(f"{prefix}{name}"), _is(value, owner, all_of_them), note.strip()
        inner = value.get("items", value)
        for inside in (inner, *inner.get("anyOf", ())):
            if _fields(inside):
                dots = f"{prefix}{name}[]." if inner is not value else f"{prefix}{name}."
                yield from _rows(inside, dots, owner, all_of_them)


def _is(value: Schema, owner: str, all_of_them: Mapping[str, Schema]) -> str:
    """Say in a few words what a value is."""
    if "$ref" in value:
        return _ref(value["$ref"].rpartition("/")[2], owner, all_of_them)
    if "const" in value:
        return _code(json.dumps(value["const"]))
    if "enum" in value:
        return ", ".join(_code(json.dumps(one, ensure_ascii=False)) for one in value["enum"])
    for several in ("anyOf", "oneOf"):
        if several in value:
            return " or ".join(dict.fromkeys(_is(one, owner, all_of_them) for one in value[several]))
    kinds = value.get("type", "anything")
    return " or ".join(
        _plain(kind, value, owner, all_of_them) for kind in ([kinds] if isinstance(kinds, str) else kinds)
    )


def _plain(kind: str, value: Schema, owner: str, all_of_them: Mapping[str, Schema]) -> str:
    if kind == "array":
        return f"list of {_is(value['items'], owner, all_of_them)}" if "items" in value else "list"
    inside = value.get("additionalProperties")
    if kind == "object" and isinstance(inside, dict):
        return f"object, each value {_is(inside, owner, all_of_them)}"
    form = {"date": "a day", "date-time": "an instant"}.get(value.get("format", ""), "")
    return form if kind == "string" and form else kind


def _ref(part: str, owner: str, all_of_them: Mapping[str, Schema]) -> str:
    holder = all_of_them[owner] if owner else next(s for s in all_of_them.values() if part in s.get("$defs", {}))
    body = holder["$defs"][part]
    if not _fields(body):
        return {"instant": "an instant", "day": "a day"}.get(part) or _is(body, owner, all_of_them)
    heading = f"shared {part}" if _shared(part, all_of_them) else f"{owner} {part}"
    return f"[{part}](#{heading.replace(' ', '-').lower()})"


# --- codes ------------------------------------------------------------------------------------------------------------

FLAGS: Mapping[str, str] = {
    "single-threaded": f"one firm buyer in the past {C.firm_buyer_days} days and the future",
    "key-player-missing": "no firm meeting with a key player of the account, ever",
    "seller-driven": f"none of the last {C.seller_driven_meetings} or more held meetings was the buyer's idea",
    "series-only": f"all firm meetings of the past {C.firm_buyer_days} days and the future are dates of a series",
    "no-next-step": "nothing firm is booked at any distance, and the account is REAL, SOFT or STALLED",
    "next-far-off": f"the only firm slot is over {C.next_within_days} days off",
    "answer-the-buyer": f"an invitation or a proposal of a buyer waits for our answer, for over {C.answer_hours} hours",
    "unanswered-invitations": "invitations of ours ahead that no buyer answered: how many, and the age of the oldest",
}
"""What each flag means; the codes are those of the code, which a test compares."""

FINDINGS: Mapping[str, str] = {
    "F1": f"the deal is open, closes within {C.audit_close_within_days} days, and has no firm meeting until then",
    "F2": "the category is commit or best case, and the account is SOFT, STALLED, LOST or NO EVIDENCE",
    "F3": "the deal is open, and its close date is in the past",
    "F4": f"over our imports the close date was put off {C.audit_close_pushes} times or more, or by "
    f"{C.audit_close_push_days} days or more in all",
    "F5": "the amount is at or above the team's median, and one buyer alone is firm or a key player was never met",
    "F6": "at the account's usual gap the meetings that won deals had do not fit in before the close date; told from "
    f"{C.audit_won_deals} won deals on",
    "F7": f"the account is REAL and booked again {C.audit_under_called_rebooks} times or more in "
    f"{C.audit_under_called_days} days, and the category is pipeline or omitted",
}

STATUSES: Mapping[Status, str] = {
    Status.REAL: f"a firm meeting within {C.next_within_days} days, or one held at most "
    f"{C.real_after_held_days} days ago",
    Status.SOFT: "no firm meeting soon, and yet something is going on: held not long ago, an open ask, a far slot",
    Status.STALLED: f"nothing booked after the usual gap; or booked, and put off {C.stalled_pushes} times or more, "
    f"or by {C.stalled_push_days} days or more",
    Status.NEW: f"first invited at most {C.new_days} days ago, and no buyer has reacted",
    Status.LOST: "quiet for too long, nothing firm ahead, and no buyer stirs",
    Status.NO_EVIDENCE: "no buyer ever did anything, or all said no at once",
    Status.UNKNOWN: "no calendar that is connected could have shown it; the reason stands beside it",
}

LEVELS: Mapping[Level, str] = {
    Level.WITHDRAWN: "declined, removed, cancelled",
    Level.CLAIMED: "only the seller says so",
    Level.INVITED: "invited, no answer",
    Level.SOFT: "tentative, another time proposed, or an acceptance that a move has reset",
    Level.FIRM: "accepted",
    Level.OWNED: "organised or booked by the buyer",
    Level.ATTENDED: "attended, where an attendance record says so",
}

ENVIRONMENT: Mapping[str, str] = {
    "CALSIGNAL_CONFIG": "the config file",
    "CALSIGNAL_DATABASE_URL": "the store; goes before `url` in `[store]`, and may hold a password",
    "CALSIGNAL_REP": "your address: whose digest is shown, and who `me` is in `calsignal audit --rep me`",
    "CALSIGNAL_VAULT": "where secrets are kept: `keyring` or `file`; without it the keyring where there is one",
    "CALSIGNAL_SECRET_KEY": "the passphrase of the encrypted file of secrets",
    "CALSIGNAL_MICROSOFT_CLIENT_SECRET": "the secret of the app at `calsignal connect microsoft --app-only`",
    "CALSIGNAL_LOG_LEVEL": "as `--log-level`",
    "CALSIGNAL_LOG_FORMAT": "as `--log-format`",
    "CALSIGNAL_LOG_FILE": "as `--log-file`",
}
"""What each variable of ours does; the names are those of the code, which a test compares."""

_OTHERS = {
    "COLUMNS": "how wide a report may be; else the width of the terminal, or 80",
    "NO_COLOR": "no colours, whatever its value",
    "TZ": "what `calsignal init` proposes as time zone",
    "HTTPS_PROXY, NO_PROXY": "the proxy to calendar services, and where to use none",
    "REQUESTS_CA_BUNDLE": "a file with certificates of your own; for Google's calendars `HTTPLIB2_CA_CERTS` as well",
    "PGPASSFILE": "the file with the password of a PostgreSQL store, in place of `~/.pgpass`",
}


def codes() -> str:
    """Write exit codes, statuses, levels, flags, findings, the checks of doctor, and the environment."""
    return "\n".join(
        [
            "# Codes\n",
            "What reports, programs and shells go by. What the words mean is told in [concepts](../concepts.md).\n",
            "## Exit codes\n",
            _table(("code", "means"), _exits()),
            "## Statuses\n",
            "In order of rank.\n",
            _table(("status", "in short"), ((s.value, STATUSES[s]) for s in Status)),
            "## Levels\n",
            "How firm one buyer is on one meeting; *firm* is 3 and more.\n",
            _table(("level", "name", "means"), ((str(v.value), v.name.lower(), LEVELS[v]) for v in sorted(Level))),
            "## Flags\n",
            "A flag changes no status.\n",
            _table(("code", "means"), ((_code(code), FLAGS[code]) for code in flags())),
            "## Findings\n",
            "Of the deals in `calsignal audit`. Calendar-backed is what is REAL and has none of F1 to F4.\n",
            _table(("code", "says", "when"), ((f.name, f.value, FINDINGS[f.name]) for f in Finding)),
            "## Checks of doctor\n",
            "The field `code` in `calsignal doctor --format json`; more may come.\n",
            ", ".join(_code(code) for code in checks()) + ".\n",
            "## Environment variables\n",
            _table(("variable", "does"), ((_code(name), said) for name, said in ENVIRONMENT.items())),
            "Variables of others that count:\n",
            _table(("variable", "does"), ((_names(names), said) for names, said in _OTHERS.items())),
        ]
    )


def _names(names: str) -> str:
    return ", ".join(map(_code, names.split(", ")))


def _exits() -> list[tuple[str, str]]:
    return [
        ("0", "all well"),
        (str(errors.SourceError.exit_code), "something partly failed, and is named; the rest was done"),
        (str(errors.InputError.exit_code), "your input, or the config"),
        (str(errors.StoreError.exit_code), "the store"),
        (str(INTERRUPTED), "interrupted by Ctrl-C"),
        (str(Stopping(signal.SIGTERM).exit_code), "ended by SIGTERM"),
    ]


def flags() -> list[str]:
    """Return the codes of all flags that the score can raise, in the order of the code."""
    return [_text(call.args[0]) for call in _calls(ROOT / "calsignal" / "score" / "account.py", {"Flag"})]


def checks() -> list[str]:
    """Return the codes of all checks that `doctor` can tell, sorted."""
    path = ROOT / "calsignal" / "doctor.py"
    tree_ = ast.parse(path.read_text(encoding="utf-8"))
    found = {text for node in ast.walk(tree_) if isinstance(node, ast.Constant) and "." in (text := _text(node))}
    found |= {_text(argument) for call in _calls(path, {"Check", "_problem"}) for argument in call.args}
    found |= {f"connection.{_text(call.args[0])}" for call in _calls(path, {"problem"})}
    areas = ("program", "config", "store", "secrets", "connection", "clock", "accounts", "schedule")
    return sorted(code for code in found if code.startswith(areas) and re.fullmatch(r"[a-z]+(\.[a-z-]+)?", code))


def variables() -> set[str]:
    """Return every variable of ours that the source names."""
    texts = (node for path in _files() for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    named = {node.value for node in texts if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    found = {text for text in named if re.fullmatch(r"CALSIGNAL(_[A-Z]+)+", text)}
    return found - {"CALSIGNAL_DEBUG"}  # nobody reads it: a schedule leaves it out


def _files() -> Iterator[Path]:
    for folder in SOURCES:
        yield from sorted(folder.rglob("*.py"))


def _calls(path: Path, names: set[str]) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def constants() -> dict[str, float]:
    """Return every number of the model by its name."""
    return {field.name: getattr(C, field.name) for field in fields(C)}


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")
    sys.exit()
