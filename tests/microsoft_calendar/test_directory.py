from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.contract import Authorised
from calsignal.errors import CalsignalError, InputError, NeedsSignIn, Retriable, SourceError
from calsignal_microsoft.directory import address
from loopback import Fault, Reply
from microsoft_calendar import service_faults as faults
from microsoft_calendar.desk import REP, SAM, TENANT, Desk
from microsoft_calendar.service import MicrosoftService
from microsoft_calendar.service_directory import OURS

KIM = "kim@ours.example"
USERS = "/users$"
GROUPS = "/groups$"
MEMBERS = "/transitiveMembers$"


@pytest.fixture
def service() -> Iterator[MicrosoftService]:
    with MicrosoftService() as running:
        for name in (REP, SAM, KIM):
            running.mailbox(name)
        yield running


@pytest.fixture
def desk(service: MicrosoftService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk(service, tmp_path)
    made.settle(monkeypatch)
    return made


def everybody(desk: Desk, **options: object) -> list[Authorised]:
    return desk.app_only(**(options or {"all_users": True}))


def mailboxes(desk: Desk, **options: object) -> list[str]:
    return [each.mailbox for each in everybody(desk, **options)]


def refusal(desk: Desk, kind: type[CalsignalError], **options: object) -> CalsignalError:
    return desk.fails(kind, app_only=True, tenant=TENANT, **(options or {"all_users": True}))


def notes(desk: Desk) -> list[str]:
    return [text for text in desk.told if not text.startswith("warning")]


def test_everybody_is_everybody_with_a_mailbox(desk: Desk) -> None:
    assert mailboxes(desk) == [KIM, REP, SAM]


def test_who_may_not_sign_in_and_who_is_a_guest_is_left_out(desk: Desk, service: MicrosoftService) -> None:
    service.directory.add("gone@ours.example", enabled=False)
    service.directory.add("ann@acme.example", user_type="Guest", tenant=OURS)
    service.directory.add("bob@acme.example", upn="bob_acme.example#EXT#@ours.onmicrosoft.example", tenant=OURS)
    service.directory.group("sales@ours.example", REP, "gone@ours.example", "ann@acme.example", "bob@acme.example")

    assert mailboxes(desk) == [KIM, REP, SAM]
    assert mailboxes(desk, group=("sales@ours.example",)) == [REP]
    assert notes(desk) == []


def test_who_has_no_mailbox_is_counted(desk: Desk, service: MicrosoftService) -> None:
    service.directory.add("svc@ours.example", mail="")
    service.directory.add("odd@ours.example", mail="no address")

    assert mailboxes(desk) == [KIM, REP, SAM]
    assert notes(desk) == ["2 users without a mailbox are left out"]


def test_another_company_s_users_are_not_ours(desk: Desk, service: MicrosoftService) -> None:
    service.mailbox("ann@acme.example")

    assert mailboxes(desk) == [KIM, REP, SAM]


def test_all_pages_are_read_and_an_empty_one_leads_on(desk: Desk, service: MicrosoftService) -> None:
    service.pages.size = 2
    service.fault(faults.empty_page(), path=USERS)

    assert len(mailboxes(desk)) == 3
    assert len(service.asked(USERS)) == 3


def test_500_users_take_one_question_one_token_and_one_trial(desk: Desk, service: MicrosoftService) -> None:
    for number in range(497):
        service.mailbox(f"rep{number:03}@ours.example")

    found = everybody(desk)

    assert len(found) == 500
    assert len(service.asked(USERS)) == len(service.asked("/token$")) == len(service.asked("/calendar$")) == 1
    assert len({each.secret for each in found}) == 1


def test_a_name_that_changes_is_the_same_user(desk: Desk, service: MicrosoftService) -> None:
    before = everybody(desk)[0]
    service.directory.people[KIM].mail = "kim.new@ours.example"

    after = everybody(desk)[0]

    assert (after.mailbox, after.settings["user"]) == ("kim.new@ours.example", before.settings["user"])


def test_no_more_than_the_address_and_the_state_is_asked_for(desk: Desk, service: MicrosoftService) -> None:
    everybody(desk)

    (asked,) = service.asked(USERS)
    assert asked.params == {
        "$select": "id,mail,userPrincipalName,accountEnabled,userType",
        "$filter": "accountEnabled eq true",
        "$top": "999",
    }


@pytest.mark.parametrize("by", ["address", "name", "id"])
def test_a_group_is_named_by_address_name_or_id(desk: Desk, service: MicrosoftService, by: str) -> None:
    made = service.directory.group("sales@ours.example", REP, name="Sales O'Brien")
    typed = {"address": "Sales@ours.example", "name": "Sales O'Brien", "id": made.id.upper()}[by]

    (found,) = everybody(desk, group=(typed,))

    assert found.mailbox == REP
    assert found.roster == f"microsoft all-users {OURS}, group {made.id}"


def test_groups_in_groups_count_and_devices_do_not(desk: Desk, service: MicrosoftService) -> None:
    service.directory.group("emea@ours.example", KIM, "sales@ours.example")
    service.directory.group("sales@ours.example", REP, "emea@ours.example", devices=("laptop",))

    assert mailboxes(desk, group=("sales@ours.example",)) == [KIM, REP]


def test_several_groups_are_one_list_in_any_order(desk: Desk, service: MicrosoftService) -> None:
    service.directory.group("sales@ours.example", REP, SAM)
    service.directory.group("emea@ours.example", REP, KIM)

    one = everybody(desk, group=("sales@ours.example", "emea@ours.example"))
    other = everybody(desk, group=("emea@ours.example", "sales@ours.example"))

    assert [each.mailbox for each in one] == [each.mailbox for each in other] == [KIM, REP, SAM]
    assert {each.roster for each in one} == {each.roster for each in other}


@pytest.mark.parametrize("typed", ["none@ours.example", "None", "00000000-0000-4000-8000-000000000001"])
def test_a_group_that_is_not_known_is_named(desk: Desk, typed: str) -> None:
    assert str(refusal(desk, InputError, group=(typed,))) == f"there is no group {typed}"


def test_a_name_of_two_groups_brings_their_ids(desk: Desk, service: MicrosoftService) -> None:
    ids = [service.directory.group(f"{name}@ours.example", REP, name="Sales").id for name in ("one", "two")]

    error = refusal(desk, InputError, group=("Sales",))

    assert str(error) == "--group Sales means 2 groups"
    assert error.hint.endswith(", ".join(sorted(ids)))


def test_an_empty_answer_is_a_mistake_and_never_an_empty_list(desk: Desk, service: MicrosoftService) -> None:
    service.directory.group("sales@ours.example")
    for name in (REP, SAM, KIM):
        service.directory.people[name].enabled = False

    assert str(refusal(desk, InputError)) == "nobody in the tenant has a mailbox and may sign in"
    error = refusal(desk, InputError, group=("sales@ours.example",))
    assert str(error) == "nobody in sales@ours.example has a mailbox and may sign in"


def test_an_app_that_may_not_look_is_told_which_permission_lacks(desk: Desk, service: MicrosoftService) -> None:
    service.sign_in.app.roles -= {"User.Read.All", "GroupMember.Read.All"}

    assert "User.Read.All" in refusal(desk, NeedsSignIn).hint
    assert "GroupMember.Read.All" in refusal(desk, NeedsSignIn, group=("sales@ours.example",)).hint


def test_members_without_names_are_a_permission_that_lacks_and_not_an_empty_group(
    desk: Desk, service: MicrosoftService
) -> None:
    service.directory.group("sales@ours.example", REP)
    service.sign_in.app.roles -= {"User.Read.All"}

    error = refusal(desk, NeedsSignIn, group=("sales@ours.example",))

    assert str(error) == "the app may see that a group has members, and not who they are"
    assert "User.Read.All" in error.hint


@pytest.mark.parametrize(
    "fault",
    [
        faults.unavailable(),
        faults.unavailable(504),
        faults.too_many(),
        faults.html_page(),
        faults.cut_json(),
        faults.truncated_body(),
        faults.connection_reset(),
    ],
)
def test_a_directory_that_fails_for_now_is_asked_again(desk: Desk, service: MicrosoftService, fault: Fault) -> None:
    service.fault(fault, path=USERS)

    assert len(mailboxes(desk)) == 3
    assert desk.waited == [1.0]


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{}", b'{"value": {}}', b'{"value": [], "@odata.nextLink": 7}', b"[" * 99999, b'{"value": NaN', b"\xff"],
)
def test_an_answer_that_is_no_list_may_be_one_later(desk: Desk, service: MicrosoftService, body: bytes) -> None:
    service.fault(lambda *_: Reply(body=body), path=USERS)

    assert len(mailboxes(desk)) == 3
    assert desk.waited == [1.0]


def test_half_a_character_in_an_answer_ends_no_command(desk: Desk, service: MicrosoftService) -> None:
    rows = [{"id": "\ud800", "userPrincipalName": "\udfff@ours.example", "accountEnabled": True}]
    answers = iter([{"value": rows, "@odata.nextLink": f"{service.graph_url}/users?\ud800"}, {"value": []}])
    service.fault(lambda *_: faults.answer(next(answers)), times=2, path=USERS)

    refusal(desk, InputError)

    assert len(service.asked(USERS)) == 2


def test_a_list_that_leads_to_itself_has_an_end(desk: Desk, service: MicrosoftService) -> None:
    again = {"value": [], "@odata.nextLink": f"{service.graph_url}/users?again"}
    service.fault(lambda *_: faults.answer(again), times=9, path=USERS)

    assert str(refusal(desk, SourceError)) == "the directory has no end"
    assert len(service.asked(USERS)) == 2


def test_a_directory_that_stays_down_says_so(desk: Desk, service: MicrosoftService) -> None:
    service.fault(faults.unavailable(), times=99, path=USERS)

    assert str(refusal(desk, Retriable)) == "127.0.0.1 gives no answer at present (status 503)"


def test_a_question_that_is_not_understood_says_so(desk: Desk, service: MicrosoftService) -> None:
    service.fault(faults.failing(400, "Request_BadRequest"), times=2, path="/(users|calendar)$")

    assert str(refusal(desk, SourceError)) == "127.0.0.1 refused the question (status 400)"
    service.fault(faults.failing(400, "Request_BadRequest"), path=GROUPS)
    assert str(refusal(desk, SourceError, group=("x",))) == "127.0.0.1 refused the question (status 400)"


def test_an_error_that_is_none_of_graph_says_its_status(desk: Desk, service: MicrosoftService) -> None:
    service.fault(lambda *_: faults.answer({"error": "gone"}, 418), path=USERS)

    assert str(refusal(desk, SourceError)) == "127.0.0.1 refused the question (status 418)"


def test_a_trial_that_is_not_understood_ends_the_command(desk: Desk, service: MicrosoftService) -> None:
    service.fault(faults.failing(402, "Sample"), path="/calendar$")

    assert str(refusal(desk, SourceError, user=(REP,))) == "127.0.0.1 refused the question (status 402)"


def test_a_token_goes_nowhere_else(desk: Desk, service: MicrosoftService) -> None:
    for host in (None, "[::bad"):
        service.fault(faults.foreign_next_link(host), path=USERS)
        assert str(refusal(desk, SourceError)) == "127.0.0.1 leads to another host"
    service.fault(faults.redirect(), path=USERS)
    assert str(refusal(desk, SourceError)) == "127.0.0.1 refused the question (status 302)"
    assert not service.asked("", host="localhost")


def test_a_member_of_no_kind_that_is_known_is_nobody(desk: Desk, service: MicrosoftService) -> None:
    rows = [{"@odata.type": "#microsoft.graph.orgContact", "mail": "x@ours.example"}, "odd"]
    service.directory.group("sales@ours.example", REP)
    service.fault(lambda *_: faults.answer({"value": rows}), path=MEMBERS)

    refusal(desk, InputError, group=("sales@ours.example",))


@given(st.text())
def test_an_address_is_one_word_in_lower_case(text: str) -> None:
    found = address(text)

    assert found is None or (found == found.lower() and "@" in found and len(found.split()) == 1)
