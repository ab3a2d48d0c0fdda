from __future__ import annotations

from datetime import date, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.merge import Merged, NormalUid, Witness, merge, normalise_uid
from calsignal.model import Answer, Capability, EventStatus, Participant, State
from worlds import AS_OF, linked, person, slot

REP, TWO, ANN = "rep@ours.example", "two@ours.example", "ann@acme.example"
BLIND = frozenset({Capability.GUESTS})

# --- uids: MS-OXOCAL 2.2.1.27 -----------------------------------------------------------------------------------------

HEAD = "040000008200E00074C5B7101A82E008"
TAIL = "3011223344556677" + "00" * 8  # creation time, reserved


def goid(data: bytes, day: str = "00000000") -> str:
    """Return a global object id in hex: head, the day of an occurrence, times, the size of the data, the data."""
    return HEAD + day + TAIL + len(data).to_bytes(4, "little").hex().upper() + data.hex().upper()


def wrapped(uid: str, day: str = "00000000") -> str:
    return goid(b"vCal-Uid\x01\x00\x00\x00" + uid.encode() + b"\x00", day)


OWN = goid(bytes(range(16)))
FIFTH_OF_MARCH = "07EA0305"  # 2026-03-05


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("abc@google.com", NormalUid("abc@google.com")),
        (" abc@google.com ", NormalUid("abc@google.com")),
        ("abc_R20260305T100000@google.com", NormalUid("abc@google.com", split=True)),
        ("abc_R20260305T100000Z@google.com", NormalUid("abc@google.com", split=True)),
        ("abc_R20260305@google.com", NormalUid("abc@google.com", split=True)),
        ("abc_R20260305", NormalUid("abc", split=True)),
        ("abc_R2026@google.com", NormalUid("abc_R2026@google.com")),
        ("abc_R20260305x@google.com", NormalUid("abc_R20260305x@google.com")),
        (OWN, NormalUid(OWN)),
        (OWN.lower(), NormalUid(OWN)),
        (goid(bytes(range(16)), FIFTH_OF_MARCH), NormalUid(OWN, date(2026, 3, 5))),
        (goid(bytes(range(16)), "07EA0D05"), NormalUid(OWN)),  # a thirteenth month names no day
        (wrapped("abc@google.com"), NormalUid("abc@google.com")),
        (wrapped("abc@google.com", FIFTH_OF_MARCH), NormalUid("abc@google.com", date(2026, 3, 5))),
        (wrapped(wrapped("abc@google.com", FIFTH_OF_MARCH)), NormalUid("abc@google.com", date(2026, 3, 5))),
        (wrapped("abc_R20260305T100000@google.com"), NormalUid("abc@google.com", split=True)),
        (HEAD, NormalUid(HEAD)),
        (HEAD + "no hex" * 10, NormalUid(HEAD + "no hex" * 10)),
    ],
)
def test_a_uid_is_the_same_in_every_calendar(text: str, found: NormalUid) -> None:
    assert normalise_uid(text) == found


@given(st.text(max_size=200) | st.binary(max_size=80).map(lambda b: HEAD + b.hex()))
def test_any_text_has_a_normal_uid_and_normalising_again_changes_nothing(text: str) -> None:
    once = normalise_uid(text)

    assert normalise_uid(once.uid).uid == once.uid


# --- whom to believe --------------------------------------------------------------------------------------------------


def witness(
    mailbox: str,
    *people: Participant,
    seen: int = 0,
    organizer: str | None = REP,
    calendar: str | None = None,
    **more: Any,  # noqa: ANN401
) -> Witness:
    """Return what the calendar of `mailbox` said so many minutes before the report."""
    more.setdefault("slot", slot("19 Mar 10:00", 60))
    state = State(organizer=organizer, people=tuple(people), **more)
    return Witness(calendar or f"cal:{mailbox}", mailbox, frozenset({mailbox}), AS_OF - timedelta(minutes=seen), state)


def answers(merged: Merged) -> dict[str, Answer]:
    return {p.person: p.answer for p in merged.people}


def test_the_organizers_copy_is_believed_though_another_is_newer() -> None:
    mine = witness(REP, person(REP), person(ANN, "no"), seen=60)
    other = witness(TWO, person(REP), person(ANN, "yes"), seen=0, slot=slot("20 Mar 10:00", 30))

    merged = merge([mine, other])

    assert answers(merged)[ANN] is Answer.DECLINED
    assert merged.slot == slot("19 Mar 10:00", 60)


def test_an_organizers_missing_answer_beats_a_guests_old_one() -> None:
    mine = witness(REP, person(ANN, ""))
    other = witness(TWO, person(ANN, "yes"))

    assert answers(merge([mine, other]))[ANN] is Answer.NONE


def test_each_mailbox_knows_its_own_answer_best() -> None:
    mine = witness(REP, person(REP), person(TWO, "yes"), seen=0)
    other = witness(TWO, person(TWO, "no"), seen=60)

    assert answers(merge([mine, other]))[TWO] is Answer.DECLINED


def test_when_an_own_answer_was_given_is_known_from_whichever_copy_tells_it() -> None:
    mine = witness(REP, person(TWO, "yes", answered_at=AS_OF - timedelta(hours=2)), seen=60)
    other = witness(TWO, person(TWO, "yes"))
    third = witness("three@ours.example", person(TWO, "yes"))

    [found] = merge([other, third, mine]).people

    assert (found.answer, found.answered_at) == (Answer.ACCEPTED, AS_OF - timedelta(hours=2))


def test_the_time_of_another_answer_or_of_another_date_is_not_that_of_an_own_one() -> None:
    told = AS_OF - timedelta(hours=2)
    mine = witness(REP, person(TWO, "no", answered_at=told), person(ANN))
    elsewhere = witness(ANN, person(TWO, "yes", answered_at=told), slot=slot("20 Mar 10:00", 60))
    other = witness(TWO, person(TWO, "yes"))

    found = {p.person: p for p in merge([mine, elsewhere, other]).people}

    assert (found[TWO].answer, found[TWO].answered_at) == (Answer.ACCEPTED, None)


def test_an_own_copy_that_does_not_list_its_owner_leaves_the_word_to_others() -> None:
    mine = witness(REP, person(REP), person(TWO, "yes"))
    through_a_group = witness(TWO, person(REP))

    assert answers(merge([mine, through_a_group]))[TWO] is Answer.ACCEPTED


def test_without_the_organizers_copy_the_newest_one_leads() -> None:
    old = witness(REP, person(ANN, "yes"), seen=60, organizer=ANN)
    new = witness(TWO, person(ANN, "no"), seen=0, organizer=ANN, slot=slot("20 Mar 10:00", 60))

    merged = merge([old, new])

    assert merged.slot == slot("20 Mar 10:00", 60)
    assert answers(merged)[ANN] is Answer.DECLINED


def test_without_the_organizers_copy_a_present_answer_beats_a_missing_one() -> None:
    old = witness(REP, person("bob@acme.example", "yes"), seen=60, organizer=ANN)
    new = witness(TWO, person("bob@acme.example", ""), seen=0, organizer=ANN)

    assert answers(merge([old, new]))["bob@acme.example"] is Answer.ACCEPTED


def test_on_a_copy_that_cannot_know_a_missing_answer_is_not_visible() -> None:
    merged = merge([witness(TWO, person(ANN, ""), person("bob@acme.example", "yes"), sees=BLIND)])

    assert answers(merged) == {ANN: Answer.NOT_VISIBLE, "bob@acme.example": Answer.ACCEPTED}


def test_an_organizers_copy_that_cannot_know_leaves_the_word_to_the_newest() -> None:
    mine = witness(REP, person(ANN, ""), sees=BLIND)
    other = witness(TWO, person(ANN, "maybe"), seen=60)

    assert answers(merge([mine, other]))[ANN] is Answer.TENTATIVE


def test_an_answer_marked_as_not_visible_is_no_answer() -> None:
    assert answers(merge([witness(TWO, person(ANN, "?"))]))[ANN] is Answer.NOT_VISIBLE


def test_a_proposal_comes_with_the_answer_of_whoever_knows_it() -> None:
    later = slot("21 Mar 10:00", 60)

    [ann] = merge([witness(TWO, person(ANN, "maybe", proposed=later, answered_at=AS_OF))]).people

    assert (ann.proposed, ann.answered_at) == (later, AS_OF)


def test_a_list_that_is_not_whole_is_completed_by_the_others() -> None:
    cut = witness(REP, person(REP), seen=0, organizer=ANN, sees=frozenset({Capability.ANSWERS}))
    whole = witness(TWO, person(ANN), person("bob@acme.example", "yes"), seen=60, organizer=ANN)

    assert answers(merge([cut, whole])) == {
        ANN: Answer.NONE,
        "bob@acme.example": Answer.ACCEPTED,
        REP: Answer.NONE,
    }


def test_a_booking_link_that_any_copy_shows_is_known() -> None:
    assert merge([witness(REP, person(ANN)), witness(TWO, booking=linked())]).booking == linked()


# --- is it on? --------------------------------------------------------------------------------------------------------

GONE = EventStatus.CANCELLED
LOST = EventStatus.VANISHED


def test_the_organizers_cancellation_counts_though_a_guest_still_shows_it() -> None:
    merged = merge([witness(REP, status=GONE), witness(TWO)])

    assert merged.status is EventStatus.CANCELLED
    assert (merged.mailboxes, merged.copies) == ((TWO,), 1)


def test_it_is_on_though_a_guests_calendar_lost_it() -> None:
    assert merge([witness(REP), witness(TWO, status=GONE)]).status is EventStatus.CONFIRMED
    assert (
        merge([witness(REP, organizer=ANN, status=GONE), witness(TWO, organizer=ANN)]).status is EventStatus.CONFIRMED
    )


def test_it_is_on_though_the_organizers_feed_lost_it_and_another_shows_it() -> None:
    lost = witness(REP, person(ANN, "yes"), status=LOST)
    shown = witness(TWO, person(ANN, "no"), seen=60, slot=slot("20 Mar 10:00", 60))

    merged = merge([lost, shown])

    assert merged.status is EventStatus.CONFIRMED
    assert merged.slot == slot("20 Mar 10:00", 60)


def test_what_every_calendar_lost_is_gone_and_a_cancellation_says_more_than_an_absence() -> None:
    assert merge([witness(REP, status=LOST), witness(TWO, status=LOST)]).status is EventStatus.VANISHED
    assert merge([witness(REP, status=LOST), witness(TWO, status=GONE)]).status is EventStatus.CANCELLED
    assert merge([witness(TWO, organizer=ANN, status=LOST)]).status is EventStatus.VANISHED


def test_the_order_of_the_witnesses_does_not_matter() -> None:
    everybody = [
        witness(REP, person(ANN, ""), organizer=ANN, seen=5),
        witness(TWO, person(ANN, "yes"), organizer=ANN, seen=5, slot=slot("20 Mar 10:00", 60)),
        witness("x@ours.example", person(ANN, "no"), organizer=ANN, seen=5, status=GONE),
    ]

    assert len({repr(merge(order)) for order in permutations(everybody)}) == 1


def test_the_same_word_in_two_calendars_changes_nothing_but_the_count() -> None:
    one = witness(REP, person(REP, "yes"), person(ANN, "yes"))
    same = witness(REP, person(REP, "yes"), person(ANN, "yes"), calendar="another")

    alone, both = merge([one]), merge([one, same])

    assert (alone.copies, both.copies) == (1, 2)
    assert (alone.people, alone.status, alone.mailboxes) == (both.people, both.status, both.mailboxes)
