from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from calsignal.reports.safe import cells, clean, cut, take
from reports.samples import HOSTILE, WIDE

ANY_TEXT = st.text(st.characters(), max_size=80)  # lone surrogates and unassigned code points included
STEERING = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(ANY_TEXT)
@example(HOSTILE)
@example("\x1b\x1b[[31mm")
@example("\x9b1m\x9d0;title\x9c")
def test_nothing_that_steers_a_terminal_gets_out(text: str) -> None:
    seen = clean(text)

    assert not {unicodedata.category(character) for character in seen} & STEERING
    assert "  " not in seen
    assert seen == seen.strip()


@given(ANY_TEXT)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Lunch\x1b[2J", "Lunch"),
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x1b]8;;http://evil.example\x1b\\link", "alink"),
        ("a\x1b]never ended", "anever ended"),
        ("a\x9b31mb", "ab"),
        ("a\x1bcb", "ab"),
        ("one\r\ntwo\tthree\u2028four", "one two three four"),
        ("gnp\u202egpj", "gnpgpj"),
        ("pay\u200b\u2060\ufeffpal", "paypal"),
        ("\u3164\u2800\u115f", ""),
        ("x\ufe0fy", "xy"),
        ("\ud800lone", "lone"),
        ("  plain  text ", "plain text"),
        ("Zoë – 株式会社", "Zoë – 株式会社"),
    ],
)
def test_clean_keeps_the_words_and_drops_the_rest(text: str, seen: str) -> None:
    assert clean(text) == seen


def test_a_tower_of_accents_is_cut_short() -> None:
    assert clean("e" + "\u0301" * 50) == "e" + "\u0301" * 3


@given(ANY_TEXT, st.integers(-1, 40))
def test_a_cut_text_fits(text: str, width: int) -> None:
    assert cells(cut(clean(text), width)) <= max(width, 0)
    assert clean(text).startswith(take(clean(text), width))


def test_wide_characters_take_two_columns() -> None:
    assert cells("株式") == 4
    assert cut(WIDE, 9) == "株式会社…"


def test_what_fits_is_not_cut() -> None:
    assert cut("Acme", 4) == "Acme"
    assert cut("Acme", 3) == "Ac…"
