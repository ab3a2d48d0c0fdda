"""Read amounts: which sign begins the decimals is decided by a column as a whole, the currency by any evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from calsignal.deals.values import Unread, shown

CURRENCIES = frozenset(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP
    CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR
    ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT
    MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD
    SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES
    VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG
    """.split(),
)
"""ISO 4217."""

_SYMBOLS: Mapping[str, str] = {
    "€": "EUR",
    "£": "GBP",
    "$": "USD CAD AUD NZD SGD HKD MXN TWD ARS CLP COP",
    "kr": "SEK NOK DKK ISK",
    "¥": "JPY CNY",
    "rs": "INR PKR LKR NPR MUR",
    "us$": "USD",
    "ca$": "CAD",
    "c$": "CAD",
    "a$": "AUD",
    "au$": "AUD",
    "nz$": "NZD",
    "hk$": "HKD",
    "s$": "SGD",
    "mx$": "MXN",
    "r$": "BRL",
    "r": "ZAR",
    "₹": "INR",
    "₽": "RUB",
    "₺": "TRY",
    "tl": "TRY",
    "₩": "KRW",
    "₪": "ILS",
    "₴": "UAH",
    "₫": "VND",
    "₱": "PHP",
    "฿": "THB",
    "zł": "PLN",
    "kč": "CZK",
    "ft": "HUF",
    "lei": "RON",
    "fr": "CHF",
    "sfr": "CHF",
    "dkr": "DKK",
    "nkr": "NOK",
    "skr": "SEK",
    "euro": "EUR",
    "us dollar": "USD",
    "u.s. dollar": "USD",
    "british pound": "GBP",
    "pound sterling": "GBP",
    "swiss franc": "CHF",
    "japanese yen": "JPY",
    "canadian dollar": "CAD",
    "australian dollar": "AUD",
    "swedish krona": "SEK",
    "norwegian krone": "NOK",
    "danish krone": "DKK",
}

SIGNS = (".", ",")
_MONEY = re.compile(
    r"(?P<open>\()?\s*(?P<minus>[-+−])?\s*(?P<before>[^\W\d]\D*?|[^\w\s,.'’()+−-]\D*?)??\s*(?P<inner>[-+−])?\s*"
    r"(?P<number>[.,]?\d(?:[\d.,'’\s]*\d)?)"
    r"\s*(?P<after>[^\d()+−-]*?)\s*(?P<last>[-−])?\s*(?P<close>\))?"
)
_NO_CENTS = re.compile(r"(?<=\d)([.,]) ?[-–—]{1,2}(?!\d)")  # 1.234,- and 5.–


class Money(NamedTuple):
    """An amount as written: its digits and signs, whether it is below zero, and the words of currency beside it."""

    number: str
    negative: bool
    words: tuple[str, ...]


def money(text: str) -> Money:
    """Take an amount apart. Raises `Unread`."""
    found = _MONEY.fullmatch(_NO_CENTS.sub(r"\g<1>00", text))
    if not found or bool(found["open"]) != bool(found["close"]):
        raise Unread(f"{shown(text)} is no amount")
    words = tuple(word.strip() for word in (found["before"], found["after"]) if word and word.strip())
    minus = bool(found["open"]) or any(found[part] in ("-", "−") for part in ("minus", "inner", "last"))
    return Money(found["number"], minus, words)


# --- the sign that begins the decimals --------------------------------------------------------------------------------


def value(number: str, sign: str) -> Decimal | None:
    """Return a number whose decimals begin with `sign`, or None where it cannot be one.

    The other sign, blanks and apostrophes part thousands; so does the comma of India (`12,34,567`).
    """
    whole, dot, decimals = number.partition(sign)
    groups = re.split(r"[.,'’\s]", whole)
    parting = {c for c in whole if not c.isdigit()}
    if len(parting) > 1 or sign in decimals or not (decimals.isdigit() or not dot) or not _grouped(groups):
        return None
    return Decimal(f"{''.join(groups) or '0'}.{decimals or '0'}") if dot else Decimal("".join(groups))


def _grouped(groups: list[str]) -> bool:
    first, *others = groups
    if not others:
        return True
    thousands = all(len(group) == 3 for group in others)
    lakhs = all(len(group) == 2 for group in others[:-1]) and len(others[-1]) == 3 and len(first) <= 2
    return 1 <= len(first) <= 3 and (thousands or lakhs) and first[0] != "0"


def readings(number: str) -> Mapping[str, Decimal]:
    """Return sign: value, for every sign with which a number can be read."""
    return {sign: found for sign in SIGNS if (found := value(number, sign)) is not None}


def decimal_sign(numbers: Iterable[str]) -> str | None:
    """Return the sign that the numbers of a column agree on; None where none or both are sure."""
    sure = {next(iter(found)) for number in numbers if len(found := readings(number)) == 1}
    return sure.pop() if len(sure) == 1 else None


def read_amount(text: str, sign: str | None) -> Decimal:
    """Return an amount; `sign` begins the decimals (None: nobody knows).

    Raises:
        Unread: it is no amount, or could be two.
    """
    number, negative, _ = money(text)
    found = readings(number)
    if sign is not None and sign in found:
        amount = found[sign]
    elif not found:
        raise Unread(f"{shown(text)} is no amount")
    elif len(set(found.values())) > 1:
        one, other = found.values()
        raise Unread(f"{shown(text)} may be {one} or {other}: say which with --decimal", missing=True)
    else:
        amount = next(iter(found.values()))
    return -amount if negative else amount


# --- the currency -----------------------------------------------------------------------------------------------------


def currency_of(text: str) -> frozenset[str]:
    """Return the currencies that a code, a symbol or a name may mean: none, one, or several."""
    bare = text.strip(" .").casefold()
    if bare.upper() in CURRENCIES:
        return frozenset({bare.upper()})
    if bare in _SYMBOLS:
        return frozenset(_SYMBOLS[bare].split())
    return frozenset(code for code in re.findall(r"\b[A-Z]{3}\b", text) if code in CURRENCIES)


def read_currency(words: Iterable[str], said: str | None) -> str:
    """Return the currency that all the words beside an amount mean; `said` is what the user says of the file.

    Raises:
        Unread: they mean none or several, or contradict each other.
    """
    known = [(word, _known(word)) for word in words if word]
    common = frozenset.intersection(*(codes for _, codes in known)) if known else frozenset()
    if known and not common:
        raise Unread(f"the currency is said twice, as {' and '.join(shown(word) for word, _ in known)}")
    if len(common) == 1:
        return next(iter(common))
    if said is not None and (not known or said in common):
        return said
    if not known:
        raise Unread("its currency is not said: say it with --currency EUR", missing=True)
    raise Unread(f"{shown(known[0][0])} may be {_several(common)}: say it with --currency", missing=True)


def _known(word: str) -> frozenset[str]:
    codes = currency_of(word)
    if not codes:
        raise Unread(f"{shown(word)} is no currency")
    return codes


def _several(codes: frozenset[str]) -> str:
    """Name some currencies, the best known first."""
    order = [code for symbol in _SYMBOLS.values() for code in symbol.split()]
    named = sorted(codes, key=lambda code: (order.index(code) if code in order else len(order), code))
    return ", ".join(named[:4]) + (" or another" if len(named) > 4 else "")
