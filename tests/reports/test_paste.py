from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.reports.paste import Sieve, shown_path, unquoted

sieve = Sieve(
    homes=("/home/jane", "C:\\Users\\Jane"),
    names={"toy:rep": "toy #1", "Big merger": "…", "ab": "…"},
    secrets=frozenset({"s3same"}),
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rep@ours.example may not read", "…@… may not read"),
        ("<Jane.Doe+x@ours.example>, rep%40ours.example", "<…@…>, …@…"),
        ("https://feeds.acme.com/private-abc/basic.ics.", "https://…."),
        ("webcal://user:pw@acme.com/x", "webcal://…"),
        (
            "https://admin.google.com/ac?x=1, https://admin.google.com",
            "https://admin.google.com/…, https://admin.google.com",
        ),
        ("postgresql+psycopg://jane@db.acme.com/calsignal is down", "postgresql+psycopg://… is down"),
        ("mail.acme.co.uk and intra.corp and nas.local", "… and … and …"),
        ("10.0.0.7, fe80::1 and 2001:db8:0:1:2:3:4:5", "…, … and …"),
        ("toy:rep and toy:reporter", "toy #1 and toy:reporter"),
        ("a Big merger, no Big mergers", "a …, no Big mergers"),
        ("s3same", "…"),
        ("ya29A0abcdefghijklmnopqrstuv and 0b6c1f2e-aaaa-bbbb-cccc-0123456789ab", "… and …"),
        ("re\u200bp@ours\u200b.example\x1b[31m", "…@…"),
        ("in /home/jane/.local/share/calsignal/calsignal.sqlite3", "in ~/.local/share/calsignal/calsignal.sqlite3"),
        ("//server/acme/x and file:///home/jane/x", "//… and file://…"),
        ("C:\\Users\\Jane\\AppData\\Roaming\\calsignal\\config.toml", "~\\AppData\\Roaming\\calsignal\\config.toml"),
        ("/home/janet/x and /home/jane", "/home/… and /home/…"),
        ("file:/srv/acme/team/deals.ics?x", "file:/srv/…"),
    ],
)
def test_what_names_somebody_is_hidden(text: str, shown: str) -> None:
    assert sieve(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "calsignal 0.1.0, Python 3.12.4, Linux x86_64, SQLAlchemy 2.0.30 with postgresql+psycopg",
        "run `calsignal sync --accept NAME`; CALSIGNAL_VAULT, CALSIGNAL_SECRET_KEY",
        "the scope calendar.events.readonly was not ticked; Calendars.Read.Shared neither",
        "time zone Europe/Berlin, 10:15:00, 24 h, and/or, 1/2, e.g. this",
        "write it as company.example",
        "`chmod 600 ~/.config/calsignal/vault.key`",
        "the address at calendar.google.com is known",
        "toy #1: ab",
    ],
)
def test_what_names_nobody_stays(text: str) -> None:
    assert sieve(text) == text


def test_for_ones_own_eyes_secrets_alone_are_hidden() -> None:
    own = Sieve(homes=sieve.homes, names=sieve.names, secrets=sieve.secrets, whole=True)

    assert (
        own("toy:rep of rep@ours.example in /home/jane\x1b[2J: s3same")
        == "toy:rep of rep@ours.example in /home/jane: …"
    )


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("~/.config/calsignal/config.toml", "~/.config/calsignal/config.toml"),
        ("/srv/acme/deals/2026/config.toml", "/srv/…/config.toml"),
        ("~/Projects/acme.toml", "~/…/….toml"),
        ("D:\\acme\\vault.key", "D:\\…\\vault.key"),
        ("jane", "…"),
        ("/", "/"),
    ],
)
def test_a_path_keeps_what_every_installation_has(path: str, shown: str) -> None:
    assert shown_path(path) == shown


def test_words_that_somebody_typed_stand_in_quotes() -> None:
    assert unquoted("""[team] has no key 'it\\'s' in "that's" here""") == "[team] has no key '…' in '…' here"


@given(st.text(max_size=30), st.text(max_size=30))
def test_an_address_never_passes_whatever_stands_around_it(before: str, after: str) -> None:
    assert "rep@ours" not in sieve(f"{before}rep@ours.example{after}")


@given(st.text(max_size=60))
def test_what_has_passed_passes_again(text: str) -> None:
    once = sieve(text)

    assert sieve(once) == once
    assert not re.search(r"[\x00-\x1f\x7f]", once)
