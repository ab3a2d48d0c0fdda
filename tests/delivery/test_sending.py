from __future__ import annotations

import json
import shutil
from pathlib import Path
from urllib.parse import quote

import pytest
from jsonschema import Draft202012Validator

from calsignal.errors import StoreError
from calsignal.reports.jsonform import schema
from calsignal.store.store import Store
from cli import toy
from cli.desk import REP
from delivery.office import SAM, SUBJECT, TOKEN, Office
from delivery.servers import PASSWORD, USER, HookServer, Mailboxes, last


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an office in which everything has been read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(toy, "provider", toy.Toy())
        made = Office(tmp_path_factory.mktemp("office"))
        made.settle()
    return made.folder


@pytest.fixture
def office(settled: Path, tmp_path: Path) -> Office:
    shutil.copytree(settled, tmp_path, dirs_exist_ok=True)
    made = Office(tmp_path)
    made.clock.wait(minutes=5)
    return made


def mail_address(boxes: Mailboxes, more: str = "") -> str:
    who = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}"
    return f"smtp://{who}@localhost:{boxes.port}?from=digest@ours.example{more}"


def hook_address(hooks: HookServer, service: str = "slack") -> str:
    return f"{service}+https://localhost:{hooks.server_port}/services/{TOKEN}"


@pytest.fixture
def ready(office: Office, mail: dict[str, Mailboxes], hooks: HookServer) -> Office:
    """Return an office whose team has a chat, whose reps get mail, and whose boss gets the audit."""
    office.keep("mail", mail_address(mail["smtp"]))
    office.keep("chat", hook_address(hooks))
    office.keep("boss", mail_address(mail["smtp"], "&to=boss@ours.example"))
    office.deliveries('team = ["chat"]', 'each = ["mail"]', 'audit = ["boss", "chat"]')
    return office


def said(office: Office, *args: str, code: int = 0) -> str:
    """Run a command that sends; return what it said, which is nothing on stdout and no secret."""
    result = office.run(*args)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    for secret in (TOKEN, PASSWORD, SUBJECT, "digest@ours.example"):
        assert secret not in result.output
    return result.stderr


# --- addresses --------------------------------------------------------------------------------------------------------


def test_an_address_is_kept_in_the_vault_and_only_kind_and_host_are_shown(ready: Office) -> None:
    text = ready.ok("deliver", "list")

    assert [line.split()[0] for line in text.splitlines()] == ["NAME", "boss", "chat", "mail"]
    assert "Slack, localhost" in text
    assert "mail, localhost" in text
    everything = text + "".join(
        path.read_bytes().decode("latin-1") for path in ready.folder.rglob("*") if path.is_file()
    )
    for secret in (TOKEN, PASSWORD, quote(PASSWORD, safe=""), USER):
        assert secret not in everything


def test_the_list_tells_what_goes_where_and_when_it_did(ready: Office) -> None:
    ready.deliveries('team = ["chat"]', '[delivery.reps]\n"sam@ours.example" = ["chat", "lost"]')
    said(ready, "digest", "--send")

    document = json.loads(ready.ok("deliver", "list", "--format", "json"))

    Draft202012Validator(schema("deliveries")).validate(document)
    by_name = {one["name"]: one for one in document["deliveries"]}
    assert by_name["chat"]["gets"] == ["team", SAM]
    assert by_name["chat"]["last_sent"].startswith("2026-03-02T09:")
    assert by_name["lost"]["problem"] == "no address is kept under 'lost'"
    assert (by_name["boss"]["gets"], by_name["boss"]["last_sent"]) == ([], None)
    assert "no address is kept under 'lost'" in ready.ok("deliver", "list")


def test_before_anything_there_is_a_next_step(office: Office) -> None:
    assert office.ok("deliver", "list") == "No address is kept yet. Add one: calsignal deliver add NAME\n"
    assert "Keep the addresses that reports are sent to" in office.ok("deliver")


def test_an_address_may_be_kept_before_any_calendar(tmp_path: Path) -> None:
    bare = Office(tmp_path)
    bare.ok("init", "--domain", "ours.example", "--timezone", "UTC")

    bare.keep("chat", "https://hooks.slack.com/services/x")

    assert "Slack, hooks.slack.com" in bare.ok("deliver", "list")
    assert "not yet" in bare.ok("deliver", "list")


def test_an_address_can_be_replaced_and_forgotten(ready: Office, hooks: HookServer) -> None:
    assert ready.keep("chat", hook_address(hooks, "teams")) == "replaced chat: Teams, localhost\n"
    result = ready.run("deliver", "remove", "chat")

    assert result.stdout == "forgot chat\n"
    assert "take it out of [delivery]" in result.stderr
    assert "no address is kept under 'chat'" in ready.fails(2, "deliver", "remove", "chat")
    assert "chat" in ready.ok("deliver", "list")  # the config names it still
    assert ready.app().vault.get("delivery:chat") is None


def test_an_address_that_nobody_can_send_to_is_refused_and_not_quoted(office: Office) -> None:
    for name, address in (("x", f"http://h.example/{TOKEN}"), ("x", TOKEN), ("../x", "https://h.example/")):
        error = office.fails(2, "deliver", "add", name, input=f"{address}\n")
        assert "s3cret" not in error
    assert "No address" in office.ok("deliver", "list")


def test_a_trial_says_nothing_of_anybody(ready: Office, mail: dict[str, Mailboxes], hooks: HookServer) -> None:
    ready.ok("deliver", "test", "mail", "--to", "me@ours.example")
    ready.ok("deliver", "test", "chat")
    ready.ok("deliver", "test", "boss")

    assert [envelope.rcpt_tos for envelope, _ in mail["smtp"].got] == [["me@ours.example"], ["boss@ours.example"]]
    assert "Acme" not in last(mail["smtp"]).as_string()
    assert hooks.last["text"].startswith("calsignal: a test")
    assert "names nobody to send to" in ready.fails(2, "deliver", "test", "mail")


def test_a_trial_that_fails_says_why(ready: Office, hooks: HookServer) -> None:
    hooks.answers = [(404, {})]

    error = ready.fails(1, "deliver", "test", "chat")

    assert "localhost refuses the address (status 404)" in error
    assert TOKEN not in error


# --- digests ----------------------------------------------------------------------------------------------------------


def test_the_team_gets_its_digest(ready: Office, hooks: HookServer, mail: dict[str, Mailboxes]) -> None:
    assert said(ready, "digest", "--send") == "digest of the team: sent to chat (Slack, localhost)\n"

    [(path, _, _)] = hooks.got
    assert path == f"/services/{TOKEN}"
    assert "the whole team" in hooks.last["text"]
    assert mail["smtp"].got == []


def test_each_rep_gets_their_own(ready: Office, mail: dict[str, Mailboxes], hooks: HookServer) -> None:
    said(ready, "digest", "--send", "--each")

    told = {}
    for envelope, got in mail["smtp"].got:
        text, html = got.iter_parts()
        told[envelope.rcpt_tos[0]] = text.get_content()
        assert "<b>Spring" not in html.get_content()
    assert set(told) == {REP, SAM}
    assert "Acme" in told[REP]
    assert "Beta" not in told[REP]
    assert "Beta" in told[SAM]
    assert hooks.got == []


def test_one_rep_may_have_other_addresses_or_none(ready: Office, mail: dict[str, Mailboxes], hooks: HookServer) -> None:
    ready.deliveries('each = ["mail"]', f'[delivery.reps]\n"{SAM}" = ["chat"]\n"{REP}" = []')

    said(ready, "digest", "--send", "--each")

    assert mail["smtp"].got == []
    assert SAM in hooks.last["text"].replace("\u2060", "")
    assert "is sent nowhere" in said(ready, "digest", "--send", "--rep", REP, code=2)
    assert "sent to chat today already" in said(ready, "digest", "--send", "--rep", SAM)


def test_a_second_run_on_the_same_day_sends_nothing_twice(ready: Office, hooks: HookServer) -> None:
    said(ready, "digest", "--send")
    ready.clock.wait(hours=3)

    again = said(ready, "digest", "--send")
    forced = said(ready, "digest", "--send", "--again")

    assert again == "digest of the team: sent to chat today already\n"
    assert "sent to chat (Slack" in forced
    assert len(hooks.got) == 2


def test_the_next_day_it_is_sent_anew(ready: Office, hooks: HookServer) -> None:
    said(ready, "digest", "--send")
    ready.clock.wait(days=1)

    said(ready, "digest", "--send")

    assert len(hooks.got) == 2


def test_a_failure_stops_nobody_and_is_told(ready: Office, hooks: HookServer, mail: dict[str, Mailboxes]) -> None:
    ready.deliveries('each = ["lost", "chat", "mail"]')
    hooks.answers = [(404, {}), (200, {})]

    text = said(ready, "digest", "--send", "--each", code=1)

    assert f"digest of {REP}: not sent to lost: no address is kept under 'lost'" in text
    assert "hint: did you mean boss? else: calsignal deliver add lost" in text
    assert f"digest of {REP}: not sent to chat: localhost refuses the address (status 404)" in text
    assert f"digest of {SAM}: sent to chat" in text
    assert len(mail["smtp"].got) == 2
    # and only what failed is sent when it runs again
    once_more = said(ready, "digest", "--send", "--each", code=1)
    assert once_more.count("today already") == 3
    assert f"digest of {REP}: sent to chat" in once_more


def test_what_fails_for_now_is_tried_again(ready: Office, hooks: HookServer) -> None:
    hooks.answers = [(503, {}), (429, {"Retry-After": "3"})]

    said(ready, "digest", "--send")

    assert ready.patience.waits == [1.0, 3.0]


def test_a_rep_of_whom_nothing_is_known_is_told(ready: Office, mail: dict[str, Mailboxes]) -> None:
    ready.deliveries('each = ["mail"]', '[delivery.reps]\n"gone@ours.example" = ["mail"]')

    text = said(ready, "digest", "--send", "--each", code=1)

    assert "digest of gone@ours.example: not sent to mail: no calendar of gone@ours.example is connected" in text
    assert len(mail["smtp"].got) == 2


def test_a_report_that_breaks_stops_nobody(ready: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(digest: object) -> str:
        raise RuntimeError(SUBJECT)

    monkeypatch.setattr("calsignal.reports.notes.digest_letter", broken)

    text = said(ready, "digest", "--send", "--each", code=1)

    assert text.count("something went wrong that should not (RuntimeError)") == 2


def test_what_cannot_be_remembered_is_not_sent(
    ready: Office, hooks: HookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Store, key: str, value: str) -> None:
        raise StoreError("the disk is full", "make room")

    monkeypatch.setattr(Store, "remember", full)

    assert "the disk is full" in said(ready, "digest", "--send", code=3)
    assert hooks.got == []


def test_on_a_quiet_day_nothing_is_sent(ready: Office, hooks: HookServer) -> None:
    ready.clock.wait(days=5)  # Saturday

    assert "2026-03-07 is a quiet day of [delivery]" in said(ready, "digest", "--send")
    assert hooks.got == []
    said(ready, "digest", "--send", "--again")
    assert len(hooks.got) == 1


def test_the_day_is_that_of_the_team(ready: Office, hooks: HookServer) -> None:
    ready.clock.wait(days=4, hours=15, minutes=30)  # Friday 23:30 UTC, Saturday in Berlin

    assert "is a quiet day" in said(ready, "digest", "--send")


@pytest.mark.parametrize(
    ("args", "fact"),
    [
        (("digest", "--send", "--output", "x"), "--output does not go with --send"),
        (("digest", "--send", "--as-of", "2026-03-01"), "--as-of does not go with --send"),
        (("digest", "--send", "--all"), "--all does not go with --send"),
        (("digest", "--send", "--each", "--rep", REP), "--each is every rep"),
        (("digest", "--each"), "--each says how to send"),
        (("digest", "--again"), "--again says how to send"),
        (("audit", "--again"), "--again says how to send"),
        (("audit", "--send", "--format", "json"), "--format does not go with --send"),
    ],
)
def test_options_that_make_no_sense_together_are_refused(ready: Office, args: tuple[str, ...], fact: str) -> None:
    assert fact in said(ready, *args, code=2)


@pytest.mark.parametrize("args", [("digest", "--send"), ("digest", "--send", "--each"), ("audit", "--send")])
def test_nowhere_to_send_is_the_config_s_to_mend(office: Office, args: tuple[str, ...]) -> None:
    error = office.fails(2, *args)

    assert "sent nowhere" in error or "sent anywhere" in error
    assert "[delivery]" in error


# --- audit ------------------------------------------------------------------------------------------------------------


def test_the_audit_goes_out_with_its_page(ready: Office, mail: dict[str, Mailboxes], hooks: HookServer) -> None:
    assert "audit of the whole team: sent to boss" in said(ready, "audit", "--send")

    got = last(mail["smtp"])
    assert got["To"] == "boss@ours.example"
    assert got["Subject"].startswith("Audit, Mon 2 Mar: ")
    [page] = got.iter_attachments()
    assert page.get_filename() == "audit-2026-03-02.html"
    assert "<!doctype html>" in page.get_content()
    assert got["List-Id"] == "calsignal audit <audit.calsignal.ours.example>"
    assert "coaching aid" in hooks.last["text"]
    assert "sent to boss today already" in said(ready, "audit", "--send")
    assert "audit of rep@ours.example: sent to boss" in said(ready, "audit", "--send", "--rep", REP)


# --- doctor -----------------------------------------------------------------------------------------------------------


def test_a_check_up_tells_whether_every_address_can_be_used(ready: Office) -> None:
    well = ready.run("doctor", "--offline", "--format", "json")
    ready.deliveries('team = ["lost-s3cret"]')
    ill = ready.run("doctor", "--offline", "--format", "json")

    checks = {c["code"]: c for c in json.loads(well.stdout)["checks"]}
    assert checks["secrets.delivery"]["fact"] == "3 places that [delivery] sends to can be used"
    [lost] = [c for c in json.loads(ill.stdout)["checks"] if c["code"] == "secrets.delivery"]
    assert lost["state"] == "problem"
    assert "lost-s3cret" not in ill.stdout
