from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from calsignal.contract import Gone
from calsignal.errors import CursorExpired, NeedsSignIn, Retriable, SourceError
from calsignal.testing import Meeting, ProviderSuite, listed, pull
from calsignal_ics import feed, sealing
from calsignal_ics.feed import Limits
from calsignal_ics.source import IcsSource
from ics.feed_remote import FeedRemote
from ics.feed_server import FeedServer, Handler
from ics.samples import access, calendar, event, vevent

SECRET = "5ecret"
BODY = calendar(event("SUMMARY:Sample")).encode()
QUICK = Limits(connect=2, read=0.1, total=2)


class TestIcsFeed(ProviderSuite):
    @pytest.fixture
    def remote(self, server: FeedServer) -> FeedRemote:
        return FeedRemote(server)


def opened(server: FeedServer, limits: Limits | None = None, **given: object) -> IcsSource:
    return IcsSource(access(**{"secret": server.url(), "allow_private_addresses": True, **given}), limits)


def failure(source: IcsSource) -> SourceError:
    with pytest.raises(SourceError) as caught:
        pull(source)
    assert SECRET not in str(caught.value) + caught.value.hint
    return caught.value


def always(status: int, body: bytes = b"", **headers: str) -> Callable[[Handler], None]:
    return lambda handler: handler.send(status, body, **headers)


def test_an_unchanged_feed_costs_no_reading(server: FeedServer) -> None:
    server.respond = always(200, BODY, ETag='"1"', Last_Modified="Mon, 02 Mar 2026 10:00:00 GMT")
    (first,) = pull(opened(server))
    server.respond = always(304)

    (second,) = pull(opened(server), first.cursor)

    assert not second.events
    assert not second.full
    assert second.cursor == first.cursor
    assert server.asked[1][1]["if-none-match"] == '"1"'
    assert server.asked[1][1]["if-modified-since"] == "Mon, 02 Mar 2026 10:00:00 GMT"


def test_the_same_content_with_other_stamps_is_unchanged(server: FeedServer) -> None:
    server.respond = always(200, calendar(event("DTSTAMP:20260301T000000Z")).encode(), ETag='"1"')
    (first,) = pull(opened(server))
    server.respond = always(200, calendar(event("DTSTAMP:20260302T000000Z")).encode(), ETag='"2"')

    (second,) = pull(opened(server), first.cursor)
    (third,) = pull(opened(server), second.cursor)

    assert (second.events, second.full) == ((), False)
    assert third.cursor == second.cursor != first.cursor
    assert server.asked[2][1]["if-none-match"] == '"2"'


def test_a_look_after_an_unchanged_answer_reads_the_feed(server: FeedServer) -> None:
    server.respond = always(200, BODY, ETag='"1"')
    (first,) = pull(opened(server))
    server.respond = lambda handler: (
        handler.send(304) if "If-None-Match" in handler.headers else handler.send(200, BODY)
    )
    source = opened(server)
    pull(source, first.cursor)

    found = source.find(source.calendars()[0], "one@prospect.example")

    assert found == first.events[0]
    assert [("if-none-match" in headers) for _, headers in server.asked] == [False, True, False]


def test_a_split_series_is_read_anew_when_the_window_moves(server: FeedServer) -> None:
    split = event("RECURRENCE-ID;RANGE=THISANDFUTURE:20260309T100000Z", start="DTSTART:20260309T120000Z")
    server.respond = always(200, calendar(event("RRULE:FREQ=WEEKLY;COUNT=20"), split).encode(), ETag='"1"')
    (first,) = pull(opened(server))
    later = replace(access().window, end=access().window.end.replace(month=6))

    (same,) = pull(opened(server), first.cursor)
    (second,) = pull(opened(server, window=later), first.cursor)

    assert not same.events
    assert len(second.events) > len(first.events)


def test_a_damaged_cursor_has_expired(server: FeedServer) -> None:
    with pytest.raises(CursorExpired):
        pull(opened(server), "not ours")


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, NeedsSignIn, "refuses the address"),
        (403, NeedsSignIn, "refuses the address"),
        (404, SourceError, "no feed at localhost under this address any more"),
        (410, SourceError, "no feed at localhost under this address any more"),
        (418, SourceError, "an answer that is no feed"),
        (304, SourceError, "an answer that is no feed"),
        (429, Retriable, "cannot answer now"),
        (500, Retriable, "cannot answer now"),
        (503, Retriable, "cannot answer now"),
    ],
)
def test_each_refusal_has_its_sentence(server: FeedServer, status: int, kind: type[SourceError], words: str) -> None:
    server.respond = always(status)

    problem = failure(opened(server))

    assert type(problem) is kind
    assert words in str(problem)
    assert problem.hint


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "120"}, 120.0),
        ({"Retry_After": "Mon, 02 Mar 2026 10:01:00 GMT", "Date": "Mon, 02 Mar 2026 10:00:00 GMT"}, 60.0),
        ({"Retry_After": "Mon, 02 Mar 2026 09:00:00 GMT", "Date": "Mon, 02 Mar 2026 10:00:00 GMT"}, 0.0),
        ({"Retry_After": "soon"}, None),
        ({}, None),
    ],
)
def test_the_server_says_how_long_to_wait(server: FeedServer, headers: dict[str, str], seconds: float | None) -> None:
    def respond(handler: Handler) -> None:
        handler.send_response_only(429)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    server.respond = respond

    problem = failure(opened(server))

    assert isinstance(problem, Retriable)
    assert problem.retry_after == seconds


@pytest.mark.parametrize(
    "body",
    [b"", b"<!doctype html><title>Sign in</title>", BODY.replace(b"END:VCALENDAR", b""), b"BEGIN:VEVENT\nEND:VEVENT\n"],
    ids=["nothing", "a sign-in page", "half a calendar", "no calendar around it"],
)
def test_what_is_no_whole_calendar_cancels_nothing(server: FeedServer, body: bytes) -> None:
    server.respond = always(200, body)

    problem = failure(opened(server))

    assert "localhost" in str(problem)
    assert not isinstance(problem, Retriable)


def test_a_server_that_never_answers_is_left(server: FeedServer) -> None:
    server.respond = lambda handler: handler.server.over.wait(5)

    problem = failure(opened(server, QUICK))

    assert isinstance(problem, Retriable)
    assert str(problem) == "localhost takes too long to answer"


def test_an_answer_that_drips_is_cut_off(server: FeedServer) -> None:
    def drip(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not handler.server.over.wait(0.02):
            handler.wfile.write(b"BEGIN:VCALENDAR\r\n")

    server.respond = drip

    problem = failure(opened(server, Limits(read=2, total=0.3)))

    assert isinstance(problem, Retriable)
    assert str(problem) == "localhost takes too long to answer"


def test_headers_that_drip_are_cut_off(server: FeedServer) -> None:
    def drip(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not handler.server.over.wait(0.02):
            handler.wfile.write(b"x")

    server.respond = drip

    assert str(failure(opened(server, Limits(read=2, total=0.3)))) == "localhost takes too long to answer"


def test_an_answer_that_breaks_off_may_come_later(server: FeedServer) -> None:
    def half(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(BODY)

    server.respond = half

    assert isinstance(failure(opened(server)), Retriable)


def test_nobody_listening_may_pass(server: FeedServer) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"https://localhost:{free.getsockname()[1]}/{SECRET}"

    problem = failure(opened(server, secret=url))

    assert isinstance(problem, Retriable)
    assert "localhost cannot be reached" in str(problem)


def test_a_packed_answer_is_read(server: FeedServer) -> None:
    server.respond = always(200, gzip.compress(BODY), Content_Encoding="gzip")

    assert [event.subject for event in listed(pull(opened(server)))] == ["Sample"]


@pytest.mark.parametrize("packed", [True, False])
def test_an_answer_that_is_too_large_is_not_read(server: FeedServer, packed: bool) -> None:
    body = b"BEGIN:VCALENDAR\r\n" + b"X:" + b"x" * 3 * 2**20
    server.respond = always(200, gzip.compress(body), Content_Encoding="gzip") if packed else always(200, body)

    problem = failure(opened(server, Limits(size=2**20)))

    assert str(problem) == "the feed at localhost is larger than 1 MB"


def test_a_redirect_to_https_is_followed(server: FeedServer) -> None:
    server.respond = lambda handler: (
        handler.send(200, BODY) if handler.path == "/new" else handler.send(308, Location="/new")
    )

    assert [event.subject for event in listed(pull(opened(server)))] == ["Sample"]


@pytest.mark.parametrize("target", ["http://localhost/5ecret", "file:///etc/passwd", "ftp://localhost/x"])
def test_a_redirect_away_from_https_is_not_followed(server: FeedServer, target: str) -> None:
    server.respond = always(302, Location=target)

    problem = failure(opened(server))

    assert str(problem) == "localhost leads to an address that is not https"
    assert len(server.asked) == 1


def test_a_circle_of_redirects_ends(server: FeedServer) -> None:
    server.respond = always(302, Location="/5ecret")

    problem = failure(opened(server))

    assert str(problem) == "localhost redirects more than 5 times"
    assert len(server.asked) == 6


def test_a_redirect_into_the_private_network_is_refused(server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first host passes for public; where it leads to does not."""
    public = feed.is_public
    monkeypatch.setattr(feed, "is_public", lambda address: address == "127.0.0.1" or public(address))
    server.respond = always(302, Location="https://169.254.169.254/latest/meta-data")

    problem = failure(opened(server, allow_private_addresses=False))

    assert str(problem) == "169.254.169.254 is an address inside a private network"


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.1",
            "172.16.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
        ),
        *("::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "2002:0a00:0001::", "::", "ff02::1", "224.0.0.1"),
        *("64:ff9b::10.0.0.1", "64:ff9b:1::8.8.8.8", "::10.0.0.1", "::ffff:0:10.0.0.1", "fec0::1"),
    ],
)
def test_private_addresses_are_known(address: str) -> None:
    assert not feed.is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"])
def test_public_addresses_are_known(address: str) -> None:
    assert feed.is_public(address)


def test_loopback_is_refused_unless_allowed(server: FeedServer) -> None:
    server.respond = always(200, BODY)

    problem = failure(opened(server, allow_private_addresses=False))

    assert str(problem) == "localhost is an address inside a private network"
    assert "private_addresses" in problem.hint
    assert not server.asked


def test_one_private_address_of_a_name_is_enough_to_refuse_it(
    server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: rows)

    problem = failure(opened(server, secret="https://feed.example/5ecret", allow_private_addresses=False))

    assert str(problem) == "feed.example is an address inside a private network"


def test_the_address_that_was_checked_is_the_one_connected_to(
    server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[str] = []
    lookup = socket.getaddrinfo

    def resolve(name: str, *args: Any, **more: Any) -> object:  # noqa: ANN401 # passed on
        looked_up.append(name)
        return lookup("127.0.0.1" if name == "feed.example" else name, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    server.respond = always(200, BODY)

    (page,) = pull(opened(server, secret=server.url(host="feed.example")))

    assert page.events
    assert looked_up.count("feed.example") == 1
    assert server.asked[0][1]["host"].startswith("feed.example:")


def test_an_unknown_certificate_is_refused(server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    server.respond = always(200, BODY)

    problem = failure(opened(server))

    assert str(problem) == "the certificate of localhost is not valid"
    assert not server.asked


def test_a_name_and_password_in_the_address_are_used_and_not_shown(server: FeedServer) -> None:
    server.respond = always(403)
    url = server.url().replace("https://", "https://rep:pa55word@")

    problem = failure(opened(server, secret=url))

    assert server.asked[0][1]["authorization"].startswith("Basic ")
    assert "pa55word" not in str(problem) + problem.hint


def test_an_address_that_cannot_be_asked_is_named_by_its_host(server: FeedServer) -> None:
    problem = failure(opened(server, secret="https://feed..example/5ecret"))

    assert "feed..example" in str(problem)


def test_a_lost_address_needs_a_new_sign_in() -> None:
    source = IcsSource(access(settings={"host": "feed.example"}))

    assert isinstance(failure(source), NeedsSignIn)


def test_requests_go_through_the_retry_of_the_core(server: FeedServer) -> None:
    statuses = iter([503, 200])
    server.respond = lambda handler: handler.send(next(statuses), BODY)

    def retry(request: Callable[[], object]) -> object:
        try:
            return request()
        except Retriable:
            return request()

    (page,) = pull(opened(server, retry=retry))

    assert len(page.events) == 1


def test_a_feed_shows_only_its_host(server: FeedServer) -> None:
    source = opened(server)

    assert [calendar.name for calendar in source.calendars()] == ["localhost"]


def test_an_event_of_the_feed_can_be_looked_up_without_a_list(server: FeedServer) -> None:
    server.respond = always(200, calendar(vevent(Meeting("one"))).encode())
    source = opened(server)

    assert isinstance(source.find(source.calendars()[0], "two"), Gone)
    assert len(server.asked) == 1


def test_an_event_that_cannot_be_read_is_not_called_gone(server: FeedServer) -> None:
    server.respond = always(200, calendar(event(start="DTSTART:someday")).encode())
    source = opened(server)

    with pytest.raises(SourceError):
        source.find(source.calendars()[0], "one@prospect.example")


def test_of_one_host_two_feeds_are_read_at_once_and_no_more(server: FeedServer) -> None:
    turn, there, most = threading.Lock(), 0, 0
    both = threading.Event()

    def answer(handler: Handler) -> None:
        nonlocal there, most
        with turn:
            there += 1
            most = max(most, there)
            if there == 2:
                both.set()
        both.wait(20)
        with turn:
            there -= 1
        handler.send(200, BODY)

    server.respond = answer
    readers = [threading.Thread(target=pull, args=(opened(server),)) for _ in range(6)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(30)

    assert len(server.asked) == 6
    assert most == 2


def test_what_was_sealed_with_another_address_is_asked_for_anew() -> None:
    sealed = sealing.seal({"etag": '"1"'}, "https://one.example/secret")

    assert sealing.opened(sealed, "https://one.example/secret") == {"etag": '"1"'}
    assert sealing.opened(sealed, "https://two.example/secret") == {}
