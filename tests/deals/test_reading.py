"""Columns, dates, amounts and words, each rule by an example."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from datetime import UTC, date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.deals import Choices, DateOrder, Reading, read_deals
from calsignal.errors import InputError
from calsignal.model import Category, Deal, Outcome

NEW_YORK = ZoneInfo("America/New_York")
EUR = Choices(currency="EUR")
MDY, DMY = DateOrder.MONTH_FIRST, DateOrder.DAY_FIRST


def file(header: str, *rows: str, separator: str = ",") -> bytes:
    """Write a file whose cells are parted by | here."""
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(line.split("|") for line in (header, *rows))
    return text.getvalue().encode()


def read(header: str, *rows: str, choices: Choices = EUR) -> Reading:
    return read_deals(file(header, *rows), NEW_YORK, choices)


def one(header: str, row: str, choices: Choices = EUR) -> Deal:
    reading = read(header, row, choices=choices)
    assert reading.refused == ()
    return reading.deals[0]


def refusal(header: str, row: str, choices: Choices = EUR) -> str:
    reading = read(header, "Good|1|2026-01-31" if header.count("|") == 2 else header, row, choices=choices)
    return next(f"{remark.column}: {remark.fact}" for remark in reading.refused)


# --- columns ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "Opportunity Name|Amount|Close Date",
        "OPPORTUNITY NAME|AMOUNT|CLOSE DATE",
        "Opportunity: Opportunity Name|Opportunity: Amount|Opportunity: Close Date",
        "Name|Amount|CloseDate",
        "Deal Name|Amount|Close Date",
        "dealname|amount|closedate",
        "Deal - Title*|Deal - Value|Deal - Expected close date",
        "deal_name|deal_value|expected_close_date",
        "Deal|Amount (EUR)|Close Date ↑",
        "Title|Value in EUR|Closing date",
        "Title|Value [€]|Close",
    ],
)
def test_headers_are_recognised(header: str) -> None:
    deal = one(header, "Sample|100|2026-03-31")

    assert (deal.name, deal.amount, deal.currency, deal.closes) == ("Sample", Decimal(100), "EUR", date(2026, 3, 31))


def test_the_better_of_two_columns_is_taken_and_the_other_named() -> None:
    reading = read("Deal Name|Deal ID|Record ID|Amount|Amount (converted)|Amount (converted) Currency", "A|7|8|1|2|USD")

    assert (reading.deals[0].id, reading.deals[0].amount, reading.deals[0].currency) == ("7", Decimal(1), "EUR")
    assert reading.ignored == ("Record ID", "Amount (converted)", "Amount (converted) Currency")


def test_the_converted_amount_goes_with_its_own_currency() -> None:
    assert one("Deal Name|Amount (converted)|Amount (converted) Currency", "A|2|USD").currency == "USD"


def test_lines_above_the_header_are_passed_over() -> None:
    content = b"Sample pipeline\nAs of 16 March\n\nName,Amount\nA,5\n"

    (deal,) = read_deals(content, UTC, EUR).deals

    assert (deal.name, deal.amount) == ("A", Decimal(5))


@pytest.mark.parametrize(
    ("header", "columns", "fact", "hint"),
    [
        ("", {}, "no table in the file", "FIELD=HEADER"),
        ("PK\x03\x04", {}, "this is a workbook, and no CSV file", "save it as CSV"),
        ("Name|Domain|Owner", {}, "no line of the file names the columns of deals", "FIELD=HEADER"),
        ("Name|Umsatz", {"amount": "Umstaz"}, "no line", "no column 'Umstaz'; did you mean Umsatz?"),
        ("Name|Umsatz", {"amount": "Amount!"}, "no line", "no column 'Amount!'"),
        ("Name|Amount|amount", {}, "two columns called Amount", "leave one of them out"),
    ],
)
def test_a_file_without_columns_of_deals_is_refused(header: str, columns: dict[str, str], fact: str, hint: str) -> None:
    with pytest.raises(InputError, match=fact) as caught:
        read_deals(file(header) if header else b"", UTC, Choices(columns=columns))

    assert hint in caught.value.hint


def test_the_user_says_what_a_column_means() -> None:
    said = Choices("EUR", columns={"amount": "ARR", "account": "Kunde"})

    deal = one("Name|Amount|ARR|Kunde|Stage", "A|1|2|Acme|x", said)

    assert (deal.amount, deal.account) == (Decimal(2), "Acme")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encodings_and_separators_are_recognised(encoding: str, separator: str) -> None:
    text = f'Name{separator}Amount{separator}Stage\n"Käse, ""fein""\nund; mehr"{separator}"1,5"{separator}x\n'

    (deal,) = read_deals(text.encode(encoding), UTC, EUR).deals

    assert (deal.name, deal.amount) == ('Käse, "fein" und; mehr', Decimal("1.5"))


# --- rows -------------------------------------------------------------------------------------------------------------


def test_rows_are_counted_as_spreadsheets_do_and_lines_as_editors_do() -> None:
    content = b'Name,Amount,Stage\n"A\nB",1,x\n\nC,oops,x\n"D"x,1,x\n'

    refused = read_deals(content, UTC, EUR).refused

    assert [(remark.row, remark.line) for remark in refused] == [(4, 5), (5, 6)]
    assert "this row is no CSV" in refused[1].fact


def test_a_row_of_too_many_cells_is_refused_and_its_deal_is_not_missing() -> None:
    reading = read_deals(b"ID,Name,Amount\n7,A,1,2\n,B,1,2\n1E+5,C,1,2\n8,D,1\n", UTC, EUR)

    assert [remark.row for remark in reading.refused] == [2, 3, 4]
    assert reading.unread == {"7"}


def test_a_deal_without_a_name_is_called_by_its_id() -> None:
    assert one("ID|Name|Amount", "7||1").name == "7"


def test_names_show_what_a_person_sees() -> None:
    deal = one("ID|Name|Amount|Account", '="007"|A\x1b[31m\u202e B|1|n/a')

    assert (deal.id, deal.name, deal.account) == ("007", "A[31m B", "")


def test_an_endless_name_is_refused() -> None:
    assert refusal("Name|Amount|Close Date", f"{'x' * 501}|1|") == "Name: this is longer than 500 characters"


def test_the_same_account_and_name_twice_is_one_deal_where_there_are_no_ids() -> None:
    reading = read("Name|Account|Amount", "Roll-out|Acme|1", "ROLL OUT|acme|2")

    assert [deal.amount for deal in reading.deals] == [1]
    assert reading.refused[0].fact == "the same deal as in row 2"
    assert reading.unread == frozenset()


@pytest.mark.parametrize("first", ["Total", "Grand Total", "Subtotal", "TOTALS", "(12 records)"])
def test_a_sum_is_no_deal(first: str) -> None:
    reading = read("Name|Amount|Close Date", "A|1|2026-03-31", f"{first}|1|")

    assert [deal.name for deal in reading.deals] == ["A"]
    assert [note.fact for note in reading.notes] == ["this is a sum, and no deal"]


def test_a_deal_that_is_called_total_is_a_deal() -> None:
    assert one("Name|Amount|Close Date", "Total Energies|1|2026-03-31").name == "Total Energies"


def test_a_last_row_with_one_cell_is_no_foot() -> None:
    reading = read("Name|Amount", "A|1", "B|")

    assert [deal.name for deal in reading.deals] == ["A", "B"]


def test_a_foot_right_below_the_table_is_left_out() -> None:
    reading = read("Name|Amount", "A|1", "Copyright (c) sample|", "Ours|")

    assert [deal.name for deal in reading.deals] == ["A"]
    assert (reading.notes[0].row, reading.notes[0].fact) == (3, "here the foot of the report begins")


# --- amounts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("1.234,56 EUR", "1234.56", "EUR"),
        ("1 234,56 EUR", "1234.56", "EUR"),
        ("1\u202f234\u202f567,8 €", "1234567.8", "EUR"),
        ("1'234.50 CHF", "1234.50", "CHF"),
        ("1’234’567.50 Fr.", "1234567.50", "CHF"),
        ("US$1,234.56", "1234.56", "USD"),
        ("USD 1,234.56", "1234.56", "USD"),
        ("$1,234.56 CAD", "1234.56", "CAD"),
        ("R$ 1.234,56", "1234.56", "BRL"),
        ("₹12,34,567.00", "1234567.00", "INR"),
        ("£-5.5", "-5.5", "GBP"),
        ("-£5.5", "-5.5", "GBP"),
        ("−5.5 £", "-5.5", "GBP"),
        ("5.5-", "-5.5", "EUR"),
        ("(€1,234.56)", "-1234.56", "EUR"),
        ("1,234,567", "1234567", "EUR"),
        ("1.234.567", "1234567", "EUR"),
        ("0,125", "0.125", "EUR"),
        (".5", "0.5", "EUR"),
        ("12345", "12345", "EUR"),
        ("1234,5", "1234.5", "EUR"),
        ("1.234,-", "1234", "EUR"),
        ("CHF 5.–", "5", "CHF"),
        ("1.234,56 kr.", "1234.56", None),
    ],
)
def test_an_amount_is_read_as_its_country_writes_it(text: str, amount: str, currency: str | None) -> None:
    choices = EUR if currency else Choices(currency="DKK")

    deal = one("Name|Amount", f"A|{text}", choices)

    assert (deal.amount, deal.currency) == (Decimal(amount), currency or "DKK")


@pytest.mark.parametrize(
    "text",
    [
        "a lot",
        "12.34.5",
        "1,23,4",
        "1,2345.6",
        "25k",
        "1.2E+5",
        "(5",
        "5)",
        "1 2",
        "1.234,567.8",
        "1,234'567",
        "€",
        "5%",
    ],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    assert refusal("Name|Amount|Close Date", f"A|{text}|").startswith(("Amount: ", ": "))


@pytest.mark.parametrize(
    ("others", "amount"), [(("1,000.50",), 1234), (("99.95", "7"), 1234), (("1.000,50",), Decimal("1.234"))]
)
def test_an_amount_that_can_be_two_is_decided_by_its_column(others: tuple[str, ...], amount: Decimal) -> None:
    deals = read("Name|Amount", *(f"{n}|{text}" for n, text in enumerate(others)), "A|1,234").deals

    assert deals[-1].amount == amount


@pytest.mark.parametrize("others", [("5",), ("1,000.50", "1.000,50")])
def test_an_amount_that_can_be_two_is_refused_where_the_column_does_not_tell(others: tuple[str, ...]) -> None:
    rows = (*(f"{n}|{text}" for n, text in enumerate(others)), "A|1,234")

    (remark,) = read("Name|Amount", *rows).refused

    assert remark.fact == "'1,234' may be 1234 or 1.234: say which with --decimal"
    told = read("Name|Amount", *rows, choices=Choices("EUR", decimal=".")).deals
    assert told[-1].amount == 1234


@pytest.mark.parametrize(
    ("header", "row", "currency"),
    [
        ("Name|Amount|Currency", "A|5|usd", "USD"),
        ("Name|Amount|Currency", "A|5|US Dollar (USD)", "USD"),
        ("Name|Amount|Currency", "A|5|Swiss Franc", "CHF"),
        ("Name|Amount|Currency", "A|$5|AUD", "AUD"),
        ("Name|Amount|Currency", "A|5 kr|NOK", "NOK"),
        ("Name|Amount (GBP)|Stage", "A|5|x", "GBP"),
        ("Name|Amount|Stage", "A|¥5|x", "JPY"),
        ("Name|Amount|Stage", "A|5|x", "JPY"),
    ],
)
def test_the_currency_comes_from_symbol_code_column_header_or_option(header: str, row: str, currency: str) -> None:
    assert one(header, row, Choices(currency="JPY")).currency == currency


@pytest.mark.parametrize(
    ("amount", "said", "fact"),
    [
        ("$5", "EUR", "'$' may be USD, CAD, AUD, NZD or another: say it with --currency"),
        ("5 kr", None, "'kr' may be SEK, NOK, DKK, ISK: say it with --currency"),
        ("5", None, "its currency is not said: say it with --currency EUR"),
        ("5 apples", "EUR", "'apples' is no currency"),
    ],
)
def test_a_row_whose_currency_is_open_is_refused(amount: str, said: str | None, fact: str) -> None:
    (remark,) = read("Name|Amount", "A|5 GBP", f"B|{amount}", choices=Choices(currency=said)).refused

    assert remark.fact == fact


def test_a_file_that_never_tells_its_currency_is_asked_for_it() -> None:
    with pytest.raises(InputError, match="the column Amount does not tell the currency") as caught:
        read("Name|Amount", "A|5", "B|6", choices=Choices())

    assert caught.value.hint.startswith("--currency EUR")


def test_a_symbol_in_the_header_is_evidence_like_one_beside_the_amount() -> None:
    with pytest.raises(InputError, match=r"the column Value \(\$\) does not tell the currency: '\$' may be USD, CAD"):
        read("Name|Value ($)", "A|5")

    assert one("Name|Value ($)", "A|5", Choices(currency="NZD")).currency == "NZD"


def test_a_column_that_can_be_read_in_two_ways_is_asked_for() -> None:
    with pytest.raises(InputError, match=r"Amount does not tell what begins the decimals: '1.234' may be") as caught:
        read("Name|Amount", "A|1.234", "B|12.500")

    assert "--decimal" in caught.value.hint
    assert [d.amount for d in read("Name|Amount", "A|1.234", choices=Choices("EUR", decimal=",")).deals] == [1234]


def test_no_amount_needs_no_currency() -> None:
    assert one("Name|Amount", "A|", Choices()).amount is None


# --- dates ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-04", date(2026, 3, 4)),
        ("2026/3/4", date(2026, 3, 4)),
        ("2026-03-04 23:59:59.123", date(2026, 3, 4)),
        ("2026-03-04T00:00:00.000Z", date(2026, 3, 4)),
        ("2026-03-04T03:00:00+00:00", date(2026, 3, 3)),
        ("2026-03-04T23:00:00-0800", date(2026, 3, 5)),
        ("4.3.2026", date(2026, 3, 4)),
        ("04.03.26 17:05", date(2026, 3, 4)),
        ("3/14/2026, 9:12 AM", date(2026, 3, 14)),
        ("14/3/2026", date(2026, 3, 14)),
        ("14-03-2026", date(2026, 3, 14)),
        ("3/3/2026", date(2026, 3, 3)),
        ("4 Mar 2026", date(2026, 3, 4)),
        ("4-Mar-26", date(2026, 3, 4)),
        ("March 4, 2026", date(2026, 3, 4)),
    ],
)
def test_dates_are_read(text: str, day: date) -> None:
    assert one("Name|Close Date", f"A|{text}").closes == day


@pytest.mark.parametrize(
    "text",
    ["soon", "2026-02-30", "31.02.2026", "13.13.2026", "0026-03-04", "4 Foo 2026", "46100", "3/2026", "0/0/2026"],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    (remark,) = read("Name|Close Date", f"A|{text}").refused

    assert (remark.column, remark.fact) == ("Close Date", f"'{text}' is no date")


@pytest.mark.parametrize(("other", "day"), [("3/25/2026", date(2026, 3, 4)), ("25/3/2026", date(2026, 4, 3))])
def test_a_value_above_twelve_decides_for_its_column(other: str, day: date) -> None:
    deals = read("Name|Close Date", "A|3/4/2026", f"B|{other}").deals

    assert deals[0].closes == day


def test_another_column_decides_where_one_leaves_it_open() -> None:
    assert one("Name|Close Date|Created Date", "A|3/4/2026|13/1/2026").closes == date(2026, 4, 3)


def test_dates_with_dots_say_nothing_about_those_with_slashes() -> None:
    with pytest.raises(InputError, match="does not tell whether the day or the month is first"):
        read("Name|Close Date|Created Date", "A|3/4/2026|13.1.2026")


def test_a_column_that_leaves_it_open_is_asked_for() -> None:
    with pytest.raises(InputError, match=r"the column Close Date does not tell .*: 3/4/2026") as caught:
        read("Name|Close Date", "A|3/4/2026", "B|5/5/2026")

    assert "--date-order mdy" in caught.value.hint
    assert one("Name|Close Date", "A|3/4/2026", Choices(date_order=MDY)).closes == date(2026, 3, 4)
    assert one("Name|Close Date", "A|3/4/2026", Choices(date_order=DMY)).closes == date(2026, 4, 3)


def test_dates_that_contradict_each_other_are_asked_for() -> None:
    rows = ("A|3/4/2026", "B|3/25/2026", "C|25/3/2026")
    with pytest.raises(InputError, match="3/25/2026 and 25/3/2026 are not written in one order"):
        read("Name|Close Date", *rows)

    reading = read("Name|Close Date", *rows, choices=Choices(date_order=MDY))
    assert [deal.closes for deal in reading.deals] == [date(2026, 3, 4), date(2026, 3, 25)]
    assert reading.refused[0].fact == "'25/3/2026' is no date"


def test_a_bad_date_of_creation_is_left_out_and_named() -> None:
    reading = read("Name|Amount|Created Date", "A|1|once")

    assert reading.deals[0].created is None
    assert [(note.column, note.fact) for note in reading.notes] == [("Created Date", "'once' is no date")]


# --- categories, outcomes, owners, companies --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Commit", Category.COMMIT),
        ("COMMIT", Category.COMMIT),
        ("Best Case", Category.BEST_CASE),
        ("BEST_CASE", Category.BEST_CASE),
        ("BestCase", Category.BEST_CASE),
        ("Most Likely", Category.BEST_CASE),
        ("Pipeline", Category.PIPELINE),
        ("Omitted", Category.OMITTED),
        ("Not forecasted", Category.OMITTED),
        ("OMIT", Category.OMITTED),
        ("Closed", Category.UNKNOWN),
        ("", Category.UNKNOWN),
    ],
)
def test_categories_are_read_in_the_words_of_each_crm(text: str, category: Category) -> None:
    reading = read("Name|Amount|Forecast Category", f"A|1|{text}")

    assert (reading.deals[0].category, reading.notes) == (category, ())


def test_forecast_means_commit_in_one_field_of_salesforce_only() -> None:
    assert one("Name|Amount|ForecastCategory", "A|1|Forecast").category is Category.COMMIT
    assert read("Name|Amount|Forecast Category", "A|1|Forecast").notes[0].fact.startswith("'Forecast' is no forecast")


def test_a_category_is_never_taken_from_the_stage() -> None:
    assert one("Name|Amount|Stage", "A|1|Commit").category is Category.UNKNOWN


@pytest.mark.parametrize(
    ("header", "row", "outcome"),
    [
        ("Stage", "Negotiation", Outcome.OPEN),
        ("Stage", "Closed Won", Outcome.WON),
        ("Stage", "closedlost", Outcome.LOST),
        ("Stage", "Lost to competitor", Outcome.LOST),
        ("Stage", "Not won yet", Outcome.OPEN),
        ("Stage", "Won back lost customer", Outcome.OPEN),
        ("Stage|Status", "Negotiation|Won", Outcome.WON),
        ("Stage|Status", "Negotiation|open", Outcome.OPEN),
        ("Stage|Is Won", "Signed|TRUE", Outcome.WON),
        ("Stage|Is Won|Is Closed", "Signed|0|1", Outcome.LOST),
        ("Stage|Is Won|Is Closed", "Signed|no|no", Outcome.OPEN),
        ("Stage|Is Closed", "Closed Won|true", Outcome.WON),
        ("Stage|Is Closed Won|Is Closed Lost", "Deployed|false|true", Outcome.LOST),
        ("Stage|Is Closed Won|Is Closed Lost", "Deployed|false|false", Outcome.OPEN),
    ],
)
def test_the_outcome_comes_from_flags_status_and_stage(header: str, row: str, outcome: Outcome) -> None:
    assert one(f"Name|{header}|Close Date", f"A|{row}|2026-01-31").outcome is outcome


@pytest.mark.parametrize(
    ("header", "row", "fact"),
    [
        ("Stage", "Closed", "it is closed, and neither won nor lost"),
        ("Stage|Is Closed", "Done|true", "it is closed, and neither won nor lost"),
        ("Stage|Is Won", "Closed Lost|true", "one column says that it was won, another that it was lost"),
        ("Stage|Is Won|Is Lost", "x|yes|yes", "one column says that it was won, another that it was lost"),
        ("Stage|Is Won", "x|perhaps", "'perhaps' is neither yes nor no"),
    ],
)
def test_an_outcome_that_cannot_be_told_refuses_the_row(header: str, row: str, fact: str) -> None:
    assert read(f"Name|{header}", f"A|{row}").refused[0].fact == fact


def test_a_closed_deal_without_a_date_is_named() -> None:
    reading = read("Name|Stage", "A|Closed Won")

    assert reading.deals[0].closed is None
    assert reading.notes[0].fact == "it is closed, and the file does not say when"


@pytest.mark.parametrize(
    ("header", "row", "owner"),
    [
        ("Owner", "Jane Doe", "Jane Doe"),
        ("Owner", "Jane Doe (Jane@ours.example)", "jane@ours.example"),
        ("Owner|Owner Email", "Jane Doe|jane+crm@ours.example", "jane@ours.example"),
        ("Owner|Owner Email", "Jane Doe|jane@", "Jane Doe"),
        ("Owner", "a@b@!", "a@b@!"),
        ("Owner", "Unassigned", ""),
        ("Owner", "", ""),
    ],
)
def test_an_owner_is_an_address_where_there_is_one(header: str, row: str, owner: str) -> None:
    assert one(f"Name|Amount|{header}", f"A|1|{row}").owner == owner


@pytest.mark.parametrize(
    ("site", "domains"),
    [
        ("https://www.eu.acme.example:8443/path?x#y", ("acme.example",)),
        ("acme.example; http://acme-labs.example", ("acme.example", "acme-labs.example")),
        ("sales@acme.example", ("acme.example",)),
        ("bücher.example", ("xn--bcher-kva.example",)),
    ],
)
def test_domains_come_from_web_sites(site: str, domains: tuple[str, ...]) -> None:
    assert one("Name|Amount|Website", f"A|1|{site}").domains == domains


@pytest.mark.parametrize("site", ["gmail.com", "co.uk", "192.0.2.1", "in progress"])
def test_what_is_no_domain_of_a_company_is_left_out_and_named(site: str) -> None:
    reading = read("Name|Amount|Website", f"A|1|{site}")

    assert reading.deals[0].domains == ()
    assert {note.column for note in reading.notes} == {"Website"}


def test_contacts_are_their_addresses_only() -> None:
    deal = one("Name|Amount|Associated Contact", "A|1|Ann Plum (Ann@acme.example);Bob;bob@acme.example")

    assert deal.contacts == ("ann@acme.example", "bob@acme.example")


# --- laws -------------------------------------------------------------------------------------------------------------


@given(st.decimals(-10_000_000, 10_000_000, places=2), st.sampled_from(["{:,.2f}", "{:.2f}"]), st.booleans())
def test_every_amount_comes_back_in_either_notation(amount: Decimal, form: str, european: bool) -> None:
    text = form.format(amount)
    text = text.translate(str.maketrans(",.", ".,")) if european else text

    assert one("Name|Amount", f"A|{text}").amount == amount


@given(st.dates(date(1980, 1, 1), date(2199, 12, 31)), st.sampled_from(list(DateOrder)), st.sampled_from("/-"))
def test_every_date_comes_back_in_either_order(day: date, order: DateOrder, mark: str) -> None:
    parts = [str(day.month), str(day.day)] if order is MDY else [str(day.day), str(day.month)]

    deal = one("Name|Close Date", f"A|{mark.join([*parts, str(day.year)])}", Choices(date_order=order))

    assert deal.closes == day


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for whole in (content, b"Name,Amount,Close Date\n" + content):
        with suppress(InputError):
            reading = read_deals(whole, UTC)
            assert len({deal.id for deal in reading.deals}) == len(reading.deals)
            assert all(remark.row >= 1 and remark.line >= 1 and remark.fact for remark in reading.refused)


@given(
    st.lists(
        st.tuples(
            st.text("ab=+\x1b\u202e é\n", max_size=5),
            st.text("0123456789.,'- $€kr()", max_size=9),
            st.text("0123/-.", max_size=10),
        ),
        max_size=6,
    )
)
def test_each_row_is_read_refused_or_named(rows: list[tuple[str, str, str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([("Name", "Amount", "Close Date"), *rows])
    filled = sum(any(cell.strip() for cell in row) for row in rows)

    with suppress(InputError):
        reading = read_deals(text.getvalue().encode(), UTC, EUR)
        assert len(reading.deals) + len(reading.refused) == filled
