"""Deals: a snapshot per import and change, and what the imports do not show any more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calsignal.errors import InputError
from calsignal.model import Category, Deal, DealTrack, Outcome, Snapshot
from calsignal.store import DealChanges, DealImport, Store, open_store
from databases import everything
from postgres import Server
from store.samples import at

ROLLOUT = Deal(
    "006S1",
    "Sample roll-out",
    "Buyer GmbH",
    "Jane Doe",
    ("buyer.example", "buyer-labs.example"),
    Decimal("12345678901234567.89"),
    "EUR",
    "Proposal",
    Category.COMMIT,
    Outcome.OPEN,
    date(2025, 11, 4),
    date(2026, 3, 31),
    None,
    ("ann@buyer.example", "bob@buyer.example"),
)
PILOT = Deal("006S2", "Sample pilot", "", "")
LATER = replace(ROLLOUT, closes=date(2026, 4, 30))


def names(deals: Iterable[Deal]) -> list[str]:
    return [deal.id for deal in deals]


def standing(store: Store, hours: float) -> list[tuple[str, bool]]:
    return [(track.now.id, track.missing) for track in store.deals(at(hours))]


def test_deals_are_read_back_as_they_were_imported(store: Store) -> None:
    changes = store.import_deals([PILOT, ROLLOUT], at(0), "crm")

    assert changes == DealChanges(added=(PILOT, ROLLOUT))
    assert store.deals(at(0)) == (DealTrack((Snapshot(at(0), ROLLOUT),)), DealTrack((Snapshot(at(0), PILOT),)))
    assert store.deal_imports() == (DealImport(at(0), "crm", 2),)


def test_a_change_is_a_snapshot_and_nothing_else_is(store: Store) -> None:
    store.import_deals([ROLLOUT, PILOT], at(0), "crm")
    store.import_deals([ROLLOUT, PILOT], at(1), "crm")

    changes = store.import_deals([LATER, PILOT], at(2), "crm")

    assert changes == DealChanges(changed=(LATER,), unchanged=(PILOT,))
    rollout, pilot = store.deals(at(2))
    assert rollout.snapshots == (Snapshot(at(0), ROLLOUT), Snapshot(at(2), LATER))
    assert pilot.snapshots == (Snapshot(at(0), PILOT),)
    assert [one.taken_at for one in store.deal_imports()] == [at(0), at(1), at(2)]


def test_an_amount_written_with_other_zeros_is_the_same(store: Store) -> None:
    store.import_deals([replace(PILOT, amount=Decimal("5.00"), currency="EUR")], at(0), "crm")

    changes = store.import_deals([replace(PILOT, amount=Decimal(5), currency="EUR")], at(1), "crm")

    assert (changes.changed, names(changes.unchanged)) == ((), ["006S2"])


def test_deals_are_shown_as_the_imports_by_then_knew_them(store: Store) -> None:
    store.import_deals([ROLLOUT], at(0), "crm")
    store.import_deals([LATER, PILOT], at(2), "crm")
    store.import_deals([PILOT], at(4), "crm")

    assert store.deals(at(-1)) == ()
    assert store.deals(at(1)) == (DealTrack((Snapshot(at(0), ROLLOUT),)),)
    assert standing(store, 2) == [("006S1", False), ("006S2", False)]
    assert standing(store, 4) == [("006S1", True), ("006S2", False)]


def test_a_deal_that_an_import_does_not_show_is_missing_until_it_is_back(store: Store) -> None:
    store.import_deals([ROLLOUT, PILOT], at(0), "crm")

    gone = store.import_deals([PILOT], at(1), "crm")
    still = store.import_deals([PILOT], at(2), "crm")
    back = store.import_deals([ROLLOUT, PILOT], at(3), "crm")

    assert (gone.missing, still.missing) == ((ROLLOUT,), ())
    assert (names(back.back), names(back.unchanged)) == (["006S1"], ["006S1", "006S2"])
    assert [standing(store, hours)[0][1] for hours in (0, 1, 2, 3)] == [False, True, True, False]
    assert store.deals(at(3))[0].snapshots == (Snapshot(at(0), ROLLOUT),)


def test_a_deal_whose_row_could_not_be_read_stays_as_it_was(store: Store) -> None:
    store.import_deals([ROLLOUT, PILOT], at(0), "crm")

    changes = store.import_deals([PILOT], at(1), "crm", unread=["006S1"])

    assert changes.missing == ()
    assert standing(store, 1) == [("006S1", False), ("006S2", False)]


def test_another_export_says_nothing_about_the_deals_of_the_first(store: Store) -> None:
    store.import_deals([ROLLOUT, PILOT], at(0), "open")
    won = replace(ROLLOUT, outcome=Outcome.WON, closes=None, closed=date(2026, 3, 3))

    store.import_deals([won], at(1), "closed")
    changes = store.import_deals([PILOT], at(2), "open")

    assert changes.missing == ()
    assert standing(store, 2) == [("006S1", False), ("006S2", False)]
    assert store.deals(at(2))[0].now.outcome is Outcome.WON


def test_comparing_tells_what_an_import_would_change_and_changes_nothing(store: Store) -> None:
    store.import_deals([ROLLOUT], at(0), "crm")

    changes = store.compare_deals([PILOT], "crm")

    assert changes == DealChanges(added=(PILOT,), missing=(ROLLOUT,))
    assert standing(store, 9) == [("006S1", False)]
    assert len(store.deal_imports()) == 1


def test_an_import_of_earlier_is_refused(store: Store) -> None:
    store.import_deals([ROLLOUT], at(5), "crm")

    with pytest.raises(InputError, match="deals of 2026-03-02 13:00 UTC were imported already") as caught:
        store.import_deals([PILOT], at(4), "crm")

    assert "begin with the oldest" in caught.value.hint
    assert standing(store, 9) == [("006S1", False)]


def test_an_import_of_the_same_moment_takes_the_place_of_the_first(store: Store) -> None:
    store.import_deals([ROLLOUT, PILOT], at(0), "crm")

    store.import_deals([LATER], at(0), "crm")
    store.import_deals([LATER, PILOT], at(0), "crm")

    assert standing(store, 0) == [("006S1", False), ("006S2", False)]
    assert store.deals(at(0))[0].snapshots == (Snapshot(at(0), LATER),)


def test_contacts_are_forgotten_with_the_reason_to_know_them(store: Store, url: str) -> None:
    store.import_deals([ROLLOUT], at(0), "crm")

    assert store.forget_addresses(lambda person, domain, email: email == "ann@buyer.example") == 1
    assert store.forget_addresses(lambda person, domain, email: email == "ann@buyer.example") == 0
    store.close()

    with open_store(url) as again:
        assert again.deals(at(0))[0].now == replace(ROLLOUT, contacts=("ann@buyer.example",))
    assert b"bob@buyer" not in everything(url)


def test_words_that_no_database_takes_are_replaced(store: Store) -> None:
    store.import_deals([replace(PILOT, name="a\0b\ud800")], at(0), "crm")

    assert store.deals(at(0))[0].now.name == "a\ufffdb\ufffd"


_imports = st.lists(
    st.tuples(st.sampled_from(["crm", "old"]), st.dictionaries(st.sampled_from("abc"), st.integers(1, 3))), max_size=6
)


Story = list[tuple[str, dict[str, int]]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(_imports)
def test_the_store_agrees_with_a_simple_account_of_the_imports(
    tmp_path_factory: pytest.TempPathFactory, story: Story
) -> None:
    with open_store(tmp_path_factory.mktemp("law") / "store.db") as store:
        assert_agrees(store, story)


@settings(max_examples=8, deadline=None)
@given(_imports)
def test_a_store_on_a_server_agrees_with_a_simple_account_of_the_imports(postgresql: Server, story: Story) -> None:
    with postgresql.database() as url, open_store(url) as store:
        assert_agrees(store, story)


def assert_agrees(store: Store, story: Story) -> None:
    seen: dict[str, list[int]] = {}
    shown_by: dict[str, str] = {}
    missing: set[str] = set()
    for hours, (source, amounts) in enumerate(story):
        found = [replace(PILOT, id=name, amount=Decimal(n), currency="EUR") for name, n in amounts.items()]
        store.import_deals(found, at(hours), source)
        missing |= {name for name, by in shown_by.items() if by == source}
        missing -= set(amounts)
        shown_by |= dict.fromkeys(amounts, source)
        for name, n in amounts.items():
            if seen.setdefault(name, [])[-1:] != [n]:
                seen[name].append(n)

        tracks = store.deals(at(hours))

        assert {t.now.id: [s.deal.amount for s in t.snapshots] for t in tracks} == seen
        assert {t.now.id for t in tracks if t.missing} == missing
