"""Exports: the five tables in three forms, what they may show, and the dictionary that docs/export.md holds."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Generator, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast
from zoneinfo import ZoneInfo

import pytest

import postgres
from calsignal.analysis import look
from calsignal.auditing import audit
from calsignal.config import Settings, Team
from calsignal.contract import Attendee
from calsignal.demo import demo_settings, played
from calsignal.errors import InputError
from calsignal.exporting import TABLES, Column, Kind, Row, Table
from calsignal.ledger import person_key
from calsignal.model import Account, Answer, Deal, Outcome, Status
from calsignal.reports.export import FORMATS, csv_lines, dictionary, json_lines, write
from calsignal.store import Store, open_store
from fake_provider import EPOCH
from remote_world import ANN, OTHER, REP, World, event, weekly

DOCS = Path(__file__).parent.parent / "docs" / "export.md"
MARK = "-->\n\n"
MONDAY = datetime(2026, 3, 16, 8, tzinfo=UTC)
SETTINGS = demo_settings(Settings())
BERLIN = ZoneInfo("Europe/Berlin")
STRANGER, EVE = "zed@elsewhere.example", "eve@birch.example"
TYPES: dict[Kind, type | tuple[type, ...]] = {
    Kind.TEXT: str,
    Kind.MOMENT: datetime,
    Kind.DAY: date,
    Kind.WHOLE: int,
    Kind.NUMBER: (float, int),
    Kind.AMOUNT: Decimal,
    Kind.FLAG: bool,
    Kind.TEXTS: (list, tuple),
    Kind.WHOLES: (list, tuple),
}


@pytest.fixture(scope="module")
def monday() -> Iterator[Store]:
    with played(SETTINGS, MONDAY) as store:
        yield store


@pytest.fixture(scope="module")
def exported(monday: Store) -> dict[str, list[Row]]:
    return {name: list(table.rows(monday, SETTINGS, MONDAY)) for name, table in TABLES.items()}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with open_store(url) as store:
        yield settled(World(store, url))


def settled(world: World) -> World:
    """Play two days of a team: a meeting with a stranger on it, one with strangers only, a series, and deals."""
    world.settings = Settings(team=Team("us", ("ours.example",), BERLIN))
    world.store.save_accounts([Account("Acme", ("acme.example",)), Account("Birch", ("birch.example",))])
    world.remote(OTHER)
    people = (Attendee(ANN), Attendee(STRANGER, Answer.ACCEPTED), Attendee(EVE))
    both = event("both", 2, attendees=people)
    world.remote().put(both, weekly("week", 1), event("far", 4, attendees=(Attendee(STRANGER),)))
    world.remote().put(event("theirs", 5, organizer=STRANGER))
    world.sync()
    moved = replace(both, slot=both.slot.starting(both.slot.start + timedelta(days=3)))
    world.remote().put(replace(moved, attendees=(Attendee(ANN, Answer.ACCEPTED), *people[1:])))
    deal = Deal("006-1", "Rollout", "Acme", REP, amount=Decimal("1234.50"), currency="EUR", closes=date(2026, 4, 1))
    lost = replace(deal, id="006-2", outcome=Outcome.LOST, closed=date(2026, 2, 1), amount=None, owner="Nobody")
    world.store.import_deals([deal, lost], world.clock(), "crm")
    world.next_day()
    return world


def rows(world: World, name: str, as_of: datetime | None = None) -> list[Row]:
    return list(TABLES[name].rows(world.store, world.settings, as_of or world.clock()))


# --- the tables -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TABLES)
def test_a_column_holds_what_its_definition_says(exported: dict[str, list[Row]], name: str) -> None:
    assert exported[name]
    for column in TABLES[name].columns:
        cells = [row[column.name] for row in exported[name]]
        assert all(isinstance(cell, TYPES[column.kind]) for cell in cells if cell is not None), column.name
        assert column.kind is Kind.FLAG or not any(isinstance(cell, bool) for cell in cells), column.name
        assert column.null or None not in cells, column.name
        assert column.meaning.endswith("."), column.name


def test_the_tables_have_stable_names_and_no_column_twice() -> None:
    assert list(TABLES) == ["ledger", "meetings", "changes", "accounts", "deals"]
    for table in TABLES.values():
        names = [column.name for column in table.columns]
        assert len(names) == len(set(names))
        assert all(name.isidentifier() or name == "from" for name in names)


def test_the_accounts_are_those_of_the_reports_with_their_scores(monday: Store, exported: dict[str, list[Row]]) -> None:
    results = [one.result for one in look(monday, SETTINGS, MONDAY).scored]

    told = [(row["account"], row["rank"], row["status"], row["score"], row["evidence"]) for row in exported["accounts"]]

    assert told == [
        (r.account.name, r.rank, r.status.value, None if r.status is Status.UNKNOWN else round(r.score, 1), r.evidence)
        for r in results
    ]
    for row, result in zip(exported["accounts"], results, strict=True):
        assert row["flags"] == [flag.code for flag in result.flags]
        assert row["meetings"] == sum(m["account"] == result.account.name for m in exported["meetings"])


def test_an_unknown_account_has_no_numbers(exported: dict[str, list[Row]]) -> None:
    unknown = [row for row in exported["accounts"] if row["status"] == "UNKNOWN"]

    assert unknown
    assert {row[name] for row in unknown for name in ("score", "keep", "raw_hours", "dropped")} == {None}


def test_every_change_of_every_account_is_a_row(monday: Store, exported: dict[str, list[Row]]) -> None:
    told = [(row["account"], row["seen_at"], row["kind"], row["uid"], row["person"]) for row in exported["changes"]]

    assert told == [
        (one.result.account.name, c.seen_at, c.kind.value, c.uid, c.person)
        for one in look(monday, SETTINGS, MONDAY).scored
        for c in reversed(one.result.changes)
    ]


def test_the_deals_say_what_the_audit_says(monday: Store, exported: dict[str, list[Row]]) -> None:
    lines = {line.deal.id: line for line in audit(monday, SETTINGS, MONDAY).forecast.lines}

    judged = {str(row["id"]): row for row in exported["deals"] if row["status"] is not None}

    assert judged.keys() == lines.keys()
    for id_, row in judged.items():
        line = lines[id_]
        assert (row["account"], row["owner"], row["amount"]) == (line.account, line.owner, line.deal.amount)
        assert (row["status"], row["backed"]) == (line.status.value, line.backed)
        assert row["findings"] == [found.code.name for found in line.findings]
    assert len(exported["deals"]) == len(monday.deals(MONDAY))
    assert {row["outcome"] for row in exported["deals"]} == {"open", "won", "lost"}


def test_the_ledger_tells_each_version_and_person(world: World) -> None:
    told = [row for row in rows(world, "ledger") if row["uid"] == "both@x" and row["who"] == ANN]

    (before, after) = told
    assert (before["answer"], after["answer"]) == ("none", "accepted")
    assert (before["valid_to"], after["valid_to"]) == (after["seen_at"], None)
    assert (after["start"], after["account"], after["role"]) == (EPOCH + timedelta(days=5, hours=2), "Acme", "buyer")
    assert {row["series"] for row in rows(world, "ledger") if row["uid"] == "week@x"} == {True}


def test_a_version_without_anybody_of_interest_has_a_row_without_a_person(world: World) -> None:
    world.remote().put(event("both", 2, organizer=STRANGER, attendees=(Attendee(STRANGER),)))
    world.next_day()

    *_, last = (row for row in rows(world, "ledger") if row["uid"] == "both@x")

    assert (last["who"], last["person"], last["role"], last["answer"], last["others"]) == (None, None, None, None, 1)


@pytest.mark.parametrize("name", TABLES)
def test_the_past_is_what_an_export_showed_then(world: World, name: str) -> None:
    then, before = world.clock(), rows(world, name)
    world.remote().put(event("new", 9), event("both", 12))
    world.next_day()

    assert rows(world, name, then) == [row | ({"as_of": then} if "as_of" in row else {}) for row in before]
    if name != "deals":
        assert rows(world, name) != before


def test_a_table_speaks_alike_on_either_database(world: World, postgresql: postgres.Server) -> None:
    with postgresql.database(empty=True) as url, open_store(url) as store:  # its numbers begin at 1 too
        other = settled(World(store, url))
        for name in TABLES:
            as_of = min(world.clock(), other.clock())
            assert sorted(map(repr, rows(other, name, as_of))) == sorted(map(repr, rows(world, name, as_of))), name


# --- who can be seen --------------------------------------------------------------------------------------------------


def test_strangers_are_a_number_and_nothing_else(world: World) -> None:
    key = person_key(b"key", STRANGER)

    for name in TABLES:
        for form in ("csv", "jsonl"):
            text = written(world, name, form).decode()
            assert "elsewhere" not in text, (name, form)
            assert key not in text, (name, form)
            assert "far@x" not in text, (name, form)
    assert {row["others"] for row in rows(world, "ledger") if row["uid"] == "both@x"} == {1}
    assert {row["organizer"] for row in rows(world, "meetings") if row["uid"] == "theirs@x"} == {None}


def test_a_buyer_whose_address_is_not_kept_yet_is_someone(world: World) -> None:
    world.store.add_account(Account("Elsewhere", ("elsewhere.example",)))

    for name, column in (("ledger", "who"), ("meetings", "buyers"), ("accounts", "firm_buyers")):
        told = [row[column] for row in rows(world, name) if row["account"] == "Elsewhere"]
        assert told, name
        assert all("someone@elsewhere.example" in (one if isinstance(one, list | tuple) else [one]) for one in told)
    named = {row["who"] for row in rows(world, "changes") if row["account"] == "Elsewhere"} - {None}
    assert named <= {"someone@elsewhere.example", REP, OTHER}


def test_a_removed_account_is_in_no_table(world: World) -> None:
    world.store.remove_account("Acme")

    for name in ("ledger", "meetings", "changes", "accounts"):
        assert "acme" not in written(world, name, "jsonl").decode().lower(), name


# --- the forms --------------------------------------------------------------------------------------------------------


def written(world: World, name: str, form: str) -> bytes:
    file = io.BytesIO()
    write(TABLES[name], world.store, world.settings, file, form=form, as_of=world.clock())
    return file.getvalue()


def table_of(**cells: tuple[Kind, Any]) -> tuple[Table[None], list[Row]]:
    """Return a table of one row with these columns."""
    columns = tuple(
        Column[None](name, kind, "A sample.", lambda _: None, "nothing") for name, (kind, _) in cells.items()
    )
    return Table("sample", "One sample.", columns, lambda *_: ()), [{name: value for name, (_, value) in cells.items()}]


def test_the_three_forms_hold_the_same(world: World) -> None:
    from pyarrow import parquet

    for name, table in TABLES.items():
        made = rows(world, name)
        as_csv = list(csv.DictReader(io.StringIO(written(world, name, "csv").decode())))
        as_json = [json.loads(line) for line in written(world, name, "jsonl").decode().splitlines()]
        as_parquet = parquet.read_table(io.BytesIO(written(world, name, "parquet")))

        assert [list(row) for row in (as_csv[0], as_json[0], made[0])] == [[c.name for c in table.columns]] * 3
        assert len(as_csv) == len(as_json) == as_parquet.num_rows == len(made)
        for column in table.columns:
            exact = [list(v) if isinstance(v, tuple) else v for v in (row[column.name] for row in made)]
            if column.name != "as_of":
                assert as_parquet.column(column.name).to_pylist() == exact
            assert [row[column.name] == "" for row in as_csv] == [v is None or v in ([], "") for v in exact]
            assert [row[column.name] is None for row in as_json] == [v is None for v in exact]


def test_a_parquet_file_says_what_it_is(world: World) -> None:
    from pyarrow import parquet

    schema = parquet.read_schema(io.BytesIO(written(world, "deals", "parquet")))

    assert schema.metadata[b"calsignal.format"] == b"calsignal.export.deals/1"
    assert schema.metadata[b"calsignal.timezone"] == b"Europe/Berlin"
    assert datetime.fromisoformat(schema.metadata[b"calsignal.as_of"].decode()).tzinfo == UTC
    assert str(schema.field("amount").type) == "decimal128(38, 9)"
    assert schema.field("id").nullable is False
    assert schema.field("closed").metadata[b"meaning"] == b"When it was won or lost."


def test_moments_and_amounts_are_written_for_programs(world: World) -> None:
    deal = json.loads(written(world, "deals", "jsonl").decode().splitlines()[0])
    (row, *_) = csv.DictReader(io.StringIO(written(world, "deals", "csv").decode()))

    assert (deal["amount"], deal["closes"], deal["missing"]) == ("1234.50", "2026-04-01", False)
    assert (row["amount"], row["closes"], row["missing"], row["closed"]) == ("1234.50", "2026-04-01", "false", "")
    assert deal["first_seen"].endswith("+01:00")


HOSTILE = ("=1+1", "@SUM(A1)", "\x1b[31m+cmd\x07", "\u202e-2", "a;=2")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_strangers_text_is_no_formula_and_steers_no_terminal(text: str) -> None:
    table, made = table_of(one=(Kind.TEXT, text), many=(Kind.TEXTS, [text, "plain"]), level=(Kind.WHOLES, [-1, 2]))

    (_, cells) = csv.reader(csv_lines(table, made, BERLIN))
    (line,) = json_lines(made, BERLIN)

    assert cells[0].startswith("'") or ";'=" in cells[0]
    assert cells[1].startswith("'") or ";'=" in cells[1]
    assert cells[2] == "-1; 2"
    assert json.loads(line)["one"] == text
    assert all(character.isprintable() for character in line.rstrip("\n"))


def test_numbers_have_four_decimals_at_most_and_no_exponent() -> None:
    table, made = table_of(
        small=(Kind.NUMBER, 0.00004),
        whole=(Kind.NUMBER, 12.0),
        days=(Kind.WHOLE, -3),
        sum=(Kind.AMOUNT, Decimal("1E+6")),
    )

    (_, cells) = csv.reader(csv_lines(table, made, BERLIN))

    assert cells == ["0", "12", "-3", "1000000"]


def test_an_unknown_format_and_a_missing_package_are_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no format called xlsx") as unknown:
        written(world, "deals", "xlsx")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match="Parquet needs the package pyarrow") as missing:
        written(world, "deals", "parquet")

    assert unknown.value.hint == f"choose one of {', '.join(FORMATS)}"
    assert "pip install 'calsignal[parquet]'" in missing.value.hint


# --- one row at a time ------------------------------------------------------------------------------------------------


class Full(io.RawIOBase):
    """A disk that is full after so many bytes."""

    def __init__(self) -> None:
        self.written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:  # noqa: ANN401  # whatever can be written
        if self.written > 100_000:
            raise OSError(28, "No space left on device")
        self.written += len(data)
        return len(data)


@pytest.mark.parametrize("form", FORMATS)
def test_rows_are_made_as_they_are_written_and_what_they_come_from_is_closed(world: World, form: str) -> None:
    made, closed = iter(range(100_000)), []

    def numbers(*_: object) -> Generator[int]:
        try:
            yield from made
        finally:
            closed.append(True)

    table = Table(
        "sample",
        "One sample.",
        (Column("n", Kind.TEXT, "A number.", lambda n: sha256(b"%d" % n).hexdigest()),),
        numbers,
    )
    with pytest.raises(OSError, match="No space"):
        write(table, world.store, world.settings, cast("BinaryIO", Full()), form=form, as_of=EPOCH)

    assert closed == [True]
    assert next(made) < 20_000


def test_the_first_row_of_the_ledger_comes_before_the_last_is_read(world: World) -> None:
    many = (event(f"m{n}", 3) for n in range(30))
    world.remote().put(*many)
    world.next_day()

    table = TABLES["ledger"].rows(world.store, world.settings, world.clock())
    first = list(islice(table, 1))
    table.close()

    assert first[0]["connection"] == f"fake:{REP}"


# --- the dictionary ---------------------------------------------------------------------------------------------------


def test_the_dictionary_in_the_docs_is_the_one_of_the_columns() -> None:
    head, mark, shown = DOCS.read_text(encoding="utf-8").partition(MARK)

    assert mark
    assert shown == dictionary()
    assert f"calsignal.export.accounts/{1}" in head


def test_the_dictionary_names_every_column_once() -> None:
    for table in TABLES.values():
        section = dictionary().partition(f"### {table.name}\n")[2].partition("\n### ")[0]
        for column in table.columns:
            assert section.count(f"\n| `{column.name}` |") == 1, (table.name, column.name)


if __name__ == "__main__":  # python tests/test_exporting.py writes the dictionary anew
    text = DOCS.read_text(encoding="utf-8")
    DOCS.write_text("".join(text.partition(MARK)[:2]) + dictionary(), encoding="utf-8")
