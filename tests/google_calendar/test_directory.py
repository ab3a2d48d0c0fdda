from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.contract import Authorised
from calsignal.errors import CalsignalError, InputError, NeedsSignIn, Retriable, SourceError
from calsignal_google import auth
from calsignal_google.directory import Question, address, read_list
from google_calendar import service_faults as faults
from google_calendar.desk import ADMIN, REP, Desk
from google_calendar.service import GoogleService
from google_calendar.service_directory import Member
from google_calendar.service_faults import Fault

USERS, MEMBERS = r"/users$", r"/members$"


@pytest.fixture
def service() -> Iterator[GoogleService]:
    with GoogleService() as running:
        running.directory.domains = ("ours.example", "west.example")
        running.directory.add(ADMIN, admin=True)
        for name in (REP, "sam@ours.example", "kim@west.example"):
            running.directory.add(name)
        yield running


@pytest.fixture
def desk(service: GoogleService, tmp_path: Path) -> Desk:
    return Desk(service, tmp_path)


def everybody(desk: Desk, **options: object) -> list[Authorised]:
    return desk.connect(service_account=desk.key(), all_users=True, admin=ADMIN, **options)


def mailboxes(desk: Desk, **options: object) -> list[str]:
    return [each.mailbox for each in everybody(desk, **options)]


def refusal(desk: Desk, kind: type[CalsignalError], **options: object) -> CalsignalError:
    with pytest.raises(kind) as caught:
        everybody(desk, **options)
    assert caught.value.hint
    return caught.value


def test_every_active_user_is_connected(desk: Desk) -> None:
    assert mailboxes(desk) == [ADMIN, "kim@west.example", REP, "sam@ours.example"]


def test_who_is_suspended_or_archived_is_left_out_and_an_alias_is_nobody(desk: Desk, service: GoogleService) -> None:
    service.directory.add("gone@ours.example", suspended=True)
    service.directory.add("old@ours.example", archived=True)
    service.directory.add("sam@ours.example", aliases=("samuel@ours.example",))

    assert mailboxes(desk) == [ADMIN, "kim@west.example", REP, "sam@ours.example"]


def test_all_pages_are_read_and_an_empty_one_leads_on(desk: Desk, service: GoogleService) -> None:
    service.pages.size = 2
    service.fault(faults.empty_page(), path=USERS)

    assert len(mailboxes(desk)) == 4
    assert len(service.asked(USERS)) == 3


def test_500_users_take_one_question_and_two_tokens(desk: Desk, service: GoogleService) -> None:
    service.pages.size = 500  # the most that Google puts on a page
    for number in range(496):
        service.directory.add(f"rep{number}@ours.example")

    found = everybody(desk)

    assert len(found) == 500
    assert len(service.asked(USERS)) == 1
    assert len(service.asked("/token$")) == 2
    assert len({each.secret for each in found}) == 1


def test_nothing_but_the_address_and_the_state_of_a_user_is_asked_for(desk: Desk, service: GoogleService) -> None:
    everybody(desk)

    (asked,) = service.asked(USERS)
    assert asked.params["fields"] == "nextPageToken,users(id,primaryEmail,suspended,archived)"


def test_a_filter_by_domain(desk: Desk) -> None:
    assert mailboxes(desk, domain=("West.example",)) == ["kim@west.example"]


def test_a_filter_by_group_walks_through_the_groups_in_it_once(desk: Desk, service: GoogleService) -> None:
    service.directory.group("sales@ours.example", REP, Member("emea@ours.example", "GROUP"))
    service.directory.group(
        "emea@ours.example", Member("sales@ours.example", "GROUP"), "Kim@west.example", "x@else.example"
    )

    assert mailboxes(desk, group=("Sales@ours.example",)) == ["kim@west.example", REP]
    assert len(service.asked(MEMBERS)) == 2


def test_another_company_s_group_in_a_group_is_nobody(desk: Desk, service: GoogleService) -> None:
    service.directory.group("sales@ours.example", REP, Member("them@else.example", "GROUP"))

    assert mailboxes(desk, group=("sales@ours.example",)) == [REP]


def test_a_group_of_the_whole_company_is_everybody(desk: Desk, service: GoogleService) -> None:
    service.directory.group("all@ours.example", Member("", "CUSTOMER"))

    assert len(mailboxes(desk, group=("all@ours.example",))) == 4


def test_a_group_that_is_not_known_is_named(desk: Desk) -> None:
    assert str(refusal(desk, InputError, group=("none@ours.example",))) == "there is no group none@ours.example"


def test_a_filter_by_file_names_who_is_not_there(desk: Desk) -> None:
    users = desk.file("users.txt", f"\ufeff# the team\n\n{REP}\n left@ours.example \n")

    assert mailboxes(desk, users=users) == [REP]
    assert desk.said == f"no active users, so left out, are 1 of {users}: left@ours.example"


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        ("", "holds no address"),
        ("# none\n", "holds no address"),
        (f"{REP}\nsam\n\nkim, x", "holds no address in line 2, 4"),
    ],
)
def test_a_file_without_addresses_is_refused(desk: Desk, content: str, fact: str) -> None:
    users = desk.file("users.txt", content)

    assert str(refusal(desk, InputError, users=users)) == f"{users} {fact}"


def test_a_file_that_cannot_be_read_is_refused(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"r\xe9p@ours.example\n")

    with pytest.raises(InputError, match="is no text in UTF-8"):
        read_list(tmp_path / "latin.txt")
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_list(tmp_path / "none.txt")


def test_filters_of_several_kinds_have_all_to_be_passed(desk: Desk, service: GoogleService) -> None:
    service.directory.group("sales@ours.example", REP, "kim@west.example")

    assert mailboxes(desk, group=("sales@ours.example",), domain=("ours.example",)) == [REP]


def test_an_empty_answer_is_a_mistake_and_never_an_empty_list(desk: Desk) -> None:
    error = refusal(desk, InputError, domain=("else.example",))

    assert str(error) == "no active user is meant by 'google all-users ours.example, domain else.example'"


def test_the_list_is_named_after_the_question(desk: Desk, service: GoogleService) -> None:
    service.directory.group("sales@ours.example", REP)
    users = desk.file("users.txt", REP)

    (found,) = everybody(desk, group=("sales@ours.example",), domain=("ours.example",), users=users)

    assert found.roster == f"google all-users ours.example, domain ours.example, group sales@ours.example, file {users}"
    assert everybody(desk)[0].roster == "google all-users ours.example"


@given(st.lists(st.sampled_from(["a.example", "b.example", "c.example"]), unique=True), st.randoms())
def test_the_order_of_filters_makes_no_other_question(domains: list[str], chance: object) -> None:
    backwards = tuple(reversed(domains))

    assert Question(ADMIN, tuple(domains)).roster == Question(ADMIN, backwards).roster


@given(st.text())
def test_an_address_is_one_word_in_lower_case(text: str) -> None:
    found = address(text)

    assert found is None or (found == found.lower() and "@" in found and len(found.split()) == 1)


def test_a_user_without_an_address_is_counted(desk: Desk, service: GoogleService) -> None:
    service.directory.add("nobody")

    assert len(mailboxes(desk)) == 4
    assert desk.said == "1 users without a usable address are left out"


@pytest.mark.parametrize(
    "fault",
    [
        faults.unavailable(),
        faults.too_many(),
        faults.forbidden("quotaExceeded"),
        faults.html_page(),
        faults.cut_json(),
        faults.truncated_body(),
        faults.connection_reset(),
    ],
)
def test_a_directory_that_fails_for_now_is_asked_again(desk: Desk, service: GoogleService, fault: Fault) -> None:
    service.fault(fault, path=USERS)

    assert len(mailboxes(desk)) == 4
    assert desk.waited == [1.0]


@pytest.mark.parametrize(
    "body",
    [b"[]", b'{"users": {}}', b'{"users": [], "nextPageToken": 7}', b"[" * 99999, b'{"users": NaN', b"\xff"],
)
def test_an_answer_that_is_no_list_may_be_one_later(desk: Desk, service: GoogleService, body: bytes) -> None:
    service.fault(lambda *_: faults.Reply(body=body), path=USERS)

    assert len(mailboxes(desk)) == 4
    assert desk.waited == [1.0]


@pytest.mark.parametrize("body", [b"[" * 99999, b'{"error": {"errors": 7}}', b'{"error": {"errors": ["odd"]}}'])
def test_an_error_of_another_shape_says_its_status(desk: Desk, service: GoogleService, body: bytes) -> None:
    service.fault(lambda *_: faults.Reply(418, body), path=USERS)

    assert str(refusal(desk, SourceError)) == "the directory of Google Workspace refused the question (status 418)"


def test_half_a_character_in_an_answer_ends_no_command(desk: Desk, service: GoogleService) -> None:
    rows = [{"primaryEmail": REP}, {"primaryEmail": "\ud800@ours.example"}]
    answers = iter([{"users": rows, "nextPageToken": "\udfff"}, {"users": []}])
    service.fault(lambda *_: faults.answer(next(answers)), times=2, path=USERS)

    assert mailboxes(desk) == [REP, "\ufffd@ours.example"]


def test_a_list_that_leads_to_itself_has_an_end(desk: Desk, service: GoogleService) -> None:
    again = {"users": [], "nextPageToken": "again"}
    service.fault(lambda *_: faults.answer(again), times=9, path=USERS)

    assert str(refusal(desk, SourceError)) == "the directory's list of users has no end"
    assert len(service.asked(USERS)) == 2


def test_a_directory_that_stays_down_says_so(desk: Desk, service: GoogleService) -> None:
    service.fault(faults.unavailable(), times=99, path=USERS)

    assert str(refusal(desk, Retriable)) == "the directory of Google Workspace gives no answer at present (status 503)"


def test_the_waiting_time_that_it_names_is_honoured(desk: Desk, service: GoogleService) -> None:
    service.fault(faults.too_many(7), path=USERS)

    everybody(desk)

    assert desk.waited == [7.0]


def test_an_expired_token_is_renewed_on_the_way(desk: Desk, service: GoogleService) -> None:
    service.pages.size = 2
    service.fault(faults.expire_tokens(), path=USERS, page=2)

    assert len(mailboxes(desk)) == 4


def test_somebody_who_may_not_look_is_named(desk: Desk, service: GoogleService) -> None:
    service.directory.add(ADMIN)

    assert str(refusal(desk, NeedsSignIn)) == f"{ADMIN} may not read the directory of your Google Workspace"


def test_an_api_that_is_switched_off_is_named(desk: Desk, service: GoogleService) -> None:
    service.fault(faults.forbidden("accessNotConfigured"), path=USERS)

    assert str(refusal(desk, InputError)) == "the Admin SDK API is not enabled in the project of the service account"


@pytest.mark.parametrize("fault", [faults.failing(400, "badRequest"), faults.not_found()])
def test_a_question_that_is_not_understood_says_so(desk: Desk, service: GoogleService, fault: Fault) -> None:
    service.fault(fault, path=USERS)

    assert str(refusal(desk, SourceError)).startswith("the directory of Google Workspace ")


def test_a_token_goes_nowhere_else(desk: Desk, service: GoogleService) -> None:
    moved = faults.Reply(302, b"", {"Location": f"{service.root}/elsewhere"})
    service.fault(lambda service, request, due: moved, path=USERS)

    assert str(refusal(desk, SourceError)) == "the directory of Google Workspace refused the question (status 302)"
    assert not service.asked("/elsewhere$")


def test_without_an_endpoint_google_s_own_is_asked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(session: object, url: str, **more: object) -> None:
        raise InputError(url, "seen")

    monkeypatch.setattr("google.auth.transport.requests.AuthorizedSession.get", stop)

    with pytest.raises(InputError, match=r"^https://admin.googleapis.com/admin/directory/v1/users$"):
        desk.connect({"api_endpoint": None}, service_account=desk.key(), all_users=True, admin=ADMIN)


def test_refused_delegation_is_told_as_steps_with_the_client_and_all_scopes(desk: Desk, service: GoogleService) -> None:
    service.directory.group("sales@ours.example", REP)
    service.sign_in.delegated = frozenset({auth.EVENTS})

    error = refusal(desk, NeedsSignIn, group=("sales@ours.example",))

    assert str(error) == f"the service account is not authorised to act for {ADMIN}"
    assert "3. Client ID: 100000000000000000001" in desk.told
    scopes = f"{auth.EVENTS},{auth.DIRECTORY_USERS},{auth.DIRECTORY_MEMBERS}"
    assert f"4. OAuth scopes (comma-delimited): {scopes}" in desk.told


def test_a_directory_without_calendars_is_told_too(desk: Desk, service: GoogleService) -> None:
    service.sign_in.delegated = frozenset({auth.DIRECTORY_USERS})

    assert str(refusal(desk, NeedsSignIn)) == f"the service account is not authorised to act for {ADMIN}"
    assert f"4. OAuth scopes (comma-delimited): {auth.EVENTS},{auth.DIRECTORY_USERS}" in desk.told
