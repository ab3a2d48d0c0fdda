"""Exports as the CRMs write them, read to the last cell."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from calsignal.deals import Choices, Reading, read_deals
from calsignal.model import Category, Deal, Outcome

SAMPLES = Path(__file__).parents[1] / "data" / "deals"
BERLIN = ZoneInfo("Europe/Berlin")


def read(name: str, choices: Choices | None = None) -> Reading:
    return read_deals((SAMPLES / name).read_bytes(), BERLIN, choices)


def said(reading: Reading) -> list[tuple[int, str, str]]:
    return [(remark.row, remark.column, remark.fact) for remark in reading.refused]


def test_a_report_of_salesforce_is_read_with_its_totals_and_foot_left_out() -> None:
    reading = read("salesforce.csv")

    assert reading.deals == (
        Deal(
            "0065g00000AAAAA",
            "Acme - Platform, 3 years",
            "Acme Inc.",
            "Jane Doe",
            (),
            Decimal(120000),
            "USD",
            "Negotiation/Review",
            Category.COMMIT,
            created=date(2025, 11, 4),
            closes=date(2026, 3, 31),
        ),
        Deal(
            "0065g00000AAAAB",
            'Birch "Nord" rollout',
            "Birch GmbH",
            "Jane Doe",
            (),
            Decimal("48500.50"),
            "EUR",
            "Proposal/Price Quote",
            Category.BEST_CASE,
            created=date(2026, 1, 12),
            closes=date(2026, 4, 15),
        ),
        Deal(
            "0065g00000AAAAC",
            "Cedar - Pilot",
            "Cedar Ltd",
            "Sam Roe",
            (),
            None,
            None,
            "Qualification",
            Category.PIPELINE,
            created=date(2026, 2, 2),
            closes=date(2026, 6, 30),
        ),
        Deal(
            "0065g00000AAAAD",
            "Dogwood - Renewal",
            "Dogwood AB",
            "Sam Roe",
            (),
            Decimal(900000),
            "SEK",
            "Closed Won",
            Category.UNKNOWN,
            Outcome.WON,
            date(2025, 9, 1),
            None,
            date(2026, 2, 27),
        ),
        Deal(
            "0065g00000AAAAE",
            "Elm - Seats",
            "Elm SA",
            "Sam Roe",
            (),
            Decimal(15000),
            "EUR",
            "Closed Lost",
            Category.OMITTED,
            Outcome.LOST,
            date(2025, 8, 20),
            None,
            date(2026, 1, 30),
        ),
    )
    assert reading.refused == ()
    assert [(note.row, note.line, note.fact) for note in reading.notes] == [
        (7, 8, "this is a sum, and no deal"),
        (10, 11, "here the foot of the report begins"),
    ]
    assert reading.ignored == ("Expected Revenue Currency", "Expected Revenue", "Probability (%)")


def test_a_report_for_a_german_user_is_read() -> None:
    reading = read("salesforce-german.csv")

    assert [(d.name, d.account, d.owner, d.amount, d.currency, d.closes) for d in reading.deals] == [
        ("Bücher – Lizenzen", "Bücher & Söhne KG", "Jörg Müller", Decimal("1234.56"), "EUR", date(2026, 3, 31)),
        ("Eiche – Wartung", "Eiche AG", "Jörg Müller", Decimal(25000), "EUR", date(2026, 4, 5)),
    ]
    assert [d.category for d in reading.deals] == [Category.COMMIT, Category.BEST_CASE]
    assert (reading.refused, reading.notes, reading.ignored) == ((), (), ())


def test_a_file_of_the_data_loader_is_read() -> None:
    fir, gum, hazel = read("data-loader.csv").deals

    assert (fir.id, fir.owner, fir.domains) == ("0065g00000CCCCA", "jane@ours.example", ("fir.example",))
    assert (fir.amount, fir.currency, fir.category) == (Decimal(75000), "USD", Category.COMMIT)
    assert fir.created == date(2026, 2, 1)  # 23:30 UTC on 31 January is half past midnight in Berlin
    assert (fir.outcome, fir.closes, fir.closed) == (Outcome.OPEN, date(2026, 5, 29), None)
    assert (gum.outcome, gum.closes, gum.closed) == (Outcome.WON, None, date(2026, 2, 13))
    assert (hazel.outcome, hazel.closed, hazel.domains) == (Outcome.LOST, date(2026, 2, 20), ())


def test_an_export_of_hubspot_is_read() -> None:
    reading = read("hubspot.csv")

    iris, juniper, katsura, larch, maple = reading.deals
    assert (iris.id, iris.account, iris.owner) == ("18041235501", "Iris", "jane@ours.example")
    assert (iris.amount, iris.currency, iris.category) == (Decimal(64000), "EUR", Category.COMMIT)
    assert juniper.name == "Juniper, phase 2 (two sites)"
    assert (juniper.amount, juniper.domains) == (Decimal("12500.75"), ("juniper.example",))
    assert juniper.closes == date(2026, 5, 15)
    assert (katsura.account, katsura.owner, katsura.amount, katsura.domains) == ("", "", None, ())
    assert katsura.category is Category.OMITTED
    assert (larch.outcome, larch.closed) == (Outcome.WON, date(2026, 2, 28))
    assert (maple.outcome, maple.closed) == (Outcome.LOST, date(2026, 1, 15))
    assert [(note.row, note.line, note.column) for note in reading.notes] == [
        (2, 2, "Associated Company"),
        (4, 5, "Company Domain Name"),
    ]
    assert reading.ignored == ("Pipeline", "Amount in company currency")


def test_an_export_of_pipedrive_is_read() -> None:
    reading = read("pipedrive.csv")

    nut, oak, pine = reading.deals
    assert (nut.id, nut.name, nut.account, nut.owner) == ("101", "Nut deal", "Nut Oy", "Jane Doe")
    assert (nut.amount, nut.currency, nut.domains) == (Decimal(18000), "EUR", ("nut.example",))
    assert (nut.outcome, nut.closes, nut.created) == (Outcome.OPEN, date(2026, 4, 2), date(2026, 1, 5))
    assert (oak.amount, oak.currency) == (Decimal(250000), "NOK")
    assert (oak.outcome, oak.closes, oak.closed) == (Outcome.WON, None, date(2026, 3, 2))
    assert (pine.outcome, pine.closed) == (Outcome.LOST, date(2026, 2, 11))
    assert all(deal.category is Category.UNKNOWN for deal in reading.deals)
    assert [(note.row, note.fact) for note in reading.notes] == [(5, "it is deleted in the CRM, and no deal")]
    assert reading.unread == frozenset()  # so that a deleted deal goes missing


def test_a_plain_sheet_is_read_with_what_the_user_says_of_it() -> None:
    rowan, spruce, teak = read("plain.tsv", Choices(currency="USD")).deals

    assert (rowan.amount, rowan.currency, rowan.closes) == (Decimal("1234.56"), "USD", date(2026, 3, 4))
    assert (spruce.amount, spruce.category) == (Decimal(12500), Category.BEST_CASE)
    assert spruce.domains == ("spruce.example",)
    assert (teak.amount, teak.category, teak.closes) == (Decimal(-1000), Category.UNKNOWN, date(2026, 12, 1))
    assert [deal.id for deal in (rowan, spruce, teak)] == [
        "rowan / rowan year 1",
        "spruce / spruce",
        "teak / teak credit",
    ]


def test_bad_rows_are_refused_with_row_column_and_reason_and_the_others_go_on() -> None:
    reading = read("bad.csv")

    assert [deal.name for deal in reading.deals] == ["Good", '=HYPERLINK("https://evil.example")']
    assert said(reading) == [
        (3, "Amount", "'a lot' is no amount"),
        (4, "Close Date", "'soon' is no date"),
        (5, "Currency", "its currency is not said: say it with --currency EUR"),
        (6, "Currency", "the currency is said twice, as '€' and 'USD'"),
        (7, "Currency", "'$' may be USD, CAD, AUD, NZD or another: say it with --currency"),
        (8, "Deal ID", "the same deal as in row 2"),
        (9, "Deal Name", "this row has no name of a deal"),
        (10, "Stage", "it is closed, and neither won nor lost"),
        (
            11,
            "Deal ID",
            "a spreadsheet has cut the digits of the id '1.80412E+10': use the file as the CRM wrote it",
        ),
        (12, "", "this row has 11 cells, the first line 10"),
        (14, "Close Date", "'2026-02-30' is no date"),
        (15, "Currency", "'XXA' is no currency"),
    ]
    assert reading.unread == {"2", "3", "4", "5", "6", "8", "10", "12", "13"}
