"""What every provider may lean on."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.contract import json_text

HALVES = st.text(st.characters(categories=["Cs"]) | st.characters(), max_size=5)
VALUES = st.recursive(
    HALVES | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(HALVES, inner), max_leaves=8
)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (rb'"\ud83c\udf89"', "\U0001f389"),
        (rb'"\ud83c"', "\ufffd"),
        (rb'"\uDF89\uD83C"', "\ufffd\ufffd"),
        (rb'"\\ud83c"', r"\ud83c"),
        (rb'"\u00e9"', "\xe9"),
        ('\ufeff"\xe9"'.encode(), "\xe9"),
    ],
)
def test_half_a_surrogate_pair_becomes_the_replacement_character(written: bytes, text: str) -> None:
    assert json.loads(json_text(written)) == text


@given(VALUES)
def test_whatever_is_in_json_can_be_written_as_utf_8_and_what_could_be_before_is_the_same(value: object) -> None:
    written = json.dumps(value)

    found = json_text(written.encode())

    assert str(json.loads(found)).encode().decode() == str(json.loads(found))
    if _is_whole(value):
        assert json.loads(found) == value


def _is_whole(value: object) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in json.dumps(value, ensure_ascii=False))


@pytest.mark.parametrize("written", [b"", b"nonsense \\ud800", b"[" * 99999 + b'"\\ud800'])
def test_what_is_no_json_is_left_to_its_reader(written: bytes) -> None:
    assert json_text(written) == written.decode()


def test_what_is_no_utf_8_is_refused() -> None:
    with pytest.raises(ValueError, match="utf-8"):
        json_text(b'"\xff"')
