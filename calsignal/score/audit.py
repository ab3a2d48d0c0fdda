"""The finished audit that reports render: forecast, findings, reps, hours, coverage. Nothing here computes.

Everywhere: unknown is None with a reason beside it, never zero. Amounts are decimals of one currency; a currency of
None with an amount is a currency that the export did not tell, and an amount of None a deal without one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum

from calsignal.model import Category, ConnectionState, Deal, Status
from calsignal.score.result import AccountResult, Head, MeetingView


class Finding(Enum):
    """What is odd about a deal; the value says it in a few words."""

    F1 = "no meeting before the close date"
    F2 = "commit without commitment"
    F3 = "close date in the past"
    F4 = "close date put off"
    F5 = "large, and thin on people"
    F6 = "too few meetings left before the close date"
    F7 = "under-called?"


# --- forecast -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DealFinding:
    """One finding of one deal: a sentence with its numbers, and a question to ask the rep.

    `account` and `owner` are ours where they were found, else None; `deal` holds the CRM's own words.
    """

    code: Finding
    deal: Deal
    account: str | None
    owner: str | None
    amount: Decimal | None
    currency: str | None
    line: str
    question: str


@dataclass(frozen=True)
class DealLine:
    """One open deal as the audit sees it.

    status          its account's; UNKNOWN where nothing matched or nothing can be known, and `evidence` says why
    owner           our mailbox, or None where the CRM's owner matched none
    unmatched       what could not be matched, each as a sentence (the account, the owner)
    shared          the ids of the account's other open deals, with which it shares the status
    next_meeting    the first firm meeting ahead that is not tied to another deal
    held            meetings held that are tied to it; `held_shared` those that may as well belong to another deal
    firm_buyers     who is firm on its meetings, past 90 days and future (those tied to another deal left out)
    close_pushes    how often the close date was put off over our imports; `close_push_days` by how many days in all
    backed          REAL and without F1 to F4
    """

    deal: Deal
    account: str | None
    owner: str | None
    status: Status
    evidence: str
    unmatched: tuple[str, ...]
    shared: tuple[str, ...]
    next_meeting: MeetingView | None
    held: int
    held_shared: int
    firm_buyers: tuple[str, ...]
    close_pushes: int
    close_push_days: int
    findings: tuple[DealFinding, ...]
    backed: bool


@dataclass(frozen=True)
class Total:
    """Deals of one kind in one currency. Where `amount` is None they have none: counted, never taken for zero."""

    currency: str | None
    deals: int
    amount: Decimal | None


@dataclass(frozen=True)
class StatusTotal(Total):
    status: Status


@dataclass(frozen=True)
class CategoryTotal(Total):
    """`backed` is the part of the amount behind which there is a calendar."""

    category: Category
    backed: Decimal | None


@dataclass(frozen=True)
class Backed:
    """One currency: what is open, what of it is calendar-backed, and what stands under a finding F1 to F4.

    `share` is backed / open, from 0 to 1; None where nothing is open (`deals` is 0 or all amounts are 0).
    """

    currency: str | None
    deals: int
    open: Decimal
    backed: Decimal
    share: float | None


@dataclass(frozen=True)
class Forecast:
    """The open deals, each exactly once, and their totals; the rows of each table are in a fixed order.

    lines           in order of amount, largest first, per currency (the largest currency by deals first)
    findings        all of them; largest amount first within the same order, then by code
    without_amount  open deals without an amount, in no currency's total
    unmatched       open deals whose account or owner was not found (they are in `lines` too, and in every total)
    missing         deals that were open when last seen and that the last import did not show any more: in no total
    won             deals won whose meetings could be counted (F6 needs 20), and the median of meetings held on them
    """

    lines: tuple[DealLine, ...]
    findings: tuple[DealFinding, ...]
    by_status: tuple[StatusTotal, ...]
    by_category: tuple[CategoryTotal, ...]
    backed: tuple[Backed, ...]
    without_amount: int
    unmatched: tuple[DealLine, ...]
    missing: tuple[Deal, ...]
    won: int = 0
    won_meetings: float | None = None


# --- reps -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rate:
    """A share of counts, with its 95 % Wilson bounds.

    value       hits / n, or None where there is nothing to count (`why` says so)
    too_few     n is under 5: print it as too few, and rank nobody by it
    left_out    how many could not be counted, since nothing is known about them
    rank        place among the reps that can be ranked, from 1; None: not ranked
    """

    value: float | None
    n: int
    hits: int
    lower: float | None
    upper: float | None
    too_few: bool
    left_out: int = 0
    why: str = ""
    rank: int | None = None


@dataclass(frozen=True)
class Measure:
    """A number that is no share of counts: hours or a median, out of `n` things; no bounds.

    `left_out` counts what could not be judged; `why` says why the value is None, or what was left out.
    """

    value: float | None
    n: int
    left_out: int = 0
    why: str = ""


@dataclass(frozen=True)
class SoftShare:
    """Open money of one currency that is not REAL; `unknown` is the part of `soft` about which nothing can be known."""

    currency: str | None
    value: float | None
    n: int
    soft: Decimal
    open: Decimal
    unknown: Decimal


@dataclass(frozen=True)
class Watch:
    """How much of the period somebody's calendars cover. `enough` says that it is at least 90 %."""

    days: int
    covered: int
    share: float
    enough: bool


@dataclass(frozen=True)
class Trend:
    """Eager prospects of the last 2 weeks against one's own mean per 2 weeks of the 8 weeks before.

    `usual` is None where the calendars do not cover these weeks; `why` says so.
    """

    recent: int
    usual: float | None
    why: str = ""


@dataclass(frozen=True)
class WeekHours:
    """Buyer-hours of held meetings in one week, Monday to Sunday; `whole` is False for the week that still runs."""

    monday: date
    hours: float
    meetings: int
    whole: bool


@dataclass(frozen=True)
class RepMetrics:
    """What the period shows of one rep, of one team, or of all; prospects only.

    rep                     the mailbox; for a team its name; for all ""
    eager                   the accounts with a rebook in the period, by name: the headline is how many
    buyer_hours_per_week    firm hours of held meetings
    dead_hours              own meeting hours on accounts STALLED, LOST or NO EVIDENCE when the meeting began
    answer_time_hours       median from a buyer's invitation or proposal to the answer
    soft_share              per currency
    weeks                   the last 12 weeks, oldest first
    ranked                  False: calendars cover too little of the period (`not_ranked` says it in a sentence)
    rank                    place by eager prospects
    """

    rep: str
    teams: tuple[str, ...]
    watch: Watch
    eager: tuple[str, ...]
    rebooks: int
    rebook_rate: Rate
    next_step_coverage: Rate
    buyer_hours_per_week: Measure
    buyer_initiated_share: Rate
    ask_to_accept: Rate
    push_rate: Rate
    drop_rate: Rate
    own_move_rate: Rate
    breadth: Measure
    soft_share: tuple[SoftShare, ...]
    dead_hours: Measure
    answer_time_hours: Measure
    trend: Trend
    weeks: tuple[WeekHours, ...]
    accounts: int
    ranked: bool = True
    not_ranked: str = ""
    rank: int | None = None

    @property
    def eager_prospects(self) -> int:
        return len(self.eager)


@dataclass(frozen=True)
class Place:
    """One rep's place in the contest.

    `behind` is how many more eager prospects the next place above has (0: only the tie-break decides); None for
    the winner. `decided_by` says by which rule the place was told from the one above.
    """

    place: int
    rep: str
    eager: int
    rebooks: int
    rebooks_by_buyer: int
    buyer_hours: float
    behind: int | None
    decided_by: str


@dataclass(frozen=True)
class Contest:
    """Reps in order of eager prospects: the first place wins, always. `outside` did not compete, and why."""

    places: tuple[Place, ...]
    outside: Mapping[str, str] = field(default_factory=dict)
    notice: str = ""


# --- hours, people, coverage ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AccountAudit:
    """One account in the audit; hours are those of the period's past meetings.

    our_hours       hours of our people, each person's own
    buyer_hours     hours of buyers with any weight, as booked or held; `firm_hours` weighted by firmness
    eats            we spend hours on it, and no buyer is committed: nothing held in the period, nothing firm ahead
    mobilizers      buyers who organised, or on whose meeting a new buyer was added; None: no calendar could show it
    key_met         key players with a firm meeting, ever; `key_missing` those without; both None: unknown
    deals           ids of its open deals
    without_deal    buyers give it time (held in the last 60 days, or firm ahead), and no deal is open
    reps            whose meetings it had in the period
    sellers         who of us was ever on a meeting of it
    """

    result: AccountResult
    our_hours: float | None
    buyer_hours: float | None
    firm_hours: float | None
    meetings: int
    eats: bool
    mobilizers: tuple[str, ...] | None
    key_met: tuple[str, ...] | None
    key_missing: tuple[str, ...] | None
    deals: tuple[str, ...]
    without_deal: bool
    reps: tuple[str, ...]
    sellers: frozenset[str] = frozenset()


class CalendarState(Enum):
    FRESH = "fresh"
    STALE = "stale"
    NEVER_READ = "never read"
    DISCONNECTED = "disconnected"
    MISSING = "not connected"


@dataclass(frozen=True)
class RepCoverage:
    """Whether a rep's calendars can be seen, and what is therefore unknown.

    `state` is that of the freshest calendar. `unknown_accounts` are those whose status is UNKNOWN and that this rep
    owns; `open_deals` how many open deals the rep owns.
    """

    rep: str
    teams: tuple[str, ...]
    state: CalendarState
    connections: tuple[ConnectionState, ...]
    watch: Watch
    open_deals: int
    unknown_accounts: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Coverage:
    """Which calendars are connected, fresh or missing; `unknown` says in sentences what cannot be known therefore."""

    reps: tuple[RepCoverage, ...]
    unknown: tuple[str, ...]

    def of(self, state: CalendarState) -> tuple[RepCoverage, ...]:
        return tuple(r for r in self.reps if r.state is state)


@dataclass(frozen=True)
class Period:
    """Whole calendar days in the team's zone, both included; `last` is the day of `as_of`."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True)
class AuditResult:
    """The manager's audit.

    team, rep       what it is narrowed to (None: everybody)
    forecast        of the deals owned within the scope
    reps            in order of rank, then those without one by name; `teams` one row per `[teams]`, `total` all
    notice          `look at the system or the season first`, with its numbers; print it before any name; or ""
    accounts        every account in the scope, in order of rank
    eating          those that eat hours without commitment, most hours first; `without_deal` most firm hours first
    deals_at        when the latest import of deals was taken (None: none yet)
    """

    head: Head
    period: Period
    team: str | None
    rep: str | None
    forecast: Forecast
    reps: tuple[RepMetrics, ...]
    teams: tuple[RepMetrics, ...]
    total: RepMetrics
    notice: str
    contest: Contest
    accounts: tuple[AccountAudit, ...]
    eating: tuple[AccountAudit, ...]
    without_deal: tuple[AccountAudit, ...]
    coverage: Coverage
    deals_at: datetime | None = None

    @property
    def by_name(self) -> Mapping[str, AccountAudit]:
        return {a.result.account.name: a for a in self.accounts}
