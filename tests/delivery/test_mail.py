from __future__ import annotations

import socket
from dataclasses import replace
from datetime import timedelta, timezone
from email import message_from_bytes
from email.policy import default
from typing import cast
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.delivery import Letter, Mail, read, send
from calsignal.delivery.mail import Envelope, message
from calsignal.errors import CalsignalError, InputError
from delivery import letters
from delivery.letters import AT, STAMP, Patience
from delivery.servers import PASSWORD, USER, Mailboxes, last

RITA = "rita@ours.example"


def address(
    boxes: Mailboxes, scheme: str, *, password: str = PASSWORD, more: str = "", host: str = "localhost"
) -> Mail:
    who = f"{quote(USER, safe='')}:{quote(password, safe='')}@"
    found = read(f"{scheme}://{who}{host}:{boxes.port}?from=digest@ours.example{more}")
    assert isinstance(found, Mail)
    return found


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_mail_arrives_over_tls_in_both_forms(mail: dict[str, Mailboxes], scheme: str) -> None:
    send(address(mail[scheme], scheme), letters.WELL, STAMP, Patience().retry)

    [(envelope, got)] = mail[scheme].got
    assert envelope.rcpt_tos == [RITA]
    assert mail[scheme].secret[-1] or scheme == "smtps"
    assert got.get_content_type() == "multipart/alternative"
    text, html = got.iter_parts()
    assert text.get_content().replace("\r\n", "\n") == letters.WELL.text
    assert html.get_content().strip() == letters.WELL.html
    assert [part.get_content_charset() for part in (text, html)] == ["utf-8", "utf-8"]


def test_its_headers_say_who_when_and_that_a_machine_wrote_it(mail: dict[str, Mailboxes]) -> None:
    berlin = timezone(timedelta(hours=1))

    send(address(mail["smtp"], "smtp"), letters.WELL, replace(STAMP, at=AT.astimezone(berlin)), Patience().retry)

    got = last(mail["smtp"])
    assert got["From"] == "calsignal <digest@ours.example>"
    assert got["To"] == RITA
    assert got["Subject"] == "Your morning, Tue 17 Mar: 1 real"
    assert got["Date"] == "Tue, 17 Mar 2026 08:30:00 +0100"
    assert got["Message-ID"] == "<token1@ours.example>"
    assert got["Auto-Submitted"] == "auto-generated"
    assert got["List-Id"] == "calsignal digest <digest.calsignal.ours.example>"
    assert len(got.keys()) == len({name.lower() for name in got})


def test_an_address_with_recipients_goes_to_them(mail: dict[str, Mailboxes]) -> None:
    send(
        address(mail["smtp"], "smtp", more="&to=boss@ours.example,Vice%20<vice@ours.example>"),
        letters.WELL,
        STAMP,
        Patience().retry,
    )

    assert mail["smtp"].got[0][0].rcpt_tos == ["boss@ours.example", "vice@ours.example"]


def test_a_file_goes_with_it(mail: dict[str, Mailboxes]) -> None:
    send(address(mail["smtp"], "smtp"), letters.WITH_FILE, STAMP, Patience().retry)

    got = last(mail["smtp"])
    [file] = got.iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == ("audit.html", "text/html")
    assert file.get_payload(decode=True) == b"<p>whole</p>"


def test_a_server_of_this_machine_needs_no_tls(mail: dict[str, Mailboxes]) -> None:
    found = read(f"smtp://localhost:{mail['none'].port}?from=digest@ours.example&tls=none")

    send(found, letters.WELL, STAMP, Patience().retry)

    assert last(mail["none"])["To"] == RITA


def test_no_subject_becomes_a_header(mail: dict[str, Mailboxes]) -> None:
    send(address(mail["smtp"], "smtp"), letters.HOSTILE, STAMP, Patience().retry)

    got = last(mail["smtp"])
    assert got["Bcc"] is None
    assert mail["smtp"].got[0][0].rcpt_tos == [RITA]
    assert got["Subject"].startswith("Lunch Bcc: thief@evil.example")


@given(st.text(st.characters(), max_size=80))
def test_any_subject_and_text_make_one_mail_that_reads_back(text: str) -> None:
    server = read("smtps://mail.example?from=digest@ours.example")
    assert isinstance(server, Mail)

    made = message(server, Letter(text, text, "<p></p>", letters.WELL.note), Envelope((RITA,), AT, "t"))

    raw = made.as_bytes()
    assert raw.isascii()
    assert max(map(len, raw.splitlines())) <= 998
    got = message_from_bytes(raw, policy=default)
    names = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress", "List-Id"]
    assert got.keys()[:8] == names
    assert got["Bcc"] is None


def test_nobody_to_send_to_is_refused() -> None:
    server = read("smtps://mail.example?from=digest@ours.example")

    with pytest.raises(InputError, match="names nobody"):
        send(server, letters.WELL, replace(STAMP, rep=None), Patience().retry)


# --- what goes wrong --------------------------------------------------------------------------------------------------


def refused(found: Mail, patience: Patience | None = None) -> str:
    """Send in vain; return everything that was said, which quotes no address and no letter."""
    with pytest.raises(CalsignalError) as caught:
        send(found, letters.WELL, STAMP, (patience or Patience()).retry)
    said = f"{caught.value} -> {caught.value.hint}"
    for secret in (USER, PASSWORD, RITA, "Brightwater", "digest@ours.example"):
        assert secret not in said
    assert caught.value.__cause__ is None
    return said


def test_a_wrong_password_is_told_at_once(mail: dict[str, Mailboxes]) -> None:
    patience = Patience()

    assert "refuses the user or the password" in refused(address(mail["smtp"], "smtp", password="no"), patience)
    assert patience.waits == []


def test_what_fails_for_now_is_tried_again_with_the_same_id(mail: dict[str, Mailboxes]) -> None:
    mail["smtp"].refusals = ["451 4.3.0 later", "421 4.3.2 closing"]
    patience = Patience()

    send(address(mail["smtp"], "smtp"), letters.WELL, STAMP, patience.retry)

    assert patience.waits == [1.0, 2.0]
    assert last(mail["smtp"])["Message-ID"] == "<token1@ours.example>"


def test_what_goes_on_failing_is_told(mail: dict[str, Mailboxes]) -> None:
    mail["smtp"].refusals = ["451 4.3.0 later, rita@ours.example"] * 9

    assert "cannot take the mail now (code 451)" in refused(address(mail["smtp"], "smtp"))


def test_what_a_server_refuses_is_not_tried_again(mail: dict[str, Mailboxes]) -> None:
    mail["smtp"].refusals = ["554 5.7.1 spam from digest@ours.example"]
    patience = Patience()

    assert "refuses the mail (code 554)" in refused(address(mail["smtp"], "smtp"), patience)
    assert patience.waits == []


def test_an_unknown_recipient_is_told(mail: dict[str, Mailboxes]) -> None:
    mail["smtp"].unknown = {RITA}

    assert "refuses the recipient (code 550)" in refused(address(mail["smtp"], "smtp"))


def test_one_unknown_recipient_of_two_is_told(mail: dict[str, Mailboxes]) -> None:
    mail["smtp"].unknown = {"gone@ours.example"}

    found = address(mail["smtp"], "smtp", more="&to=boss@ours.example,gone@ours.example")

    assert "refuses 1 of the recipients" in refused(found)
    assert len(mail["smtp"].got) == 1


def test_a_server_without_starttls_gets_nothing(mail: dict[str, Mailboxes]) -> None:
    assert "lacks what the address asks for" in refused(address(mail["none"], "smtp"))
    assert mail["none"].got == []


def test_a_certificate_that_is_not_valid_ends_it(mail: dict[str, Mailboxes]) -> None:
    for scheme in ("smtp", "smtps"):
        assert "certificate" in refused(address(mail[scheme], scheme, host="127.0.0.1"))
        assert mail[scheme].got == []


def test_nobody_there_is_tried_again(unused_port: int) -> None:
    patience = Patience()

    found = cast("Mail", read(f"smtps://localhost:{unused_port}?from=digest@ours.example"))

    assert "cannot be reached" in refused(found, patience)
    assert len(patience.waits) == 4


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port
