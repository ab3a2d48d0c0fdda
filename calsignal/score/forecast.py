"""Deals against calendars: account, owner, meetings, findings F1 to F7, and what is calendar-backed. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import cached_property, partial
from itertools import pairwise
from statistics import median

from calsignal.directory import Directory, normalise, parents, rep_of
from calsignal.errors import InputError
from calsignal.model import Category, Deal, DealTrack, Level, Outcome, Status
from calsignal.score.account import Scored
from calsignal.score.audit import (
    Backed,
    CategoryTotal,
    DealFinding,
    DealLine,
    Finding,
    Forecast,
    StatusTotal,
)
from calsignal.score.constants import Constants
from calsignal.score.facts import Fact, Sight
from calsignal.score.result import MeetingView
from calsignal.score.wording import DAYS, MONTHS, ago, count, listing, times

# --- names ----------------------------------------------------------------------------------------------------------

# single letters stand together here: `S.à r.l.` is `sarl`, `Sp. z o.o.` is `sp zoo`
_TRAILING = """
    ab; ag; ag & co kg; amba; aps; as; asa; bhd; bv; bvba; cie; et cie; cia; y cia; cia ltda; co; co inc; co kg; co ltd;
    company; corp; corporation; cv; cvba; dd; doo; ek; eu; ev; eg; eirl; ek; eood; eurl; gbr; ges mbh; gesmbh; gie;
    gmbh; gmbh & co; gmbh & co kg; gmbh & co kgaa; ggmbh; hf; ehf; inc; incorporated; jsc; joint stock company; kb; kd;
    kda; kft; kg; kgaa; kk; ks; kabushiki kaisha; lda; llc; llp; lllp; limited; limited company; limited liability
    company; limitada; limitee; lp; ltd; ltda; ltee; mbh; nv; nyrt; oao; ohg; ood; ooo; oy; oy ab; oyj; ou; pao; plc;
    pllc; pt; pte; pte ltd; private limited; pty; pty limited; pty ltd; pvt; pvt ltd; sa; sarl; sarlu; sas; sasu; sau;
    sc; sca; scop; scrl; s coop; s de rl; s de rl de cv; s en c; sa cv; sa de cv; sapi; sapi de cv; sab de cv; sagl; sl;
    slu; sll; snc; spa; srl; srls; sro; spol sro; sdn; sdn bhd; se; selarl; sia; sicav; societa per azioni; societe
    anonyme; sociedad anonima; sociedad limitada; spj; sp j; spk; sp k; sp zoo; spolka zoo; tbk; ug; ug
    haftungsbeschrankt; uab; unlimited; vof; vzw; xxk; zao; zrt; aktiengesellschaft; aktiebolag; aktieselskab;
    anpartsselskab; aksjeselskap; osakeyhtio; anonim sirketi; ltd sti; limited sirketi; san ve tic; san tic; sanayi ve
    ticaret; tic; gesellschaft mit beschrankter haftung; naamloze vennootschap; besloten vennootschap; ae; epe; ike; αε;
    επε; ικε; ооо; оао; зао; пао; ао; тов; ат; пат; еоод; оод; ад; доо
"""
_LEADING = """
    ooo; oao; zao; pao; ao; pt; sc; uab; sia; as; ab; oy; ооо; оао; зао; пао; ао; тов; ат; пат; ип; firma; ets;
    kabushiki kaisha
"""
_GLUED = re.compile(
    "株式会社|有限会社|合同会社|合資会社|合名会社|股份有限公司|有限责任公司|有限公司|股份公司|주식회사|유한회사|"
    r"\((?:株|有|주|유)\)"
)


def _forms(table: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(form.split()) for form in table.split(";"))


_AT_THE_END, _IN_FRONT = _forms(_TRAILING), _forms(_LEADING)
_LONGEST = max(len(form) for form in _AT_THE_END)


def company_key(name: str) -> str:
    """Return what is compared of a company's name: folded case, no legal form (`GmbH & Co. KG`), no punctuation.

    A name that is nothing but a legal form stays.
    """
    folded = _GLUED.sub(" ", unicodedata.normalize("NFKC", name)).casefold()
    plain = "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    plain = unicodedata.normalize("NFKC", plain)  # Hangul comes apart under NFKD
    spaced = re.sub(r"[^\w&+]+", " ", plain).replace(" + ", " & ").strip()
    words = re.sub(r"\b(?<![&+])(\w) (?=\w\b(?![&+]))", r"\1", spaced).split()
    return " ".join(_without_forms(words)) or spaced or name.casefold().strip()


def _without_forms(words: Sequence[str]) -> Sequence[str]:
    """Take legal forms off the end and the front, the longest first, as long as a name is left."""
    while True:
        size = next((n for n in range(_LONGEST, 0, -1) if len(words) > n and tuple(words[-n:]) in _AT_THE_END), 0)
        if not size:
            break
        words = words[:-size]
        while len(words) > 1 and words[-1] == "&":
            words = words[:-1]
    size = next((n for n in (2, 1) if len(words) > n and tuple(words[:n]) in _IN_FRONT), 0)
    return words[size:]


# --- who a deal belongs to ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Match:
    """What a deal was matched with; `why` says in a sentence why not."""

    found: str | None
    why: str = ""


@dataclass(frozen=True)
class Names:
    """How the CRM's words become ours. `account_names` and `owner_names` are the settings (CRM name = ours)."""

    directory: Directory
    account_names: Mapping[str, str] = field(default_factory=dict)
    owner_names: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _by_domain(self) -> dict[str, str]:
        return {domain: a.name for a in self.directory.accounts for domain in a.domains}

    @cached_property
    def _by_name(self) -> dict[str, str]:
        return {a.name.casefold().strip(): a.name for a in self.directory.accounts}

    @cached_property
    def _by_key(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for a in self.directory.accounts:
            found[company_key(a.name)].add(a.name)
        return found

    @cached_property
    def _accounts_said(self) -> dict[str, str]:
        return {name.casefold().strip(): ours for name, ours in self.account_names.items()}

    @cached_property
    def _owners_said(self) -> dict[str, str]:
        return {name.casefold().strip(): ours for name, ours in self.owner_names.items()}

    def account(self, deal: Deal) -> Match:
        """Find a deal's account: by domain, else by name without legal form, else by the setting."""
        by_domain = {a for domain in deal.domains if (a := self._of_domain(domain)) is not None}
        if len(by_domain) == 1:
            return Match(by_domain.pop())
        name = deal.account.casefold().strip()
        by_name = {self._by_name[name]} if name in self._by_name else self._by_key.get(company_key(name), set())
        if len(by_name) == 1 and (not by_domain or by_name <= by_domain):
            return Match(next(iter(by_name)))
        said = self._accounts_said.get(name)
        if said is not None:
            ours = self._by_name.get(said.casefold().strip())
            return Match(ours, "" if ours else f"[deals.accounts] names {said}, which is no account.")
        several = sorted(by_domain or by_name)
        if several:
            return Match(None, f"The company may be {listing(several)}: say which in [deals.accounts].")
        return Match(None, f"No account has the name {deal.account}." if deal.account else "It names no company.")

    def _of_domain(self, domain: str) -> str | None:
        return next((self._by_domain[d] for d in parents(domain.lower()) if d in self._by_domain), None)

    def owner(self, deal: Deal) -> Match:
        """Find a deal's owner among our people: by address, else by the setting."""
        said = self._owners_said.get(deal.owner.casefold().strip())
        ours = self._mailbox(deal.owner) or (self.rep(said) if said else None)
        if ours is not None:
            return Match(ours)
        return Match(None, f"The owner {deal.owner} is none of our people." if deal.owner else "It names no owner.")

    def _mailbox(self, owner: str) -> str | None:
        try:
            address = normalise(owner)
        except InputError:
            return None
        return self.rep(address) if self.directory.is_seller(address.rpartition("@")[2], address) else None

    def rep(self, address: str) -> str:
        """Return the mailbox that stands for one of our addresses: its alias resolved, an assistant's principal."""
        return rep_of(address, self.directory)


# --- which meetings are a deal's --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ties:
    """The meetings of an account and the deals each may belong to: one id, several (shared), or none."""

    facts: tuple[Fact, ...]
    deals: tuple[frozenset[str], ...]

    def of(self, deal: str) -> Iterator[Fact]:
        """Yield the meetings that are this deal's alone."""
        return (f for f, ids in zip(self.facts, self.deals, strict=True) if ids == {deal})

    def shared(self, deal: str) -> Iterator[Fact]:
        """Yield the meetings that may be this deal's or another's."""
        return (f for f, ids in zip(self.facts, self.deals, strict=True) if deal in ids and len(ids) > 1)

    def not_of_others(self, deal: str) -> Iterator[Fact]:
        """Yield the meetings that are not tied to another deal alone."""
        return (f for f, ids in zip(self.facts, self.deals, strict=True) if len(ids) != 1 or deal in ids)


@dataclass(frozen=True)
class Candidate:
    """A deal of an account with the days on which a meeting can be its own, and its owner's mailbox."""

    deal: Deal
    owner: str | None
    first: date | None
    last: date | None

    def spans(self, day: date) -> bool:
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


def tie(facts: Iterable[Fact], candidates: Sequence[Candidate], sight: Sight) -> Ties:
    """Say of each meeting which deals it may belong to: by id, contact, then owner, among those open near it."""
    known = tuple(f for f in facts if not f.excluded)
    return Ties(known, tuple(_deals_of(f, candidates, sight) for f in known))


def _deals_of(fact: Fact, candidates: Sequence[Candidate], sight: Sight) -> frozenset[str]:
    left = [c for c in candidates if c.spans(fact.on)]
    ours = partial(_is_owners, sight.lens.directory)
    rules: tuple[Callable[[Fact, Candidate], bool], ...] = (_is_named, _knows_somebody, ours)
    for rule in rules:
        if len(left) < 2:
            break
        left = [c for c in left if rule(fact, c)] or left
    return frozenset(c.deal.id for c in left)


def _is_named(fact: Fact, one: Candidate) -> bool:
    return _is_telling(one.deal.id) and one.deal.id.casefold() in _words(fact.view.subject or "")


def _knows_somebody(fact: Fact, one: Candidate) -> bool:
    return any(b.email in one.deal.contacts for b in fact.view.buyers if b.email)


def _is_owners(directory: Directory, fact: Fact, one: Candidate) -> bool:
    return one.owner in {rep_of(s, directory) for s in fact.view.sellers}


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[\w-]+", text.casefold()))


def _is_telling(deal_id: str) -> bool:
    """Say whether an id is one that nobody writes by chance: a `12` in a subject is no deal."""
    return len(deal_id) >= 6 and any(c.isdigit() for c in deal_id)


# --- the whole forecast -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Moment:
    """When the forecast is made: the day, in the team's zone, and the numbers."""

    as_of: datetime
    zone: tzinfo
    constants: Constants

    @property
    def today(self) -> date:
        return self.as_of.astimezone(self.zone).date()

    def words(self, on: date) -> str:
        """Write a day as `Thu 19 Mar`, with the year where it is not this one."""
        year = f" {on.year}" if on.year != self.today.year else ""
        return f"{DAYS[on.weekday()]} {on.day} {MONTHS[on.month - 1]}{year}"


@dataclass(frozen=True)
class _Known:
    """A deal as known at the moment, with what it was matched with."""

    track: DealTrack
    account: Match
    owner: Match

    @property
    def deal(self) -> Deal:
        return self.track.now

    @property
    def is_open(self) -> bool:
        return self.deal.outcome is Outcome.OPEN and not self.track.missing


@dataclass(frozen=True)
class _Yard:
    """What all deals are compared with: the median amount per currency, and the runway of won deals."""

    medians: Mapping[str | None, Decimal]
    won: int
    won_meetings: float | None


class Desk:
    """All deals, to be judged when every account they belong to was looked at. Each account is needed only once.

    Snapshots taken after the moment are not looked at.
    """

    def __init__(self, tracks: Iterable[DealTrack], names: Names, now: Moment) -> None:
        self._now = now
        self._known = [_Known(t, names.account(t.now), names.owner(t.now)) for t in _by_then(tracks, now.as_of)]
        self._by_account: dict[str, list[_Known]] = defaultdict(list)
        for one in self._known:
            if one.account.found is not None:
                self._by_account[one.account.found].append(one)
        self._views: dict[str, _View] = {}

    def open_deals(self, account: str) -> tuple[OpenDeal, ...]:
        """Return the open deals of an account."""
        theirs = (k for k in self._by_account.get(account, ()) if k.is_open)
        return tuple(OpenDeal(k.deal.id, k.owner.found) for k in theirs)

    @property
    def owners(self) -> frozenset[str]:
        """The mailboxes of those who own an open deal."""
        return frozenset(k.owner.found for k in self._known if k.is_open and k.owner.found)

    def look_at(self, one: Scored) -> None:
        """Take in what an account shows of its deals."""
        deals = self._by_account.get(one.result.account.name, ())
        if deals:
            ties = tie(one.standings.found, [_candidate(k, self._now) for k in deals], one.sight)
            self._views.update((k.deal.id, _view(k, one, ties)) for k in deals)

    def forecast(self) -> Forecast:
        """Judge every open deal; each is in `lines` exactly once, whatever it was matched with."""
        yard = _yard(self._known, self._views, self._now)
        lines = [self._line(one, yard) for one in self._known if one.is_open]
        missing = [k.deal for k in self._known if k.track.missing and k.deal.outcome is Outcome.OPEN]
        return totalled(lines, missing, yard.won, yard.won_meetings)

    def _line(self, known: _Known, yard: _Yard) -> DealLine:
        view, deal = self._views.get(known.deal.id, _UNSEEN), known.deal
        case = _Case(known, view, yard, self._now)
        siblings = [d.id for d in self.open_deals(known.account.found or "") if d.id != deal.id]
        findings = tuple(_findings(case))
        codes = {f.code for f in findings}
        return DealLine(
            deal=deal,
            account=known.account.found,
            owner=known.owner.found,
            status=view.status,
            evidence=known.account.why if view is _UNSEEN else view.evidence,
            unmatched=tuple(match.why for match in (known.account, known.owner) if match.why),
            shared=tuple(sorted(siblings)),
            next_meeting=view.next_meeting,
            held=view.held,
            held_shared=view.held_shared,
            firm_buyers=view.firm_buyers if case.is_known else (),
            close_pushes=case.pushes[0],
            close_push_days=case.pushes[1],
            findings=findings,
            backed=view.status is Status.REAL and codes.isdisjoint(_AGAINST),
        )


@dataclass(frozen=True)
class OpenDeal:
    """An open deal by id, and its owner's mailbox."""

    id: str
    owner: str | None


def forecast(tracks: Iterable[DealTrack], scored: Mapping[str, Scored], names: Names, now: Moment) -> Forecast:
    """Judge every open deal as of a moment; `scored` are all accounts by name."""
    desk = Desk(tracks, names, now)
    for one in scored.values():
        desk.look_at(one)
    return desk.forecast()


def _by_then(tracks: Iterable[DealTrack], as_of: datetime) -> Iterator[DealTrack]:
    """Yield the deals in order of id, as the imports up to the moment showed them."""
    for track in sorted(tracks, key=lambda t: t.now.id):
        shown = tuple(sorted((s for s in track.snapshots if s.taken_at <= as_of), key=lambda s: s.taken_at))
        if shown:
            yield replace(track, snapshots=shown)


def _candidate(known: _Known, now: Moment) -> Candidate:
    deal, near = known.deal, timedelta(days=now.constants.audit_deal_days)
    ended = None
    if deal.outcome is not Outcome.OPEN:
        ended = deal.closed or deal.closes
    elif known.track.missing:
        ended = known.track.snapshots[-1].taken_at.astimezone(now.zone).date()
    return Candidate(deal, known.owner.found, deal.created and deal.created - near, ended and ended + near)


def _yard(known: Iterable[_Known], views: Mapping[str, _View], now: Moment) -> _Yard:
    amounts: dict[str | None, list[Decimal]] = defaultdict(list)
    held = []
    for one in known:
        if one.is_open and one.deal.amount is not None:
            amounts[one.deal.currency].append(one.deal.amount)
        view = views.get(one.deal.id, _UNSEEN)
        if one.deal.outcome is Outcome.WON and view.shown:
            held.append(view.held + view.held_shared)
    enough = len(held) >= now.constants.audit_won_deals
    medians = {currency: median(some) for currency, some in amounts.items()}
    return _Yard(medians, len(held), float(median(held)) if enough and held else None)


# --- one deal -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _View:
    """What an account shows of one of its deals.

    shown       whether a calendar shows the account: what was held before anybody watched is unknown, not zero
    ahead       the days of firm meetings ahead that are not another deal's
    firm_buyers who is firm in the past 90 days and ahead, on meetings that are not another deal's
    rebooked    how often the account booked again lately
    """

    status: Status
    evidence: str = ""
    quiet: int | None = None
    usual_gap: float = 0.0
    shown: bool = False
    last_held: str = ""
    ahead: tuple[date, ...] = ()
    next_meeting: MeetingView | None = None
    held: int = 0
    held_shared: int = 0
    firm_buyers: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    rebooked: int = 0


_UNSEEN = _View(Status.UNKNOWN)


def _view(known: _Known, one: Scored, ties: Ties) -> _View:
    sight, result, deal = one.sight, one.result, known.deal.id
    mine = tuple(ties.not_of_others(deal))
    ahead = [f for f in mine if f.firm and f.ahead]
    recently = sight.constants.audit_under_called_days
    return _View(
        status=result.status,
        evidence=result.evidence,
        quiet=result.quiet_days,
        usual_gap=result.usual_gap_days,
        shown=result.status is not Status.UNKNOWN and bool(one.standings.found),
        last_held=_held_words(one),
        ahead=tuple(f.on for f in ahead),
        next_meeting=ahead[0].view if ahead else None,
        held=sum(f.held for f in ties.of(deal)),
        held_shared=sum(f.held for f in ties.shared(deal)),
        firm_buyers=_firm_buyers(mine, sight),
        missing=tuple(missing_key_players(one, mine)),
        rebooked=sum(sight.age(r.at) <= recently for r in one.standings.linked.rebooks),
    )


def _firm_buyers(facts: Iterable[Fact], sight: Sight) -> tuple[str, ...]:
    recent = [f for f in facts if f.firm and sight.since(f.on) <= sight.constants.firm_buyer_days]
    people = {
        b.person: b.email or f"someone@{b.domain}" for f in recent for b in f.view.buyers if b.level >= Level.FIRM
    }
    return tuple(sorted(people.values()))


@dataclass(frozen=True)
class _Case:
    """One open deal with everything that its findings look at."""

    known: _Known
    view: _View
    yard: _Yard
    now: Moment

    @property
    def is_known(self) -> bool:
        """Say whether anything can be known of it."""
        return self.view.status is not Status.UNKNOWN

    @property
    def deal(self) -> Deal:
        return self.known.deal

    @property
    def name(self) -> str:
        return self.known.account.found or self.deal.account

    @property
    def days_left(self) -> int | None:
        return None if self.deal.closes is None else (self.deal.closes - self.now.today).days

    @cached_property
    def pushes(self) -> tuple[int, int]:
        """Return how often the close date was put off from import to import, and by how many days in all."""
        dates = [s.deal.closes for s in self.known.track.snapshots if s.deal.closes is not None]
        later = [(b - a).days for a, b in pairwise(dates) if b > a]
        return len(later), sum(later)


_AGAINST = frozenset({Finding.F1, Finding.F2, Finding.F3, Finding.F4})
_NO_COMMITMENT = (Status.SOFT, Status.STALLED, Status.LOST, Status.NO_EVIDENCE)
Said = tuple[str, str]
"""A sentence with its numbers, and the question to ask."""


def _findings(case: _Case) -> Iterator[DealFinding]:
    rules: Mapping[Finding, Callable[[_Case], Said | None]] = {
        Finding.F1: _no_meeting_before_close,
        Finding.F2: _commit_without_commitment,
        Finding.F3: _close_date_past,
        Finding.F4: _close_date_put_off,
        Finding.F5: _large_and_thin,
        Finding.F6: _runway,
        Finding.F7: _under_called,
    }
    deal = case.deal
    for code, rule in rules.items():
        said = rule(case)
        if said is not None:
            account, owner = case.known.account.found, case.known.owner.found
            yield DealFinding(code, deal, account, owner, deal.amount, deal.currency, *said)


def _no_meeting_before_close(case: _Case) -> Said | None:
    left, closes, held = case.days_left, case.deal.closes, case.view.last_held
    if left is None or closes is None or not 0 <= left <= case.now.constants.audit_close_within_days:
        return None
    if not case.is_known or any(day <= closes for day in case.view.ahead):
        return None
    line = f"Closes in {left} d ({case.now.words(closes)}), and no firm meeting is booked until then; {held}."
    return line, f"Which meeting with {case.name} takes place before {case.now.words(closes)}, and who there has it?"


def _held_words(one: Scored) -> str:
    last = one.standings.last_held
    return f"last held {ago(one.sight.age(last.start))}" if last is not None else "none was ever held"


def _commit_without_commitment(case: _Case) -> Said | None:
    category, status, quiet = case.deal.category, case.view.status, case.view.quiet
    if category not in (Category.COMMIT, Category.BEST_CASE):
        return None
    if status not in _NO_COMMITMENT:
        return None
    since = f", {quiet} d quiet" if quiet is not None else ", 0 answers from a buyer"
    line = f"Forecast as {category.value}, but {case.name} is {status.value}{since}: commit without commitment."
    return line, f"What has {case.name} done in a calendar, not said, that makes this a {category.value}?"


def _close_date_past(case: _Case) -> Said | None:
    left, closes = case.days_left, case.deal.closes
    if left is None or closes is None or left >= 0:
        return None
    line = f"Was to close on {case.now.words(closes)}, {-left} d ago, and is still open."
    return line, "Is it won, is it lost, or which date did the buyer name, and where is that written?"


def _close_date_put_off(case: _Case) -> Said | None:
    (number, days), c = case.pushes, case.now.constants
    if not number or (number < c.audit_close_pushes and days < c.audit_close_push_days):
        return None
    line = f"The close date was put off {times(number)} since we import, by {days} d in all."
    return line, f"What changed at {case.name} each time, and what makes this date different?"


def _large_and_thin(case: _Case) -> Said | None:
    amount, missing, firm = case.deal.amount, case.view.missing, case.view.firm_buyers
    if amount is None or not case.is_known or amount < case.yard.medians[case.deal.currency]:
        return None
    large = f"At or above the median deal ({_money(case.yard.medians[case.deal.currency], case.deal.currency)})"
    if len(firm) == 1:
        also = f", and {listing(missing)} never met" if missing else ""
        line = f"{large}, and only 1 buyer is firm: {firm[0]}{also}."
        return line, f"Who besides {firm[0]} has to say yes, and when do we meet them?"
    if missing:
        line = f"{large}, and {count(len(missing), 'key player')} never met: {listing(missing)}."
        return line, f"What keeps {listing(missing)} from a meeting, and who can bring us there?"
    return None


def missing_key_players(one: Scored, facts: Iterable[Fact]) -> list[str]:
    """Return the key players of an account who were never firm on any of these meetings."""
    met = frozenset().union(*(f.told.ever_firm for f in facts if not f.excluded))
    return [address for address, person in sorted(one.sight.account.key_players.items()) if person not in met]


def _runway(case: _Case) -> Said | None:
    left, view, usual = case.days_left, case.view, case.yard.won_meetings
    if left is None or left < 0 or not case.is_known or usual is None:
        return None
    held, gap = view.held + view.held_shared, view.usual_gap
    needed = (usual - held) * gap
    if needed <= left:
        return None
    line = (
        f"Won deals took {usual:g} meetings (median of {case.yard.won}), this one had {held}: at one in {gap:.0f} d "
        f"the rest takes {needed:.0f} d, and {left} d are left."
    )
    return line, "Which steps will be taken together, or which close date would be honest?"


def _under_called(case: _Case) -> Said | None:
    c, number = case.now.constants, case.view.rebooked
    if case.view.status is not Status.REAL or case.deal.category not in (Category.PIPELINE, Category.OMITTED):
        return None
    if number < c.audit_under_called_rebooks:
        return None
    line = (
        f"{case.name} booked again {times(number)} in {c.audit_under_called_days} d and is REAL, "
        f"but the deal is {case.deal.category.value}: under-called?"
    )
    return line, "What keeps this out of the forecast?"


def _money(amount: Decimal, currency: str | None) -> str:
    return f"{amount:,.0f}{f' {currency}' if currency else ''}"


# --- totals ---------------------------------------------------------------------------------------------------------


def totalled(
    lines: Iterable[DealLine], missing: Iterable[Deal] = (), won: int = 0, won_meetings: float | None = None
) -> Forecast:
    """Return the forecast of these deals: totals per status, category and currency, never across currencies."""
    rank = _currency_rank(lines := list(lines))
    lines.sort(key=lambda line: _largest_first(line.deal, rank))
    found = [f for line in lines for f in sorted(line.findings, key=lambda f: f.code.name)]
    return Forecast(
        lines=tuple(lines),
        findings=tuple(found),
        by_status=tuple(_by_status(lines, rank)),
        by_category=tuple(_by_category(lines, rank)),
        backed=tuple(_backed(lines, rank)),
        without_amount=sum(line.deal.amount is None for line in lines),
        unmatched=tuple(line for line in lines if line.unmatched),
        missing=tuple(sorted(missing, key=lambda d: d.id)),
        won=won,
        won_meetings=won_meetings,
    )


_Kind = tuple[str | None, bool]
"""A currency, and whether there is no amount."""


def _kind(deal: Deal) -> _Kind:
    return (None, True) if deal.amount is None else (deal.currency, False)


def _currency_rank(lines: Iterable[DealLine]) -> dict[_Kind, int]:
    """Return the order of currencies: most deals first; unknown ones, then deals without an amount, come last."""
    deals = Counter(_kind(line.deal) for line in lines)
    ordered = sorted(deals, key=lambda k: (k[1], k[0] is None, -deals[k], k[0] or ""))
    return {kind: n for n, kind in enumerate(ordered)}


def _largest_first(deal: Deal, rank: Mapping[_Kind, int]) -> tuple[int, Decimal, str]:
    return rank[_kind(deal)], -(deal.amount or Decimal()), deal.id


def _sum(lines: Sequence[DealLine], kind: _Kind) -> Decimal | None:
    return None if kind[1] else sum((line.deal.amount or Decimal() for line in lines), Decimal())


def _by_status(lines: Iterable[DealLine], rank: Mapping[_Kind, int]) -> Iterator[StatusTotal]:
    groups: dict[tuple[Status, _Kind], list[DealLine]] = defaultdict(list)
    for line in lines:
        groups[line.status, _kind(line.deal)].append(line)
    order = list(Status)
    for status, kind in sorted(groups, key=lambda g: (rank[g[1]], order.index(g[0]))):
        some = groups[status, kind]
        yield StatusTotal(kind[0], len(some), _sum(some, kind), status)


def _by_category(lines: Iterable[DealLine], rank: Mapping[_Kind, int]) -> Iterator[CategoryTotal]:
    groups: dict[tuple[Category, _Kind], list[DealLine]] = defaultdict(list)
    for line in lines:
        groups[line.deal.category, _kind(line.deal)].append(line)
    order = list(Category)
    for category, kind in sorted(groups, key=lambda g: (rank[g[1]], order.index(g[0]))):
        some = groups[category, kind]
        backed = _sum([line for line in some if line.backed], kind)
        yield CategoryTotal(kind[0], len(some), _sum(some, kind), category, backed)


def _backed(lines: Sequence[DealLine], rank: Mapping[_Kind, int]) -> Iterator[Backed]:
    for kind in rank:
        if kind[1]:
            continue
        some = [line for line in lines if _kind(line.deal) == kind]
        whole, backed = _sum(some, kind), _sum([line for line in some if line.backed], kind)
        assert whole is not None
        assert backed is not None
        yield Backed(kind[0], len(some), whole, backed, float(backed / whole) if whole else None)
