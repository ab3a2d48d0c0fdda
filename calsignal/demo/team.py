"""The rest of the team: a table of accounts, each with one of a few stories, and what the CRM says of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from calsignal.demo.scenes import MAYBE, NO, YES, Scene, silent, yes
from calsignal.model import Account, AccountType, Category, Deal, Outcome

JO = "jo@ours.example"
HIRED = {"ivo@ours.example": -10}
"""Since when a calendar is connected, where that is not from the first day on."""
TEAMS = {
    "North": tuple(f"{name}@ours.example" for name in ("alex", "bea", "carl", "dana", "eli", "robin")),
    "South": tuple(f"{name}@ours.example" for name in ("faye", "gus", "hana", "ivo", "jo", "kim")),
}
OWNERS = {"Jo Sample": JO}
"""What the CRM calls an owner, where that is no address."""

# rep, story, account, and its deal: outcome, amount, currency, category, days from today to its close
_TABLE = """
alex | eager    | Ashford Optics     | open  60000 EUR commit     50
alex | eager2   | Bancroft Foods     | open  90000 EUR best case  60
alex | moderate | Calder Freight     | open  45000 EUR commit     48
alex | soft     | Denholm Textiles   | open  30000 EUR best case  62
alex | pushed   | Elmwood Games      |
alex | lost     | Farrow Media       | lost  50000 EUR unknown   -15
alex | silent   | Garnet Water       | lost  20000 EUR unknown   -12
alex | client2  | Hadley Clinics     | won   40000 EUR unknown   -47
alex | client3  | Inglewood Energy   | won   55000 EUR unknown   -33
alex | client4  | Jasper Tools       | won   70000 EUR unknown   -26
bea  | eager2   | Kenwood Optics     | open  75000 EUR commit     55
bea  | moderate | Langdale Foods     | open  25000 EUR pipeline   70
bea  | moderate2| Marlow Freight     | open  50000 EUR commit     64
bea  | soft2    | Norwood Textiles   | open  40000 EUR pipeline   80
bea  | dropped  | Oakham Games       | lost  30000 EUR unknown   -11
bea  | lost     | Penrose Media      | lost  25000 EUR unknown   -20
bea  | silent2  | Quinton Water      |
bea  | client2  | Radley Clinics     | won   35000 EUR unknown   -47
bea  | client3  | Selby Energy       | won   45000 EUR unknown   -33
bea  | client3  | Thornbury Tools    | won   60000 EUR unknown   -33
carl | moderate2| Upton Optics       | open  35000 EUR best case  66
carl | soft     | Verney Foods       | open  20000 EUR pipeline   75
carl | soft2    | Wexcombe Freight   | open  55000 EUR commit     58
carl | pushed   | Yelland Textiles   | open 110000 EUR best case  52
carl | dropped  | Aldous Games       | lost  15000 EUR unknown   -10
carl | lost2    | Barton Media       |
carl | new      | Colwell Water      |
carl | client2  | Dunster Clinics    | won   30000 EUR unknown   -47
carl | client3  | Ellery Energy      | won   50000 EUR unknown   -33
carl | client4  | Fenwick Tools      | won   65000 EUR unknown   -26
eli  | eager    | Grantley Optics    | open  85000 EUR commit     46
eli  | eager    | Holbeck Foods      | open  20000 USD commit     61
eli  | eager2   | Islay Freight      | open  40000 EUR best case  71
eli  | moderate | Jarrow Textiles    | open  50000 USD pipeline   68
eli  | soft     | Kelso Games        |
eli  | silent   | Ludlow Media       | lost  20000 EUR unknown   -14
eli  | new2     | Malvern Water      |
eli  | client2  | Nairn Clinics      | won   45000 EUR unknown   -47
eli  | client3  | Ormond Energy      | won   40000 EUR unknown   -33
eli  | client3  | Petworth Tools     | won   75000 EUR unknown   -33
faye | moderate | Quorn Optics       | open  65000 EUR commit     57
faye | soft     | Rydal Foods        | open  35000 EUR best case  69
faye | pushed   | Stroud Freight     | open  45000 EUR pipeline   54
faye | dropped  | Tilbury Textiles   | lost  40000 EUR unknown   -13
faye | lost     | Ullswater Games    | lost  10000 EUR unknown   -25
faye | silent2  | Ventnor Media      |
faye | new      | Walden Water       |
faye | client2  | Yarmouth Clinics   | won   25000 EUR unknown   -47
faye | client2  | Ainsley Energy     | won   55000 EUR unknown   -47
faye | client3  | Bowden Tools       | won   80000 EUR unknown   -33
gus  | eager2   | Carrick Optics     | open  95000 EUR commit     59
gus  | moderate | Dalton Foods       | open  30000 EUR best case  73
gus  | soft     | Evesham Freight    | open  40000 EUR pipeline   63
gus  | soft2    | Frome Textiles     |
gus  | pushed   | Galway Games       |
gus  | lost2    | Hexham Media       | lost  35000 EUR unknown   -17
gus  | silent   | Ilkley Water       |
gus  | client3  | Jura Clinics       | won   45000 EUR unknown   -33
gus  | client3  | Kendal Energy      | won   50000 EUR unknown   -33
gus  | client2  | Lorton Tools       | won   30000 EUR unknown   -47
hana | eager    | Melrose Optics     | open  70000 EUR commit     49
hana | eager2   | Newbury Foods      | open  55000 EUR best case  65
hana | moderate2| Oakley Freight     | open  25000 EUR pipeline   77
hana | soft     | Paisley Textiles   |
hana | dropped  | Quenby Games       | lost  20000 EUR unknown   -16
hana | lost     | Rothbury Media     | lost  30000 EUR unknown   -22
hana | silent2  | Sandwick Water     | lost  15000 EUR unknown   -18
hana | new2     | Tenby Clinics      |
hana | client3  | Ulverston Energy   | won   60000 EUR unknown   -33
hana | client4  | Wetherby Tools     | won   90000 EUR unknown   -26
ivo  | moderate | Yoxford Optics     | open  45000 EUR commit     56
ivo  | soft     | Arden Foods        | open  30000 EUR best case  67
ivo  | pushed   | Burford Freight    |
ivo  | dropped  | Corfe Textiles     |
ivo  | silent   | Dorset Games       |
ivo  | new      | Exmoor Media       |
ivo  | lost     | Filey Water        |
ivo  | soft2    | Gosford Clinics    | open  20000 EUR pipeline   74
ivo  | client2  | Helston Energy     | won   35000 EUR unknown   -47
ivo  | client3  | Ivybridge Tools    | won   40000 EUR unknown   -33
kim  | soft     | Jedburgh Optics    | open  60000 EUR commit     53
kim  | pushed   | Kirkwall Foods     | open  50000 EUR best case  51
kim  | dropped  | Lambourn Freight   | open  35000 EUR commit     45
kim  | lost     | Minster Textiles   | lost  25000 EUR unknown   -19
kim  | lost2    | Nunney Games       |
kim  | silent   | Ottery Media       |
kim  | silent2  | Portree Water      |
kim  | new      | Romney Clinics     |
kim  | client3  | Shaftesbury Energy | won   45000 EUR unknown   -33
kim  | client4  | Totnes Tools       | won   55000 EUR unknown   -26
dana | client3  | Zennor Clinics     | won   50000 EUR unknown   -33
dana | client4  | Zeal Energy        | won   60000 EUR unknown   -26
jo   |          | Uppark Optics      | open  80000 EUR commit     60
jo   |          | Vallis Foods       | open  15000 EUR pipeline   72
jo   |          | Wareham Freight    |
jo   |          | Yeovil Textiles    |
jo   |          | Zelah Games        |
"""

# account, owner in the CRM's words, and the deal as above
_MORE_DEALS = """
Alder & Pike        | robin@ours.example | open 120000 EUR commit     40
Brightwater Foods   | robin@ours.example | open  80000 EUR pipeline   50
Cobalt Robotics     | robin@ours.example | open  70000 EUR best case  45
Dunmore Health      | robin@ours.example | open  65000 EUR commit     35
Eastgate Logistics  | robin@ours.example | open 200000 EUR commit     25
Fernhill Energy     | robin@ours.example | open  55000 EUR best case  21
Granite Bank        | robin@ours.example | open 150000 EUR commit     30
Harrow Insurance    | robin@ours.example | open  35000 EUR best case  -5
Kestrel Media       | robin@ours.example | open  25000 EUR omitted   100
Juniper Travel      | robin@ours.example | lost  45000 EUR unknown   -21
Pinewood Homes      | Jo Sample          | open 100000 EUR best case  44
Quarry Optics       | dana@ours.example  | open  60000 EUR pipeline   75
Russet Farms        | dana@ours.example  | open  40000 EUR best case  60
Sable Freight       | dana@ours.example  | open  30000 EUR best case  62
Umber Games         | dana@ours.example  | open  40000 EUR commit     30
Violet Media        | dana@ours.example  | open  90000 USD commit     20
Unlisted Holdings   | alex@ours.example  | open  50000 EUR commit     42
Kelso Games         | A Former Colleague | open      ? EUR unknown    55
"""

IMPORTS = (-56, -28, 0)
"""The days on which the CRM's export was imported."""
_SLIPS = {"Eastgate Logistics": {-56: -10, -28: 4}}
"""Close dates as earlier imports showed them, where they were other ones."""
_OPEN_FOR = 70  # days
_NAMES = ("Licences", "Pilot", "Second site", "Rollout", "Support plan")
_BUYERS = ("amy", "bo", "cass", "dee", "ed", "fay", "gil", "hope", "ian", "joy")


@dataclass(frozen=True)
class Cast:
    """One line of the table."""

    number: int
    rep: str
    story: str
    name: str
    deal: str

    @property
    def key(self) -> str:
        return self.name.lower().replace(" ", "-")

    @property
    def buyers(self) -> tuple[str, str]:
        """Two addresses there."""
        first, second = _BUYERS[self.number % 10], _BUYERS[(self.number + 3) % 10]
        return f"{first}@{self.key}.example", f"{second}@{self.key}.example"

    @property
    def at(self) -> str:
        """When they meet."""
        return f"{9 + self.number % 7:02}:{'00' if self.number % 2 else '30'}"


def _rows(table: str) -> Iterator[list[str]]:
    return ([cell.strip() for cell in line.split("|")] for line in table.strip().splitlines())


CAST = tuple(
    Cast(number, f"{rep}@ours.example", story, name, deal)
    for number, (rep, story, name, deal) in enumerate(_rows(_TABLE))
)


def _account(one: Cast) -> Account:
    kind = AccountType.CUSTOMER if one.story.startswith("client") else AccountType.PROSPECT
    return Account(one.name, (f"{one.key}.example",), kind, one.rep)


TEAMS_ACCOUNTS = tuple(map(_account, CAST))

# --- stories --------------------------------------------------------------------------------------------------------


def _ours(one: Cast, number: int, made: int, on: int, minutes: int, title: str, **more: object) -> Scene:
    """Return a meeting that we set up; the buyer accepts on the day after, unless `answers` says otherwise."""
    answers = more.pop("answers", yes(one.buyers[0], on=made + 1))
    scene = Scene(f"{one.key}-{number}", made, on, one.at, minutes, title, answers, one.rep, rep=one.rep)  # type: ignore[arg-type]
    return replace(scene, **more)  # type: ignore[arg-type]


def _theirs(one: Cast, number: int, made: int, on: int, minutes: int, title: str) -> Scene:
    """Return a meeting that a buyer set up; a colleague of theirs and we accept on the day after."""
    first, second = one.buyers
    answers = yes(second, one.rep, on=made + 1)
    return Scene(f"{one.key}-{number}", made, on, one.at, minutes, title, answers, first, rep=one.rep)


def _eager(one: Cast) -> Iterator[Scene]:
    yield _ours(one, 1, -46, -40, 45, "Intro")
    yield _theirs(one, 2, -39, -21, 60, "Workshop")
    yield _theirs(one, 3, -20, -7, 60, "Pilot")
    yield _theirs(one, 4, -6, 9, 45, "Contract")


def _eager2(one: Cast) -> Iterator[Scene]:
    yield _ours(one, 1, -53, -47, 30, "Intro")
    yield _ours(one, 2, -46, -33, 60, "Demo", answers=yes(*one.buyers, on=-45))
    yield _theirs(one, 3, -32, -19, 60, "Requirements")
    yield _ours(one, 4, -18, -5, 45, "Proposal", answers=yes(*one.buyers, on=-17))
    yield _theirs(one, 5, -4, 10, 60, "Decision")


def _moderate(one: Cast) -> Iterator[Scene]:
    yield _ours(one, 1, -30, -22, 30, "Intro")
    yield _ours(one, 2, -21, 3, 45, "Demo", answers=yes(*one.buyers, on=-20))


def _moderate2(one: Cast) -> Iterator[Scene]:
    yield _ours(one, 1, -43, -36, 30, "Intro")
    yield _ours(one, 2, -35, -12, 45, "Demo")
    yield _ours(one, 3, -11, 8, 60, "Proposal", answers=yes(*one.buyers, on=-8))


def _soft(one: Cast) -> Iterator[Scene]:
    yield _ours(one, 1, -24, -18, 45, "Discovery")
    yield _ours(one, 2, -8, 8, 45, "Business case", answers={one.buyers[0]: {-7: MAYBE}})


def _soft2(one: Cast) -> Iterator[Scene]:
    yield _ours(one, 1, -20, -11, 60, "Discovery", answers=yes(*one.buyers, on=-19))


def _pushed(one: Cast) -> Iterator[Scene]:
    moves = {-20: (-6, one.at), -7: (2, one.at), -1: (9, one.at)}
    yield _ours(one, 1, -40, -19, 60, "Decision meeting", moves=moves)


def _dropped(one: Cast) -> Iterator[Scene]:
    yield _ours(one, 1, -43, -36, 60, "Intro")
    yield _ours(one, 2, -35, -20, 60, "Scoping", answers={one.buyers[0]: {-34: YES, -26: NO}})


def _lost(one: Cast) -> Iterator[Scene]:
    yield _ours(one, 1, -74, -61, 45, "Demo")
    yield _ours(one, 2, -25, -19, 30, "Checking in", answers=silent(one.buyers[0]))


def _lost2(one: Cast) -> Iterator[Scene]:
    yield _ours(one, 1, -67, -54, 60, "Demo", answers=yes(*one.buyers, on=-66))
    yield _ours(one, 2, -14, -6, 60, "Workshop", answers=silent(*one.buyers))


def _silent(one: Cast) -> Iterator[Scene]:
    yield _ours(one, 1, -34, -27, 30, "Intro", answers=silent(one.buyers[0]))
    yield _ours(one, 2, -20, -11, 30, "Intro", answers=silent(one.buyers[0]))


def _silent2(one: Cast) -> Iterator[Scene]:
    yield _ours(one, 1, -21, -14, 30, "Intro", answers={one.buyers[0]: {-20: NO}})
    yield _ours(one, 2, -12, -4, 30, "Intro, second try", answers={one.buyers[0]: {-11: NO}})


def _new(one: Cast) -> Iterator[Scene]:
    yield _ours(one, 1, -4, 7, 30, "Intro", answers=silent(*one.buyers))


def _new2(one: Cast) -> Iterator[Scene]:
    yield _ours(one, 1, -6, 9, 30, "Intro", answers=silent(one.buyers[0]))


def _client(one: Cast) -> Iterator[Scene]:
    """Tell of a deal that was won after 2, 3 or 4 meetings, and of the work since."""
    steps = ((-74, -68), (-67, -54), (-53, -40), (-39, -33))[: int(one.story[-1])]
    for number, (made, on) in enumerate(steps, start=1):
        yield _ours(one, number, made, on, 45, ("Intro", "Demo", "Proposal", "Contract")[number - 1])
    yield _ours(one, 8, -20, -6, 60, "Onboarding", answers=yes(*one.buyers, on=-19))
    yield _ours(one, 9, -5, 16, 30, "Review")


_STORIES = {
    "eager": _eager,
    "eager2": _eager2,
    "moderate": _moderate,
    "moderate2": _moderate2,
    "soft": _soft,
    "soft2": _soft2,
    "pushed": _pushed,
    "dropped": _dropped,
    "lost": _lost,
    "lost2": _lost2,
    "silent": _silent,
    "silent2": _silent2,
    "new": _new,
    "new2": _new2,
    "client2": _client,
    "client3": _client,
    "client4": _client,
}

TEAMS_PLAY = tuple(scene for one in CAST if one.story for scene in _STORIES[one.story](one))

# --- deals ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Opportunity:
    """A line of the CRM: days count from today."""

    number: int
    account: str
    owner: str
    outcome: Outcome
    amount: Decimal | None
    currency: str
    category: Category
    closes: int

    def as_of(self, day: int, today: date) -> Deal:
        """Return the deal as an import of that day showed it."""
        closes = _SLIPS.get(self.account, {}).get(day, self.closes)
        outcome = self.outcome if closes <= day else Outcome.OPEN
        deal = Deal(
            id=f"D-{1001 + self.number}",
            name=_NAMES[self.number % len(_NAMES)],
            account=self.account,
            owner=self.owner,
            amount=self.amount,
            currency=None if self.amount is None else self.currency,
            category=self.category,
            outcome=outcome,
            created=today - timedelta(days=_OPEN_FOR),
            closes=today + timedelta(days=closes),
        )
        return deal if outcome is Outcome.OPEN else replace(deal, closed=deal.closes)


def _opportunity(number: int, account: str, owner: str, text: str) -> Opportunity:
    outcome, amount, currency, *category, closes = text.split()
    return Opportunity(
        number=number,
        account=account,
        owner=owner,
        outcome=Outcome(outcome),
        amount=None if amount == "?" else Decimal(amount),
        currency=currency,
        category=Category(" ".join(category)),
        closes=int(closes),
    )


def _opportunities() -> Iterator[Opportunity]:
    lines = [[one.name, one.rep, one.deal] for one in CAST if one.deal]
    for number, (account, owner, text) in enumerate([*lines, *_rows(_MORE_DEALS)]):
        yield _opportunity(number, account, owner, text)


DEALS = tuple(_opportunities())


def deals_on(day: int, today: date) -> Iterable[Deal]:
    """Return what the CRM's export showed on a day."""
    return (one.as_of(day, today) for one in DEALS)
