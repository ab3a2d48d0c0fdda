"""The tables. A change here needs a migration and a new `HEAD`; a test compares the two.

Enumerations are stored as the text of their values, moments in UTC, days as midnight UTC beside `all_day`. What a
person wrote is stored only in `Words` columns.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from calsignal.ledger import storable

HEAD = "0001"
"""The revision these tables are; revisions are numbered, so that older and newer can be told without Alembic."""


class Utc(sa.TypeDecorator[datetime]):
    """Keep an instant: aware in, aware and in UTC out, to the microsecond; a naive one is refused.

    SQLite has no type for it: there it is text of fixed width, which sorts as time does.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        text = dialect.name == "sqlite"
        return dialect.type_descriptor(sa.String(32) if text else sa.DateTime(timezone=True))

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[datetime | None], Any]:
        return _utc_text if dialect.name == "sqlite" else _utc

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        return _from_text if dialect.name == "sqlite" else _utc


def _utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone cannot be stored")
    return moment.astimezone(UTC)


def _utc_text(moment: datetime | None) -> str | None:
    known = _utc(moment)
    return None if known is None else known.isoformat(" ", "microseconds")


def _from_text(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


class Words(sa.TypeDecorator[str]):
    """Keep text that a stranger may have written; what no database takes is replaced."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else storable(value)


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts rows by itself only in a column that is called exactly INTEGER
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _id() -> sa.Column[int]:
    return sa.Column("id", Number, primary_key=True)


def _of(table: str, *, nullable: bool = False, **options: Any) -> sa.Column[int]:  # noqa: ANN401
    """Return a column that points to a row of `table` and goes when that row goes."""
    target = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    one = "person" if table == "people" else table.removesuffix("s")
    return sa.Column(f"{one}_id", Number, target, nullable=nullable, **options)


meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    comment="single facts about this store",
)

secrets = sa.Table(
    "secrets",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("sealed", sa.Text, nullable=False, comment="ciphertext; its key is in no database"),
    comment="secrets that the machines of a team share",
)

connections = sa.Table(
    "connections",
    metadata,
    _id(),
    sa.Column("name", Words, nullable=False, unique=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("mailbox", Words, nullable=False),
    sa.Column("settings", sa.Text, nullable=False, comment="JSON object of texts; never a secret"),
    sa.Column("connected_at", Utc, nullable=False),
    sa.Column("place", Words, nullable=False, comment="what is read, beside the mailbox"),
    sa.Column("shares", Words, comment="a word for a secret that it shares with others"),
    sa.Column("roster", Words, comment="a word for the list it came with, where that was asked for as a whole"),
    comment="authorised mailboxes",
)

calendars = sa.Table(
    "calendars",
    metadata,
    _id(),
    _of("connections"),
    sa.Column("external_id", Words, nullable=False, comment="the provider's own name for it"),
    sa.Column("name", Words, nullable=False),
    sa.Column("cursor", sa.Text, comment="where the next pull goes on"),
    sa.Column("fingerprint", sa.Text, comment="of the question that the cursor answers"),
    sa.Column("held", Words, comment="why it keeps its old rows and cursor"),
    sa.UniqueConstraint("connection_id", "external_id"),
    comment="calendars of the connections",
)

retirements = sa.Table(
    "retirements",
    metadata,
    _id(),
    _of("connections", index=True),
    _of("calendars", nullable=True, index=True, comment="null: the connection as a whole"),
    sa.Column("start_at", Utc, nullable=False),
    sa.Column("end_at", Utc, comment="null: it still lasts"),
    comment="times in which a connection was disconnected, or did not list a calendar any more",
)

syncs = sa.Table(
    "syncs",
    metadata,
    _id(),
    _of("connections"),
    _of("calendars", nullable=True, comment="null: it failed before any calendar"),
    sa.Column("started_at", Utc, nullable=False),
    sa.Column("finished_at", Utc, nullable=False),
    sa.Column("ok", sa.Boolean, nullable=False),
    sa.Column("baseline", sa.Boolean, nullable=False, comment="the first successful one of its calendar"),
    sa.Column("problem", Words),
    sa.Column("mended_at", Utc, comment="it failed, and was connected again then"),
    sa.Index(None, "calendar_id", "finished_at"),
    sa.Index(None, "connection_id", "finished_at"),
    comment="every attempt to read a calendar",
)

gaps = sa.Table(
    "gaps",
    metadata,
    _id(),
    _of("connections", index=True),
    _of("calendars", index=True),
    sa.Column("start_at", Utc, nullable=False),
    sa.Column("end_at", Utc, nullable=False),
    sa.Column("reason", Words, nullable=False),
    sa.Column("seen_at", Utc, nullable=False),
    comment="stretches in which changes may have been missed",
)

skipped = sa.Table(
    "skipped",
    metadata,
    _id(),
    _of("calendars", index=True),
    sa.Column("seen_at", Utc, nullable=False),
    sa.Column("valid_to", Utc, comment="null: still skipped"),
    sa.Column("external_id", Words, nullable=False),
    sa.Column("reason", Words, nullable=False),
    comment="what could not be read",
)

people = sa.Table(
    "people",
    metadata,
    _id(),
    sa.Column("person", sa.Text, nullable=False, unique=True, comment="keyed hash of the normalised address"),
    sa.Column("domain", Words, nullable=False),
    sa.Column("email", Words, comment="null where nobody on the team has a reason to know it"),
    comment="everybody who is on an event",
)

events = sa.Table(
    "events",
    metadata,
    _id(),
    _of("calendars"),
    sa.Column("external_id", Words, nullable=False, comment="the provider's own name for this copy"),
    sa.Column("uid", Words, nullable=False, index=True, comment="normalised iCalendar UID"),
    sa.Column("original_start", sa.String(16), nullable=False, comment="names an occurrence, else empty"),
    sa.Column("created", Utc),
    sa.Column("baseline", sa.Boolean, nullable=False, comment="came with the first successful sync"),
    sa.UniqueConstraint("calendar_id", "external_id"),
    comment="copies: what one calendar says about one event",
)

subjects = sa.Table(
    "subjects",
    metadata,
    _id(),
    _of("events", index=True),
    sa.Column("seen_at", Utc, nullable=False),
    sa.Column("valid_to", Utc, comment="null: the current one"),
    sa.Column("subject", Words, nullable=False),
    comment="what events were called; no row where that is not kept",
)

versions = sa.Table(
    "versions",
    metadata,
    _id(),
    _of("events"),
    sa.Column("seen_at", Utc, nullable=False),
    sa.Column("not_before", Utc, comment="nothing was known to differ before; null: unknown"),
    sa.Column("valid_to", Utc, comment="null: the open version"),
    sa.Column("start_at", Utc, nullable=False),
    sa.Column("end_at", Utc, nullable=False),
    sa.Column("all_day", sa.Boolean, nullable=False, comment="start_at and end_at are midnights that mean days"),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("organizer_id", Number, sa.ForeignKey("people.id"), index=True),
    sa.Column("free", sa.Boolean, nullable=False),
    sa.Column("hidden_guests", sa.Boolean, nullable=False),
    sa.Column("recurrence", Words, comment="RFC 5545 text of a series: times and rules only"),
    sa.Column("booking_tool", Words),
    sa.Column("booking_confidence", sa.String(16)),
    sa.Column("sees", sa.Text, nullable=False, comment="capabilities, sorted, between spaces"),
    sa.Column("occurrences", sa.Text, comment="original starts of a series, between spaces"),
    sa.Column("expanded_until", Utc, comment="how far occurrences is complete; null: no series"),
    sa.UniqueConstraint("event_id", "seen_at"),
    comment="the ledger: what each copy said, and when that was seen",
)

participants = sa.Table(
    "participants",
    metadata,
    _of("versions", primary_key=True),
    sa.Column("person_id", Number, sa.ForeignKey("people.id"), primary_key=True, index=True),
    sa.Column("answer", sa.String(16), nullable=False),
    sa.Column("answered_at", Utc),
    sa.Column("optional", sa.Boolean, nullable=False),
    sa.Column("resource", sa.Boolean, nullable=False),
    sa.Column("is_group", sa.Boolean, nullable=False),
    sa.Column("guests", sa.Integer, nullable=False, comment="unnamed companions"),
    sa.Column("proposed_start", Utc),
    sa.Column("proposed_end", Utc),
    sa.Column("proposed_all_day", sa.Boolean),
    comment="who is on a version, the organiser included",
    sqlite_with_rowid=False,  # the key is most of the row
)

accounts = sa.Table(
    "accounts",
    metadata,
    _id(),
    sa.Column("name", Words, nullable=False),
    sa.Column("folded", Words, nullable=False, unique=True, comment="the name in one case"),
    sa.Column("type", sa.String(16), nullable=False),
    sa.Column("owner", Words, comment="address of a rep"),
    comment="companies we sell to",
)

account_domains = sa.Table(
    "account_domains",
    metadata,
    _id(),
    _of("accounts", index=True),
    sa.Column("domain", Words, nullable=False, unique=True),
    comment="registrable domains of the accounts",
)

account_addresses = sa.Table(
    "account_addresses",
    metadata,
    _id(),
    _of("accounts", index=True),
    sa.Column("address", Words, nullable=False, unique=True),
    sa.Column("person", Words, nullable=False),
    comment="single addresses of the accounts, outside their domains",
)

account_key_players = sa.Table(
    "account_key_players",
    metadata,
    _id(),
    _of("accounts", index=True),
    sa.Column("address", Words, nullable=False),
    sa.Column("person", Words, nullable=False),
    comment="people whose time counts most",
)

deal_imports = sa.Table(
    "deal_imports",
    metadata,
    _id(),
    sa.Column("taken_at", Utc, nullable=False, index=True),
    sa.Column("source", Words, nullable=False, comment="which export it speaks for"),
    sa.Column("deals", sa.Integer, nullable=False, comment="how many it showed"),
    comment="every import of deals, changes or not",
)

deals = sa.Table(
    "deals",
    metadata,
    _id(),
    sa.Column("external_id", Words, nullable=False, unique=True, comment="the CRM's own, or account and name"),
    sa.Column("source", Words, nullable=False, comment="the one whose import showed it last"),
    comment="opportunities of the CRM",
)

deal_snapshots = sa.Table(
    "deal_snapshots",
    metadata,
    _id(),
    _of("deals"),
    sa.Column("taken_at", Utc, nullable=False),
    sa.Column("name", Words, nullable=False),
    sa.Column("account", Words, nullable=False, comment="in the CRM's words"),
    sa.Column("owner", Words, nullable=False, comment="address of a rep, or a name"),
    sa.Column("domains", Words, nullable=False, comment="registrable ones, between spaces"),
    sa.Column("contacts", Words, nullable=False, comment="addresses of buyers, between spaces"),
    sa.Column("amount", sa.Text, comment="decimal digits; null: not known"),
    sa.Column("currency", sa.String(3), comment="ISO 4217"),
    sa.Column("stage", Words, nullable=False),
    sa.Column("category", sa.String(16), nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("created", sa.Date),
    sa.Column("closes", sa.Date, comment="expected close of an open deal"),
    sa.Column("closed", sa.Date, comment="when it was won or lost"),
    sa.UniqueConstraint("deal_id", "taken_at"),
    comment="deals as imports showed them; one row per change",
)

deal_absences = sa.Table(
    "deal_absences",
    metadata,
    _id(),
    _of("deals", index=True),
    sa.Column("start_at", Utc, nullable=False),
    sa.Column("end_at", Utc, comment="null: it still lasts"),
    comment="times in which the imports did not show a deal any more",
)

kept_accounts = sa.Table(
    "kept_accounts",
    metadata,
    _of("accounts", primary_key=True, autoincrement=False),
    sa.Column("made_with", sa.Text, nullable=False, comment="fingerprint of the settings that it holds for"),
    sa.Column("made_at", Utc, nullable=False, comment="it holds what was known then"),
    sa.Column("rolls_at", Utc, comment="a calendar read then or later shows further dates; null: none does"),
    sa.Column("facts", sa.LargeBinary, nullable=False),
    comment="what the ledger says of accounts, kept between reports; may be emptied at any time",
)

kept_people = sa.Table(
    "kept_people",
    metadata,
    _of("accounts", primary_key=True, autoincrement=False),
    _of("people", primary_key=True, autoincrement=False, index=True),
    comment="who is in what is kept of an account",
    sqlite_with_rowid=False,
)

touched_people = sa.Table(
    "touched_people",
    metadata,
    _id(),
    _of("people", nullable=True, index=True, comment="null: something was erased"),
    comment="people on events that changed since what is kept was made",
    sqlite_autoincrement=True,  # no number is used twice
)

forgotten = sa.Table(
    "forgotten",
    metadata,
    _id(),
    sa.Column("mark", sa.String(32), nullable=False, unique=True, comment="keyed hash of an address or a domain"),
    sa.Column("domain", sa.Boolean, nullable=False),
    sa.Column("since", Utc, nullable=False),
    comment="whom no sync may bring back",
)

# as Alembic makes it; a fresh store is stamped without Alembic
alembic_version = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
