"""Make the first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UTC = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "accounts",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False, comment="the name in one case"),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.Text(), comment="address of a rep"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("folded", name=op.f("uq_accounts_folded")),
        comment="companies we sell to",
    )
    op.create_table(
        "connections",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False, comment="JSON object of texts; never a secret"),
        sa.Column("connected_at", UTC, nullable=False),
        sa.Column("place", sa.Text(), nullable=False, comment="what is read, beside the mailbox"),
        sa.Column("shares", sa.Text(), comment="a word for a secret that it shares with others"),
        sa.Column("roster", sa.Text(), comment="a word for the list it came with, where that was asked for as a whole"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connections")),
        sa.UniqueConstraint("name", name=op.f("uq_connections_name")),
        comment="authorised mailboxes",
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
        comment="single facts about this store",
    )
    op.create_table(
        "secrets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False, comment="ciphertext; its key is in no database"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secrets")),
        comment="secrets that the machines of a team share",
    )
    op.create_table(
        "people",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("person", sa.Text(), nullable=False, comment="keyed hash of the normalised address"),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), comment="null where nobody on the team has a reason to know it"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("person", name=op.f("uq_people_person")),
        comment="everybody who is on an event",
    )
    op.create_table(
        "account_addresses",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("account_id", NUMBER, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_account_addresses_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_addresses")),
        sa.UniqueConstraint("address", name=op.f("uq_account_addresses_address")),
        comment="single addresses of the accounts, outside their domains",
    )
    op.create_index(op.f("ix_account_addresses_account_id"), "account_addresses", ["account_id"])
    op.create_table(
        "account_domains",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("account_id", NUMBER, nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_account_domains_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_domains")),
        sa.UniqueConstraint("domain", name=op.f("uq_account_domains_domain")),
        comment="registrable domains of the accounts",
    )
    op.create_index(op.f("ix_account_domains_account_id"), "account_domains", ["account_id"])
    op.create_table(
        "account_key_players",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("account_id", NUMBER, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_account_key_players_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_key_players")),
        comment="people whose time counts most",
    )
    op.create_index(op.f("ix_account_key_players_account_id"), "account_key_players", ["account_id"])
    op.create_table(
        "calendars",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("connection_id", NUMBER, nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False, comment="the provider's own name for it"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), comment="where the next pull goes on"),
        sa.Column("fingerprint", sa.Text(), comment="of the question that the cursor answers"),
        sa.Column("held", sa.Text(), comment="why it keeps its old rows and cursor"),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_calendars_connection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendars")),
        sa.UniqueConstraint("connection_id", "external_id", name=op.f("uq_calendars_connection_id_external_id")),
        comment="calendars of the connections",
    )
    op.create_table(
        "events",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("calendar_id", NUMBER, nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False, comment="the provider's own name for this copy"),
        sa.Column("uid", sa.Text(), nullable=False, comment="normalised iCalendar UID"),
        sa.Column("original_start", sa.String(length=16), nullable=False, comment="names an occurrence, else empty"),
        sa.Column("created", UTC),
        sa.Column("baseline", sa.Boolean(), nullable=False, comment="came with the first successful sync"),
        sa.ForeignKeyConstraint(
            ["calendar_id"], ["calendars.id"], name=op.f("fk_events_calendar_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("calendar_id", "external_id", name=op.f("uq_events_calendar_id_external_id")),
        comment="copies: what one calendar says about one event",
    )
    op.create_index(op.f("ix_events_uid"), "events", ["uid"])
    op.create_table(
        "gaps",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("connection_id", NUMBER, nullable=False),
        sa.Column("calendar_id", NUMBER, nullable=False),
        sa.Column("start_at", UTC, nullable=False),
        sa.Column("end_at", UTC, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("seen_at", UTC, nullable=False),
        sa.ForeignKeyConstraint(
            ["calendar_id"], ["calendars.id"], name=op.f("fk_gaps_calendar_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_gaps_connection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gaps")),
        comment="stretches in which changes may have been missed",
    )
    op.create_index(op.f("ix_gaps_calendar_id"), "gaps", ["calendar_id"])
    op.create_index(op.f("ix_gaps_connection_id"), "gaps", ["connection_id"])
    op.create_table(
        "retirements",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("connection_id", NUMBER, nullable=False),
        sa.Column("calendar_id", NUMBER, comment="null: the connection as a whole"),
        sa.Column("start_at", UTC, nullable=False),
        sa.Column("end_at", UTC, comment="null: it still lasts"),
        sa.ForeignKeyConstraint(
            ["calendar_id"], ["calendars.id"], name=op.f("fk_retirements_calendar_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_retirements_connection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retirements")),
        comment="times in which a connection was disconnected, or did not list a calendar any more",
    )
    op.create_index(op.f("ix_retirements_calendar_id"), "retirements", ["calendar_id"])
    op.create_index(op.f("ix_retirements_connection_id"), "retirements", ["connection_id"])
    op.create_table(
        "skipped",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("calendar_id", NUMBER, nullable=False),
        sa.Column("seen_at", UTC, nullable=False),
        sa.Column("valid_to", UTC, comment="null: still skipped"),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["calendar_id"], ["calendars.id"], name=op.f("fk_skipped_calendar_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_skipped")),
        comment="what could not be read",
    )
    op.create_index(op.f("ix_skipped_calendar_id"), "skipped", ["calendar_id"])
    op.create_table(
        "syncs",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("connection_id", NUMBER, nullable=False),
        sa.Column("calendar_id", NUMBER, comment="null: it failed before any calendar"),
        sa.Column("started_at", UTC, nullable=False),
        sa.Column("finished_at", UTC, nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("baseline", sa.Boolean(), nullable=False, comment="the first successful one of its calendar"),
        sa.Column("problem", sa.Text()),
        sa.Column("mended_at", UTC, comment="it failed, and was connected again then"),
        sa.ForeignKeyConstraint(
            ["calendar_id"], ["calendars.id"], name=op.f("fk_syncs_calendar_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_syncs_connection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_syncs")),
        comment="every attempt to read a calendar",
    )
    op.create_index(op.f("ix_syncs_calendar_id_finished_at"), "syncs", ["calendar_id", "finished_at"])
    op.create_index(op.f("ix_syncs_connection_id_finished_at"), "syncs", ["connection_id", "finished_at"])
    op.create_table(
        "subjects",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("event_id", NUMBER, nullable=False),
        sa.Column("seen_at", UTC, nullable=False),
        sa.Column("valid_to", UTC, comment="null: the current one"),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_subjects_event_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subjects")),
        comment="what events were called; no row where that is not kept",
    )
    op.create_index(op.f("ix_subjects_event_id"), "subjects", ["event_id"])
    op.create_table(
        "versions",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("event_id", NUMBER, nullable=False),
        sa.Column("seen_at", UTC, nullable=False),
        sa.Column("not_before", UTC, comment="nothing was known to differ before; null: unknown"),
        sa.Column("valid_to", UTC, comment="null: the open version"),
        sa.Column("start_at", UTC, nullable=False),
        sa.Column("end_at", UTC, nullable=False),
        sa.Column("all_day", sa.Boolean(), nullable=False, comment="start_at and end_at are midnights that mean days"),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("organizer_id", NUMBER),
        sa.Column("free", sa.Boolean(), nullable=False),
        sa.Column("hidden_guests", sa.Boolean(), nullable=False),
        sa.Column("recurrence", sa.Text(), comment="RFC 5545 text of a series: times and rules only"),
        sa.Column("booking_tool", sa.Text()),
        sa.Column("booking_confidence", sa.String(length=16)),
        sa.Column("sees", sa.Text(), nullable=False, comment="capabilities, sorted, between spaces"),
        sa.Column("occurrences", sa.Text(), comment="original starts of a series, between spaces"),
        sa.Column("expanded_until", UTC, comment="how far occurrences is complete; null: no series"),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_versions_event_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["organizer_id"], ["people.id"], name=op.f("fk_versions_organizer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_versions")),
        sa.UniqueConstraint("event_id", "seen_at", name=op.f("uq_versions_event_id_seen_at")),
        comment="the ledger: what each copy said, and when that was seen",
    )
    op.create_index(op.f("ix_versions_organizer_id"), "versions", ["organizer_id"])
    op.create_table(
        "participants",
        sa.Column("version_id", NUMBER, nullable=False),
        sa.Column("person_id", NUMBER, nullable=False),
        sa.Column("answer", sa.String(length=16), nullable=False),
        sa.Column("answered_at", UTC),
        sa.Column("optional", sa.Boolean(), nullable=False),
        sa.Column("resource", sa.Boolean(), nullable=False),
        sa.Column("is_group", sa.Boolean(), nullable=False),
        sa.Column("guests", sa.Integer(), nullable=False, comment="unnamed companions"),
        sa.Column("proposed_start", UTC),
        sa.Column("proposed_end", UTC),
        sa.Column("proposed_all_day", sa.Boolean()),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_participants_person_id")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_participants_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("version_id", "person_id", name=op.f("pk_participants")),
        comment="who is on a version, the organiser included",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_participants_person_id"), "participants", ["person_id"])
    op.create_table(
        "deal_imports",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("taken_at", UTC, nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="which export it speaks for"),
        sa.Column("deals", sa.Integer(), nullable=False, comment="how many it showed"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_imports")),
        comment="every import of deals, changes or not",
    )
    op.create_index(op.f("ix_deal_imports_taken_at"), "deal_imports", ["taken_at"])
    op.create_table(
        "deals",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False, comment="the CRM's own, or account and name"),
        sa.Column("source", sa.Text(), nullable=False, comment="the one whose import showed it last"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deals")),
        sa.UniqueConstraint("external_id", name=op.f("uq_deals_external_id")),
        comment="opportunities of the CRM",
    )
    op.create_table(
        "deal_snapshots",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("deal_id", NUMBER, nullable=False),
        sa.Column("taken_at", UTC, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False, comment="in the CRM's words"),
        sa.Column("owner", sa.Text(), nullable=False, comment="address of a rep, or a name"),
        sa.Column("domains", sa.Text(), nullable=False, comment="registrable ones, between spaces"),
        sa.Column("contacts", sa.Text(), nullable=False, comment="addresses of buyers, between spaces"),
        sa.Column("amount", sa.Text(), comment="decimal digits; null: not known"),
        sa.Column("currency", sa.String(length=3), comment="ISO 4217"),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("category", sa.String(length=16), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("created", sa.Date()),
        sa.Column("closes", sa.Date(), comment="expected close of an open deal"),
        sa.Column("closed", sa.Date(), comment="when it was won or lost"),
        sa.ForeignKeyConstraint(["deal_id"], ["deals.id"], name=op.f("fk_deal_snapshots_deal_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_snapshots")),
        sa.UniqueConstraint("deal_id", "taken_at", name=op.f("uq_deal_snapshots_deal_id_taken_at")),
        comment="deals as imports showed them; one row per change",
    )
    op.create_table(
        "deal_absences",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("deal_id", NUMBER, nullable=False),
        sa.Column("start_at", UTC, nullable=False),
        sa.Column("end_at", UTC, comment="null: it still lasts"),
        sa.ForeignKeyConstraint(["deal_id"], ["deals.id"], name=op.f("fk_deal_absences_deal_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_absences")),
        comment="times in which the imports did not show a deal any more",
    )
    op.create_index(op.f("ix_deal_absences_deal_id"), "deal_absences", ["deal_id"])
    op.create_table(
        "kept_accounts",
        sa.Column("account_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("made_with", sa.Text(), nullable=False, comment="fingerprint of the settings that it holds for"),
        sa.Column("made_at", UTC, nullable=False, comment="it holds what was known then"),
        sa.Column("rolls_at", UTC, comment="a calendar read then or later shows further dates; null: none does"),
        sa.Column("facts", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_kept_accounts_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_kept_accounts")),
        comment="what the ledger says of accounts, kept between reports; may be emptied at any time",
    )
    op.create_table(
        "kept_people",
        sa.Column("account_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("person_id", NUMBER, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_kept_people_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_kept_people_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "person_id", name=op.f("pk_kept_people")),
        comment="who is in what is kept of an account",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_kept_people_person_id"), "kept_people", ["person_id"])
    op.create_table(
        "touched_people",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("person_id", NUMBER, comment="null: something was erased"),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_touched_people_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_touched_people")),
        comment="people on events that changed since what is kept was made",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_touched_people_person_id"), "touched_people", ["person_id"])
    op.create_table(
        "forgotten",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("mark", sa.String(length=32), nullable=False, comment="keyed hash of an address or a domain"),
        sa.Column("domain", sa.Boolean(), nullable=False),
        sa.Column("since", UTC, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forgotten")),
        sa.UniqueConstraint("mark", name=op.f("uq_forgotten_mark")),
        comment="whom no sync may bring back",
    )
