from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calsignal.model import Actor, Answer, ChangeKind, EventStatus, Level, Status
from calsignal.reports import account_text as account_text_module
from calsignal.reports.account_text import account_text
from calsignal.reports.audit_text import audit_text
from calsignal.reports.digest_text import SCREEN, digest_text
from calsignal.reports.doctor_text import doctor_text
from calsignal.reports.safe import cells
from calsignal.reports.tables import accounts_text, add_line, connections_text, suggestions_text
from calsignal.reports.words import Calendar, happened, subject
from calsignal.score.constants import Constants
from calsignal.score.result import BuyerOnMeeting, FirstAction, Suggestion, TodayMeeting
from reports import audit_samples, samples
from reports.samples import AS_OF, ZONE, at

Gold = Callable[[str, str], None]
Render = Callable[..., str]

BERLIN = ZoneInfo(ZONE)

DIGESTS: dict[str, Render] = {
    "digest": lambda width, colour=False: digest_text(samples.digest(), width=width, colour=colour),
    "digest-all": lambda width, colour=False: digest_text(samples.crowd(), width=width, colour=colour, show_all=True),
    "digest-crowd": lambda width, colour=False: digest_text(samples.crowd(), width=width, colour=colour),
    "digest-empty": lambda width, colour=False: digest_text(samples.empty(), width=width, colour=colour),
    "digest-hostile": lambda width, colour=False: digest_text(samples.hostile(), width=width, colour=colour),
    "digest-unwell": lambda width, colour=False: digest_text(samples.unwell(), width=width, colour=colour),
}
OTHERS: dict[str, Render] = {
    "account": lambda width, colour=False: account_text(samples.account(), width=width, colour=colour),
    "account-tangled": lambda width, colour=False: account_text(
        samples.account(samples.TANGLED), width=width, colour=colour
    ),
    "account-unknown": lambda width, colour=False: account_text(
        samples.account(samples.ACCOUNTS[-1]), width=width, colour=colour
    ),
    "accounts": lambda width, colour=False: accounts_text(samples.NAMED, width=width, colour=colour),
    "audit": lambda width, colour=False: audit_text(audit_samples.audit(), width=width, colour=colour),
    "audit-all": lambda width, colour=False: audit_text(
        audit_samples.unwell(),
        width=width,
        colour=colour,
        show_all=True,
        with_contest=True,
        backtest=audit_samples.BACKTEST,
    ),
    "audit-empty": lambda width, colour=False: audit_text(audit_samples.empty(), width=width, colour=colour),
    "audit-hostile": lambda width, colour=False: audit_text(
        audit_samples.hostile(), width=width, colour=colour, with_contest=True
    ),
    "connections": lambda width, colour=False: connections_text(
        samples.STATES, now=AS_OF, zone=BERLIN, width=width, colour=colour
    ),
    "doctor": lambda width, colour=False: doctor_text(samples.CHECKUP, offline=False, width=width, colour=colour),
    "doctor-well": lambda width, colour=False: doctor_text(
        samples.CHECKUP_WELL, offline=True, width=width, colour=colour
    ),
    "suggestions": lambda width, colour=False: suggestions_text(samples.SUGGESTIONS, width=width, colour=colour),
}
REPORTS = {**DIGESTS, **OTHERS}

every_report = pytest.mark.parametrize("render", REPORTS.values(), ids=REPORTS.keys())


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", [name for name in REPORTS if name != "digest-all"])
def test_reports_look_as_they_did_when_somebody_last_looked(name: str, width: int, gold: Gold) -> None:
    gold(f"{name}-{width}", REPORTS[name](width))


@every_report
@pytest.mark.parametrize("width", [40, 61, 80, 120, 300])
def test_no_line_is_wider_than_asked(render: Render, width: int) -> None:
    lines = render(width).splitlines()

    assert lines
    assert max(map(cells, lines)) <= width
    assert not any(line != line.rstrip() for line in lines)


@every_report
def test_colour_adds_nothing_that_the_text_does_not_say(render: Render) -> None:
    coloured = render(80, colour=True)

    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]+m", "", coloured) == render(80)


@every_report
def test_no_stranger_steers_the_terminal(render: Render) -> None:
    for line in render(80).split("\n"):
        assert not {unicodedata.category(character) for character in line} & {"Cc", "Cf", "Cs", "Co", "Cn"}


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(), max_size=60), st.integers(40, 130))
def test_whatever_a_stranger_writes_the_page_holds(text: str, width: int) -> None:
    strange = samples.result(text, Status.REAL, text, stale=(text,), flags=(samples.flag(text, text),))
    meeting = samples.meeting(at(3, 17), 30, text, [samples.buyer(f"a@{text}", Level.FIRM, 0.8)], why_not=text)
    news = samples.change(ChangeKind.PROPOSED, text, email=text, why=text, after=text)
    report = samples.account(strange, meetings=(meeting,), changes=(news,), unknown=(text,))

    printed = account_text(report, width=width, colour=False)

    assert max(map(cells, printed.splitlines())) <= width
    assert not {unicodedata.category(character) for character in printed.replace("\n", "")} & {"Cc", "Cf", "Cs"}


# --- the digest -----------------------------------------------------------------------------------------------------


def test_fifteen_accounts_fit_one_screen() -> None:
    text = digest_text(samples.digest(), width=80, colour=False)

    assert len(samples.ACCOUNTS) == SCREEN
    assert 24 <= text.count("\n") <= 40
    assert all(made.account.name.split()[0] in text for made in samples.ACCOUNTS)


def test_a_full_screen_keeps_three_changes_and_counts_the_rest() -> None:
    full = digest_text(samples.digest(changes=samples.NEWS * 4), width=80, colour=False)
    free = digest_text(samples.digest(samples.ACCOUNTS[:3], changes=samples.NEWS * 4), width=80, colour=False)

    assert "+ 9 more (--all)" in full
    assert "+ 6 more (--all)" in free


def test_only_flags_that_ask_for_an_act_take_room_on_the_screen() -> None:
    flags = tuple(map(samples.flag, ("single-threaded", "series-only", "answer-the-buyer")))
    accounts = [samples.result("X", status, "Evidence.", flags=flags) for status in (Status.REAL, Status.SOFT)]

    short = digest_text(samples.digest(accounts), width=80, colour=False)
    whole = digest_text(samples.digest(accounts), width=80, colour=False, show_all=True)

    assert "Evidence. ! single threaded ! answer the buyer " in short
    assert "Evidence. ! answer the buyer " in short
    assert short.count("series only") == 0
    assert whole.count("! series only") == 2


def test_evidence_is_never_cut() -> None:
    text = digest_text(samples.digest(), width=80, colour=False, show_all=True)

    for made in samples.ACCOUNTS:
        assert set(made.evidence.split()) <= set(text.split())
    assert "…" not in text


def test_the_first_thing_comes_first_and_good_news_before_the_rest() -> None:
    text = digest_text(samples.digest(), width=80, colour=False)

    marks = ["FIRST", "TODAY", "REAL", "SOFT", "STALLED", "NEW", "LOST", "NO EVIDENCE", "UNKNOWN", "SINCE YESTERDAY"]
    places = [text.index(f"\n{mark}") if mark in marks[:5] else text.index(f"{mark} ", 200) for mark in marks[:-1]]
    assert places == sorted(places)
    assert text.index("+ Acme") < text.index("+ Fjord") < text.index("· Juniper")


def test_more_than_a_screen_shows_the_top_of_each_status() -> None:
    short = digest_text(samples.crowd(), width=80, colour=False)
    whole = digest_text(samples.crowd(), width=80, colour=False, show_all=True)

    assert sum(f"Sample {number:02}" in short for number in range(1, 64)) == SCREEN
    assert "+ 4 more (--all)" in short
    assert "Sample 01" in short
    assert all(f"Sample {number:02}" in whole for number in range(1, 64))
    assert "--all" not in whole


def test_customers_stand_apart_from_prospects() -> None:
    short = digest_text(samples.crowd(), width=80, colour=False)
    whole = digest_text(samples.crowd(), width=80, colour=False, show_all=True)

    assert "CUSTOMERS AND PARTNERS 5 ─" in short
    assert short.index("UNKNOWN:") < short.index("Client 0") < short.index("+ 2 more (--all)")
    assert "Client 4" in whole


def test_room_that_one_status_does_not_need_goes_to_the_others() -> None:
    accounts = [samples.result(f"Sample {number:02}", Status.STALLED, "Quiet.") for number in range(30)]

    text = digest_text(samples.digest(accounts, changes=(), today=()), width=80, colour=False)

    assert text.count("Quiet.") == SCREEN
    assert "+ 15 more (--all)" in text


def test_no_accounts_yet_shows_five_lines_ready_to_paste() -> None:
    text = digest_text(samples.empty(), width=80, colour=False)

    assert text.count("calsignal accounts add") == 5
    assert 'calsignal accounts add "Fern Labs" fernlabs.example' in text


def test_no_accounts_and_nobody_met_says_what_to_type() -> None:
    nobody = replace(samples.empty(), suggestions=())

    assert "calsignal accounts add NAME DOMAIN" in digest_text(nobody, width=80, colour=False)


def test_a_stale_account_prints_a_question_mark_and_the_calendars_are_named() -> None:
    text = digest_text(samples.unwell(), width=120, colour=False)

    assert "REAL? Next: Thu 19 Mar" in text
    assert "LOST?: Last held 71 d ago." in text
    assert "? means not synced for 24 h: google-tom/Team, google-tom/primary" in text


def test_troubles_name_their_next_step_and_a_retired_connection_has_none() -> None:
    text = digest_text(samples.unwell(), width=120, colour=False)

    assert "! google-tom: last synced 3 d ago. Next: calsignal sync" in text
    assert "! google-uma: the sign-in was refused; connect it again (never synced)" in text
    assert "google-gone" not in text


def test_skipped_items_are_counted_and_with_all_named() -> None:
    short = digest_text(samples.unwell(), width=120, colour=False)
    whole = digest_text(samples.unwell(), width=120, colour=False, show_all=True)

    assert "3 items could not be read: 2 in google-rita/primary, 1 in ics-tom/team.ics." in short
    assert "google-rita/primary: event-2, an unreadable rule" in whole


def test_an_unknown_account_has_no_score() -> None:
    text = account_text(samples.account(samples.ACCOUNTS[-1]), width=80, colour=False)

    assert "score unknown" in text
    assert "0.0" not in text


def test_a_calibrated_model_does_not_call_itself_uncalibrated() -> None:
    assert "uncalibrated" not in digest_text(samples.unwell(), width=80, colour=False)


@pytest.mark.parametrize(
    ("text", "day", "said"),
    [
        ("Hold the slot.", 20, "Hold the slot. By Fri 20 Mar."),
        ("Ask before Fri 20 Mar.", 20, "Ask before Fri 20 Mar."),
        ("Answer the buyer.", 16, "Answer the buyer."),
    ],
)
def test_a_due_day_is_said_once(text: str, day: int, said: str) -> None:
    action = FirstAction(4, "Acme", text, at(3, day).date())

    lines = digest_text(samples.digest(first_action=action), width=80, colour=False).splitlines()

    assert f"FIRST Acme · {said} (rule 4: about to turn)" in lines


# --- the account ----------------------------------------------------------------------------------------------------


def test_the_score_can_be_recomputed_from_what_is_printed() -> None:
    text = " ".join(account_text(samples.account(), width=120, colour=False).split())

    equation = re.search(r"([\d.]+) x \(([\d.]+) x ([\d.]+) \+ ([\d.]+) x ([\d.]+)\) = ([\d.]+)", text)
    assert equation
    k, a, i, b, r, total = map(float, equation.groups())
    assert total == pytest.approx(k * (a * i + b * r), abs=1e-4)
    sums = re.findall(r"(\d+) min x ([\d.]+) x ([\d.]+)", text)
    hours = sum(int(minutes) / 60 * float(weight) * float(factor) for minutes, weight, factor in sums)
    assert i == pytest.approx(100 * hours / (hours + 3), abs=0.005)
    left = [float(points) for points in re.findall(r"[+-]\d+\.\d{4}\b", text)]
    assert r == pytest.approx(50 + sum(left), abs=0.001)


def test_the_parts_of_the_rescheduling_are_printed() -> None:
    text = " ".join(account_text(samples.account(), width=120, colour=False).split())
    tangled = " ".join(account_text(samples.account(samples.TANGLED), width=120, colour=False).split())

    assert "booked again 2x (1 by them), pushed 1x (+7 d, no charge), dropped 0" in text
    assert "moved earlier 1x, pushed 2x (2 by them, +21 d, -5.0), dropped 1, you dropped 1" in tangled


def test_minutes_that_overlap_are_explained() -> None:
    text = " ".join(account_text(samples.account(samples.TANGLED), width=120, colour=False).split())

    assert "H is 1.4000, because minutes in which a person has two meetings count once" in text
    assert "H is" not in account_text(samples.account(), width=120, colour=False)


def test_other_constants_are_named_where_their_values_are_not_known() -> None:
    own = Constants(weight_time=0.5, weight_rescheduling=0.5)
    report = samples.account()
    report = replace(report, head=replace(report.head, constants=own.fingerprint()))

    blind = account_text(report, width=120, colour=False)
    seeing = account_text(report, width=120, colour=False, constants=own)

    assert "weight_time x 45.5266" in blind
    assert "0.5 x 45.5266" in seeing


def test_an_account_nobody_ever_committed_to_says_why_its_parts_are_zero() -> None:
    never = replace(samples.NO_ACTS, ever_firm=False, points=0.0)
    made = samples.result("Kestrel", Status.NEW, "Invited.", quiet_days=None, keep=0.0, rescheduling=never)

    text = " ".join(account_text(samples.account(made), width=120, colour=False).split())

    assert "0, since no meeting was ever firm" in text
    assert "0, since nothing ever happened" in text


# --- words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [
        (ChangeKind.CREATED, {}, 'we invited them to "Pilot"'),
        (ChangeKind.CREATED, {"by": Actor.BUYER}, 'the buyer booked "Pilot"'),
        (ChangeKind.MOVED, {"after": at(3, 19), "days": 7}, '"Pilot" moved to Thu 19 Mar 11:00 (+7 d)'),
        (ChangeKind.MOVED, {"after": at(3, 19), "days": 0}, '"Pilot" moved to Thu 19 Mar 11:00'),
        (ChangeKind.SERIES_MOVED, {"after": at(3, 19)}, 'the series "Pilot" moved to Thu 19 Mar 11:00'),
        (ChangeKind.ANSWER_CHANGED, {"after": Answer.ACCEPTED}, 'someone accepted "Pilot"'),
        (
            ChangeKind.ANSWER_CHANGED,
            {"before": Answer.TENTATIVE, "after": Answer.NONE},
            'someone took back the answer to "Pilot" (was tentative)',
        ),
        (ChangeKind.ANSWER_CHANGED, {}, 'someone answered "Pilot"'),
        (ChangeKind.PROPOSED, {"email": "a@x.example"}, 'a@x.example proposed another time for "Pilot"'),
        (ChangeKind.RESPONSE_RESET, {}, 'the move of "Pilot" reset the answer of someone'),
        (ChangeKind.PERSON_REMOVED, {}, 'someone was taken off "Pilot"'),
        (ChangeKind.DURATION_CHANGED, {"after": at(3, 19)}, '"Pilot" now ends Thu 19 Mar 11:00'),
        (ChangeKind.CANCELLED, {"original_start": at(3, 19)}, '"Pilot" of Thu 19 Mar was cancelled'),
    ],
)
def test_a_change_is_one_plain_clause(kind: ChangeKind, more: dict[str, object], said: str) -> None:
    made = samples.change(kind, "Pilot", **more)

    assert happened(made, Calendar(AS_OF, BERLIN)) == said


def test_every_kind_of_change_has_words() -> None:
    for kind in ChangeKind:
        assert '"Pilot"' in happened(samples.change(kind, "Pilot"), Calendar(AS_OF, BERLIN))


@pytest.mark.parametrize(
    ("buyer", "said"),
    [
        (samples.buyer("ann@x.example", Level.OWNED, 0.9, organizer=True), "ann organised"),
        (samples.buyer("ann@x.example", Level.OWNED, 0.75), "ann booked"),
        (samples.buyer("ann@x.example", Level.ATTENDED, 1.0), "ann attended"),
        (samples.buyer("ann@x.example", Level.SOFT, 0.5), "ann tentative"),
        (samples.buyer("ann@x.example", Level.SOFT, 0.5, answer=Answer.ACCEPTED), "ann to confirm again"),
        (samples.buyer("ann@x.example", Level.SOFT, 0.5, answer=Answer.DECLINED), "ann proposed a time"),
        (samples.buyer("ann@x.example", Level.WITHDRAWN, 0.0), "ann declined"),
        (samples.buyer("ann@x.example", Level.INVITED, 0.0, answer=Answer.NOT_VISIBLE), "1 not visible from here"),
    ],
)
def test_today_says_what_each_buyer_did(buyer: BuyerOnMeeting, said: str) -> None:
    today = (TodayMeeting("X", samples.meeting(at(3, 16, 9), 30, "Pilot", [buyer])),)

    text = digest_text(samples.digest(today=today), width=120, colour=False)

    assert f"Pilot, 30 min: {said}\n" in text


def test_a_crowd_is_named_by_those_who_count_the_most_and_counted() -> None:
    crowd = [samples.buyer(f"b{n:04}@x.example", Level.INVITED, 0.0, answer=Answer.NONE) for n in range(2000)]
    ann = samples.buyer("ann@x.example", Level.OWNED, 0.75)

    told = account_text_module._who([*crowd, ann])

    assert told.startswith("ann@x.example organised it 0.75, b0000@x.example")
    assert told.endswith("and 1,989 more (in the JSON)")
    assert account_text_module._who(crowd[:12]).count("@") == 12


def test_a_cancelled_meeting_of_today_says_so() -> None:
    gone = replace(samples.NEXT_MEETING, status=EventStatus.CANCELLED)

    text = digest_text(samples.digest(today=(TodayMeeting("X", gone),)), width=80, colour=False)

    assert "Contract review, 45 min: cancelled\n" in text


# --- tables ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "domain", "line"),
    [
        ("Acme", "acme.example", "calsignal accounts add Acme acme.example"),
        ("Fern Labs", "f.example", 'calsignal accounts add "Fern Labs" f.example'),
        ("", "f.example", "calsignal accounts add f.example f.example"),
        ("$(reboot)", "f.example", "calsignal accounts add '$(reboot)' f.example"),
        ("a\nb", "f.example; rm", "calsignal accounts add \"a b\" 'f.example; rm'"),
        ("-f", "f.example", "calsignal accounts add -- -f f.example"),
    ],
)
def test_a_line_to_paste_runs_nothing_but_what_it_says(name: str, domain: str, line: str) -> None:
    assert add_line(Suggestion(domain, name, 1, 1.0)) == line


def test_empty_tables_say_what_to_type() -> None:
    assert "calsignal connect" in connections_text((), now=AS_OF, zone=BERLIN, width=80, colour=False)
    assert "calsignal accounts add" in accounts_text((), width=80, colour=False)
    assert suggestions_text((), width=80, colour=False) == "No unmatched domain meets you.\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("Kick-off", "Kick-off"), ("", "(no subject)"), (" ", "(no subject)"), (None, "(subject not known)")],
)
def test_a_subject_that_is_empty_is_told_from_one_that_is_not_known(text: str | None, shown: str) -> None:
    assert subject(text) == shown
