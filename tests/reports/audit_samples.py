"""An audit made by hand, of a visibly invented team; and a large one, and what strangers may put into one."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from calsignal.model import (
    Account,
    AccountType,
    Actor,
    Category,
    Change,
    ChangeKind,
    Confidence,
    Deal,
    EventStatus,
    Level,
    Status,
)
from calsignal.score.audit import (
    AccountAudit,
    AuditResult,
    CalendarState,
    Contest,
    Coverage,
    DealFinding,
    DealLine,
    Finding,
    Forecast,
    Measure,
    Period,
    Place,
    Rate,
    RepCoverage,
    RepMetrics,
    SoftShare,
    Trend,
    Watch,
    WeekHours,
)
from calsignal.score.calibration import Backtest, Hindsight, StatusRate
from calsignal.score.forecast import totalled
from calsignal.score.result import AccountResult, MeetingView
from reports import samples
from reports.samples import AS_OF, RITA, TOM, at

UMA, VIC, WIM, YARA = (f"{name}@ours.example" for name in ("uma", "vic", "wim", "yara"))
REPS = (RITA, TOM, UMA, VIC, WIM, YARA)
NORTH, SOUTH = "North", "South"
TEAMS = {RITA: (NORTH,), TOM: (NORTH,), UMA: (NORTH, SOUTH), VIC: (SOUTH,), WIM: (SOUTH,), YARA: ()}
PERIOD = Period(date(2026, 2, 17), date(2026, 3, 16))


# --- deals ------------------------------------------------------------------------------------------------------------


def deal(
    number: int, account: str, name: str, amount: str | None, category: Category = Category.COMMIT, **changes: object
) -> Deal:
    made = Deal(
        id=f"006-{number:04}",
        name=name,
        account=account,
        owner="Rita Sample",
        amount=Decimal(amount) if amount is not None else None,
        currency="EUR" if amount is not None else None,
        stage="Negotiation",
        category=category,
        closes=date(2026, 3, 31),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # the caller names fields


_SAID = {
    Finding.F1: (
        "Closes in 15 d (Tue 31 Mar), and no firm meeting is booked until then; last held 12 d ago.",
        "Which meeting with {name} takes place before Tue 31 Mar, and who there has it?",
    ),
    Finding.F2: (
        "Forecast as commit, but {name} is {status}, 24 d quiet: commit without commitment.",
        "What has {name} done in a calendar, not said, that makes this a commit?",
    ),
    Finding.F3: (
        "Was to close on Fri 27 Feb, 17 d ago, and is still open.",
        "Is it won, is it lost, or which date did the buyer name, and where is that written?",
    ),
    Finding.F4: (
        "The close date was put off 3 times since we import, by 91 d in all.",
        "What changed at {name} each time, and what makes this date different?",
    ),
    Finding.F5: (
        "At or above the median deal (80,000 EUR), and only 1 buyer is firm: dora@dahliaoptics.example.",
        "Who besides dora@dahliaoptics.example has to say yes, and when do we meet them?",
    ),
    Finding.F6: (
        "Won deals took 6 meetings (median of 23), this one had 2: at one in 14 d the rest takes 56 d, 15 d are left.",
        "Which steps will be taken together, or which close date would be honest?",
    ),
    Finding.F7: (
        "{name} booked again 3 times in 30 d and is REAL, but the deal is pipeline: under-called?",
        "What keeps this out of the forecast?",
    ),
}


def line(
    made: Deal,
    status: Status,
    *codes: Finding,
    owner: str | None = RITA,
    account: str | None = "",
    evidence: str = "",
    **changes: object,
) -> DealLine:
    """Return an open deal with findings; its account is called as in the CRM unless told (None: not matched)."""
    ours = made.account if account == "" else account
    words = {"name": made.account, "status": status.value}
    findings = tuple(
        DealFinding(
            code, made, ours, owner, made.amount, made.currency, *(text.format(**words) for text in _SAID[code])
        )
        for code in codes
    )
    against = {Finding.F1, Finding.F2, Finding.F3, Finding.F4}
    shown = DealLine(
        deal=made,
        account=ours,
        owner=owner,
        status=status,
        evidence=evidence or "Last held 12 d ago, nothing firm booked.",
        unmatched=(),
        shared=(),
        next_meeting=None,
        held=2,
        held_shared=0,
        firm_buyers=(),
        close_pushes=3 if Finding.F4 in codes else 0,
        close_push_days=91 if Finding.F4 in codes else 0,
        findings=findings,
        backed=status is Status.REAL and not against & set(codes),
    )
    return replace(shown, **changes)  # type: ignore[arg-type]  # the caller names fields


LINES = (
    line(deal(1, "Juniper Retail", "Rollout, 40 stores", "480000"), Status.STALLED, Finding.F2, Finding.F4, owner=TOM),
    line(
        deal(2, "Dahlia Optics", "Lens pilot", "310000", Category.BEST_CASE),
        Status.REAL,
        Finding.F5,
        next_meeting=samples.TODAY[0].meeting,
        firm_buyers=("dora@dahliaoptics.example",),
        evidence="Next: Mon 16 Mar 15:30, 30 min, the buyer organised it. Last held 7 d ago.",
    ),
    line(deal(3, "Birch", "Renewal and seats", "260000"), Status.STALLED, Finding.F1, Finding.F2, owner=UMA),
    line(
        deal(4, "Acme", "Platform", "220000"),
        Status.REAL,
        next_meeting=samples.NEXT_MEETING,
        firm_buyers=(samples.ANN, samples.BOB, samples.CFO),
        shared=("006-0005",),
        held_shared=1,
        evidence=samples.ACME.evidence,
    ),
    line(
        deal(5, "Acme", "Support plan", "18500.50", Category.PIPELINE),
        Status.REAL,
        Finding.F7,
        shared=("006-0004",),
        held_shared=1,
        evidence=samples.ACME.evidence,
    ),
    line(
        deal(6, "Fjord Shipping", "Port visits", "150000", Category.BEST_CASE),
        Status.REAL,
        Finding.F6,
        owner=VIC,
        next_meeting=samples.meeting(
            at(3, 24, 8), 60, "Port visit", [samples.buyer("f@fjord.example", Level.FIRM, 0.8)]
        ),
    ),
    line(
        deal(7, "Moss Media", "Archive", "95000", closes=date(2026, 2, 27)),
        Status.LOST,
        Finding.F2,
        Finding.F3,
        owner=WIM,
    ),
    line(deal(8, "Cedar", "Second site", "80000", Category.UNKNOWN), Status.SOFT, Finding.F1, owner=UMA),
    line(
        deal(9, "Oak Insurance", "Claims desk", "70000"),
        Status.UNKNOWN,
        owner=TOM,
        evidence="The calendar of tom@ours.example is not connected, and no other one shows a meeting with them.",
    ),
    line(
        deal(10, "Petersen Brothers Holding", "Warehouse", "64000", owner="P. Ersen"),
        Status.UNKNOWN,
        owner=None,
        account=None,
        evidence="No account has the name Petersen Brothers Holding.",
        unmatched=("No account has the name Petersen Brothers Holding.", "The owner P. Ersen is none of our people."),
        held=0,
    ),
    line(
        deal(11, "Heron Labs", "Bench", "41000", currency="USD", closes=date(2026, 5, 29)),
        Status.SOFT,
        Finding.F1,
        Finding.F2,
        owner=VIC,
    ),
    line(deal(12, "Elm Street Bakeries", "Ovens", "12000", currency="USD"), Status.REAL, owner=YARA),
    line(deal(13, "Kestrel", "Nest", None, Category.OMITTED), Status.NEW, Finding.F1, owner=WIM),
)
MISSING = (deal(14, "Quince", "Jam line", "30000", Category.PIPELINE),)
FORECAST = totalled(LINES, MISSING, 23, 6.0)


# --- reps -------------------------------------------------------------------------------------------------------------


def rate(hits: int, n: int, rank: int | None = None, **changes: object) -> Rate:
    """Return a share with its bounds."""
    if not n:
        return Rate(None, 0, 0, None, None, too_few=True, why="nothing to count", **changes)  # type: ignore[arg-type]
    p, z = hits / n, 1.96
    middle, spread = p + z * z / (2 * n), z * ((p * (1 - p) + z * z / (4 * n)) / n) ** 0.5
    whole = 1 + z * z / n
    lower, upper = max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)
    made = Rate(p, n, hits, lower, upper, too_few=n < 5, rank=None if n < 5 else rank)
    return replace(made, **changes)  # type: ignore[arg-type]  # the caller names fields


def weeks(*hours: float) -> tuple[WeekHours, ...]:
    """Return the last weeks, oldest first; the last one still runs."""
    first = date(2026, 3, 16) - timedelta(weeks=len(hours) - 1)
    return tuple(
        WeekHours(first + timedelta(weeks=n), value, round(value), whole=n < len(hours) - 1)
        for n, value in enumerate(hours)
    )


def metrics(rep: str, eager: Sequence[str], rank: int | None = None, **changes: object) -> RepMetrics:
    made = RepMetrics(
        rep=rep,
        teams=TEAMS.get(rep, ()),
        watch=Watch(28, 28, 1.0, enough=True),
        eager=tuple(eager),
        rebooks=len(eager) + 1,
        rebook_rate=rate(7, 12, 2),
        next_step_coverage=rate(8, 10, 1),
        buyer_hours_per_week=Measure(3.25, 14),
        buyer_initiated_share=rate(5, 14, 1),
        ask_to_accept=rate(9, 11, 1),
        push_rate=rate(2, 14, 1),
        drop_rate=rate(1, 14, 1),
        own_move_rate=rate(0, 14, 1),
        breadth=Measure(2.5, 6),
        soft_share=(SoftShare("EUR", 0.625, 5, Decimal(50000), Decimal(80000), Decimal(0)),),
        dead_hours=Measure(1.5, 3),
        answer_time_hours=Measure(5.2, 4),
        trend=Trend(2, 1.75),
        weeks=weeks(2.0, 3.5, 1.2, 0.0, 4.1, 3.3, 2.8, 5.0, 3.9, 2.2, 4.4, 0.9),
        accounts=9,
        rank=rank,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # the caller names fields


_RITA = metrics(RITA, ("Acme", "Dahlia Optics", "Fjord Shipping"), 1)
_UMA = metrics(
    UMA,
    ("Fjord Shipping", "Gorse & Sons"),
    2,
    rebook_rate=rate(11, 16, 1),
    next_step_coverage=rate(5, 9, 2),
    own_move_rate=rate(4, 12, 3),
    trend=Trend(1, 2.5),
    soft_share=(
        SoftShare("EUR", 1.0, 2, Decimal(340000), Decimal(340000), Decimal(0)),
        SoftShare("USD", 0.5, 2, Decimal(10000), Decimal(20000), Decimal(5000)),
    ),
)
_VIC = metrics(
    VIC,
    ("Fjord Shipping",),
    3,
    rebook_rate=rate(2, 4),
    next_step_coverage=rate(2, 7, 3),
    buyer_initiated_share=rate(0, 0),
    answer_time_hours=Measure(None, 0, why="no buyer asked"),
    trend=Trend(0, None, "calendars cover 5 of these 10 weeks"),
    dead_hours=Measure(11.5, 16, left_out=2, why="2 meetings on accounts of which nothing is known"),
)
_WIM = metrics(WIM, (), 4, rebook_rate=rate(1, 9, 3), push_rate=rate(6, 10, 3), soft_share=())
_TOM = metrics(
    TOM,
    ("Gorse & Sons", "Acme"),
    None,
    watch=Watch(28, 17, 17 / 28, enough=False),
    ranked=False,
    not_ranked="calendars cover 17 of 28 days, under 90%: not ranked",
)
_YARA = metrics(
    YARA,
    (),
    None,
    watch=Watch(28, 0, 0.0, enough=False),
    ranked=False,
    not_ranked="calendars cover 0 of 28 days, under 90%: not ranked",
    rebook_rate=rate(0, 0),
    next_step_coverage=rate(0, 0, left_out=1),
    buyer_hours_per_week=Measure(None, 0, why="no calendar is connected"),
    buyer_initiated_share=rate(0, 0),
    ask_to_accept=rate(0, 0),
    push_rate=rate(0, 0),
    drop_rate=rate(0, 0),
    own_move_rate=rate(0, 0),
    breadth=Measure(None, 0),
    dead_hours=Measure(None, 0),
    answer_time_hours=Measure(None, 0),
    soft_share=(),
    trend=Trend(0, None, "no calendar is connected"),
    weeks=weeks(*[0.0] * 12),
)
REP_ROWS = (_RITA, _UMA, _VIC, _WIM, _TOM, _YARA)


def together(name: str, eager: Sequence[str], **changes: object) -> RepMetrics:
    """Return the row of a team, or of all: nobody ranks those."""
    rates = {field: replace(found, rank=None) for field, found in vars(_RITA).items() if isinstance(found, Rate)}
    return replace(metrics(name, eager), **(rates | changes))  # type: ignore[arg-type]  # the caller names fields


TEAM_ROWS = (
    together(NORTH, ("Acme", "Dahlia Optics", "Fjord Shipping", "Gorse & Sons"), rebook_rate=rate(20, 34)),
    together(SOUTH, ("Fjord Shipping", "Gorse & Sons"), rebook_rate=rate(14, 29)),
)
TOTAL = together(
    "",
    ("Acme", "Dahlia Optics", "Fjord Shipping", "Gorse & Sons"),
    rebook_rate=rate(23, 41),
    next_step_coverage=rate(14, 24, left_out=1),
    weeks=weeks(9.0, 12.5, 11.2, 3.0, 14.1, 13.3, 12.8, 16.0, 12.9, 9.2, 14.4, 2.9),
    accounts=24,
)

NOTICE = (
    "Look at the system or the season first: 4 of 5 reps have fewer eager prospects in the last 2 weeks than their own "
    "mean of the 8 weeks before."
)
CONTEST = Contest(
    (
        Place(1, RITA, 3, 4, 2, 13.0, None, "most eager prospects"),
        Place(2, UMA, 2, 3, 1, 9.5, 1, "eager prospects"),
        Place(3, VIC, 1, 2, 0, 6.25, 1, "eager prospects"),
        Place(4, WIM, 0, 0, 0, 2.0, 1, "eager prospects"),
    ),
    {TOM: "calendars cover 17 of 28 days", YARA: "no calendar is connected"},
)


# --- accounts ---------------------------------------------------------------------------------------------------------


def audited(made: AccountResult, **changes: object) -> AccountAudit:
    name = made.account.name
    shown = AccountAudit(
        result=made,
        our_hours=2.5,
        buyer_hours=3.0,
        firm_hours=2.4,
        meetings=3,
        eats=False,
        mobilizers=(),
        key_met=(),
        key_missing=(),
        deals=tuple(each.deal.id for each in LINES if each.account == name),
        without_deal=False,
        reps=(RITA,),
    )
    return replace(shown, **changes)  # type: ignore[arg-type]  # the caller names fields


def _juniper(made: AccountResult) -> AccountResult:
    """Return an account whose next meeting was put off three times."""
    kickoff = samples.meeting(
        at(1, 28, 9), 60, "Kick-off", [samples.buyer("j@juniperretail.example", Level.OWNED, 0.95)], sellers=(TOM,)
    )
    plan = samples.meeting(
        at(4, 9, 8),
        45,
        "Rollout plan",
        [samples.buyer("j@juniperretail.example", Level.FIRM, 0.8)],
        moves=3,
        sellers=(TOM,),
    )
    silent = samples.meeting(
        at(3, 5, 9), 30, "Check-in", [samples.buyer("@juniperretail.example", Level.INVITED, 0)], sellers=(TOM,)
    )
    steps = [at(3, 5, 8), at(3, 19, 8), at(3, 26, 8), at(4, 9, 8)]
    moves = tuple(
        samples.change(
            ChangeKind.MOVED,
            "Rollout plan",
            uid=plan.uid,
            seen_at=before - timedelta(days=2),
            before=before,
            after=after,
            by=actor,
            confidence=Confidence.LIKELY,
            days=(after - before).days,
        )
        for before, after, actor in zip(
            steps, steps[1:], (Actor.BUYER, Actor.SELLER_OR_UNKNOWN, Actor.BUYER), strict=False
        )
    )
    return replace(made, meetings=(kickoff, silent, samples.DROPPED, plan), changes=moves, next_meeting=plan)


def _results() -> Iterable[AccountAudit]:
    owners = {one.account: one.owner for one in LINES if one.account}
    for made in samples.ACCOUNTS:
        name = made.account.name
        owned = replace(made, account=replace(made.account, owner=owners.get(name, RITA)))
        reps = (owned.account.owner or RITA,)
        match name:
            case "Acme":
                yield audited(
                    owned, mobilizers=(samples.ANN,), key_met=(samples.CFO,), our_hours=1.75, buyer_hours=3.0, reps=reps
                )
            case "Dahlia Optics":
                dora, ceo = ("dora@dahliaoptics.example",), ("ceo@dahliaoptics.example",)
                yield audited(owned, key_missing=ceo, mobilizers=dora, reps=reps)
            case "Juniper Retail":
                yield audited(_juniper(owned), reps=(TOM, UMA), our_hours=6.5, buyer_hours=1.0, firm_hours=0.9)
            case "Birch":
                yield audited(owned, eats=True, our_hours=9.25, buyer_hours=0.0, firm_hours=0.0, reps=reps)
            case "Nettle":
                yield audited(owned, eats=True, our_hours=3.0, buyer_hours=0.0, firm_hours=0.0, reps=reps)
            case "Gorse & Sons" | "Iris Hotels":
                yield audited(owned, without_deal=True, firm_hours=2.0, reps=reps)
            case "Oak Insurance":
                yield audited(
                    owned, our_hours=None, buyer_hours=None, firm_hours=None, meetings=0, mobilizers=None, key_met=None,
                    key_missing=None, reps=(),
                )  # fmt: skip
            case _:
                yield audited(owned, reps=reps)


ACCOUNTS = tuple(_results())


# --- coverage ---------------------------------------------------------------------------------------------------------


def covered(rep: str, state: CalendarState, text: str, **changes: object) -> RepCoverage:
    watch = next((row.watch for row in REP_ROWS if row.rep == rep), Watch(28, 28, 1.0, enough=True))
    made = RepCoverage(rep, TEAMS.get(rep, ()), state, (samples.connection(rep),), watch, 2, (), text)
    return replace(made, **changes)  # type: ignore[arg-type]  # the caller names fields


COVERAGE = Coverage(
    (
        covered(RITA, CalendarState.FRESH, "synced 12 min ago"),
        covered(
            TOM,
            CalendarState.STALE,
            "last synced 3 d ago",
            connections=(samples.connection(TOM, stale=True, last_synced=AS_OF - timedelta(days=3)),),
            unknown_accounts=("Oak Insurance",),
        ),
        covered(UMA, CalendarState.FRESH, "synced 12 min ago"),
        covered(VIC, CalendarState.FRESH, "synced 12 min ago"),
        covered(WIM, CalendarState.NEVER_READ, "connected, and never read"),
        covered(YARA, CalendarState.MISSING, "no calendar is connected", connections=()),
    ),
    (
        "1 deal (70,000 EUR) is UNKNOWN because no calendar of tom@ours.example has been read since Fri 13 Mar.",
        "What yara@ours.example does is unknown: no calendar is connected.",
    ),
)


def audit(**changes: object) -> AuditResult:
    """Return the audit of six reps, fifteen accounts and thirteen open deals."""
    made = AuditResult(
        head=samples.head(
            (samples.connection(), samples.connection(TOM, stale=True, last_synced=AS_OF - timedelta(3)))
        ),
        period=PERIOD,
        team=None,
        rep=None,
        forecast=FORECAST,
        reps=REP_ROWS,
        teams=TEAM_ROWS,
        total=TOTAL,
        notice="",
        contest=CONTEST,
        accounts=ACCOUNTS,
        eating=tuple(one for one in ACCOUNTS if one.eats),
        without_deal=tuple(one for one in ACCOUNTS if one.without_deal),
        coverage=COVERAGE,
        deals_at=at(3, 15, 17),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # the caller names fields


def empty() -> AuditResult:
    """Return the audit before any import of deals, any account, any calendar."""
    nobody = metrics(
        "", (), watch=Watch(28, 0, 0.0, enough=False), trend=Trend(0, None, "no calendar is connected"), weeks=()
    )
    return audit(
        head=samples.head(()),
        forecast=Forecast((), (), (), (), (), 0, (), ()),
        reps=(),
        teams=(),
        total=nobody,
        contest=Contest(()),
        accounts=(),
        eating=(),
        without_deal=(),
        coverage=Coverage((), ("No calendar is connected: nothing is known.",)),
        deals_at=None,
    )


def unwell() -> AuditResult:
    """Return an audit that warns of everything: a drop of the whole team, a narrowed scope, skipped events."""
    return audit(head=samples.unwell().head, notice=NOTICE, team=NORTH, rep=RITA)


def wordy() -> AuditResult:
    """Return an audit whose names and sentences are far longer than anybody would look at."""
    lines = [
        replace(
            made,
            findings=tuple(replace(found, line=found.line * 4, question=found.question * 4) for found in made.findings),
        )
        for n in range(6)
        for made in [
            line(deal(n, samples.LONG, samples.LONG, str(900 - n)), Status.SOFT, Finding.F1, owner=samples.STRANGER)
        ]
    ]
    return audit(forecast=totalled(lines), notice=NOTICE)


BACKTEST = Backtest(
    31,
    24,
    tuple(
        Hindsight(
            weeks,
            55 - weeks,
            (
                StatusRate(Status.REAL, rate(18, 22)),
                StatusRate(Status.SOFT, rate(6, 14)),
                StatusRate(Status.LOST, rate(1, 4)),
                StatusRate(Status.UNKNOWN, rate(0, 0)),
            ),
        )
        for weeks in (4, 8, 12)
    ),
    {"closed before any calendar was read": 7},
)
"""What the statuses said before deals closed."""


# --- what strangers write ---------------------------------------------------------------------------------------------

FORMULA = '=HYPERLINK("https://evil.example","click")'
SCRIPT = "</script><script>document.title='owned'</script><img src=https://evil.example/x onerror=alert(1)>"
ATTACKS = (
    FORMULA,
    SCRIPT,
    samples.HOSTILE,
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "a;=1+1",
    "[x](javascript:1)|*b*",
)


def hostile() -> AuditResult:
    """Return an audit in which every text of a stranger is an attack, and names are long or wide."""
    lines, accounts = [], []
    for number, text in enumerate((*ATTACKS, samples.LONG, samples.WIDE)):
        made = deal(100 + number, text, text, str(900_000 - number), owner=text, stage=text, currency=None)
        lines.append(line(made, Status.SOFT, Finding.F1, Finding.F2, owner=samples.STRANGER, evidence=text))
        lines.append(line(replace(made, id=f"x{number}"), Status.UNKNOWN, owner=None, account=None, unmatched=(text,)))
        strange = samples.meeting(at(3, 10 + number % 5), 45, text, [samples.buyer(f"x@{text}", Level.FIRM, 0.8)])
        moved = samples.change(
            ChangeKind.MOVED,
            text,
            uid=strange.uid,
            before=at(3, 1),
            after=at(3, 10 + number % 5),
            why=text,
            by=Actor.BUYER,
        )
        accounts.append(
            audited(
                samples.result(
                    text, Status.SOFT, text, 9.0, flags=(samples.flag(text),), meetings=(strange,), changes=(moved,)
                ),
                mobilizers=(text,),
                key_missing=(text,),
                eats=True,
                reps=(text,),
            )
        )
    shown = audit(
        forecast=totalled(lines),
        accounts=tuple(accounts),
        eating=tuple(accounts),
        without_deal=tuple(accounts[:3]),
        reps=tuple(metrics(text, (text,), n + 1, not_ranked=text) for n, text in enumerate(ATTACKS)),
        teams=(metrics(SCRIPT, (SCRIPT,)),),
        team=SCRIPT,
        notice=SCRIPT,
        contest=Contest((Place(1, SCRIPT, 1, 1, 1, 1.0, None, SCRIPT),), {FORMULA: SCRIPT}),
    )
    reps = tuple(covered(text, CalendarState.STALE, text, unknown_accounts=(text,)) for text in ATTACKS)
    return replace(shown, coverage=Coverage(reps, (SCRIPT, FORMULA)))


# --- five hundred reps ------------------------------------------------------------------------------------------------


def large(reps: int = 500, accounts: int = 10_000, meetings: int = 20, seed: int = 1) -> AuditResult:
    """Return the audit of a large company: `meetings` per account, three deals for four accounts."""
    dice = random.Random(seed)
    people = [f"rep{n:03}@ours.example" for n in range(reps)]
    stories = [_story(meetings, dice) for _ in range(50)]
    lines: list[DealLine] = []
    rows: list[AccountAudit] = []
    for number in range(accounts):
        name, owner = f"Sample Company {number:05}", people[number % reps]
        status = dice.choices(list(Status), [30, 20, 15, 5, 15, 10, 5])[0]
        made = _large_account(name, owner, status, stories, dice)
        if number % 4:
            lines.append(_large_deal(number, name, owner, status, dice))
        rows.append(
            audited(
                made,
                our_hours=dice.uniform(0, 9),
                eats=dice.random() < 0.02,
                without_deal=not number % 40,
                deals=(f"006-{number:04}",) if number % 4 else (),
                mobilizers=(f"ann@sample{number}.example",),
                reps=(owner,),
            )
        )
    ranked = [_large_rep(person, n, dice) for n, person in enumerate(people)]
    places = tuple(Place(n + 1, row.rep, 500 - n, 1, 1, 1.0, 1, "eager prospects") for n, row in enumerate(ranked))
    return audit(
        forecast=totalled(lines),
        accounts=tuple(rows),
        eating=tuple(one for one in rows if one.eats),
        without_deal=tuple(one for one in rows if one.without_deal),
        reps=tuple(ranked),
        contest=Contest(places),
        coverage=Coverage(tuple(covered(person, CalendarState.FRESH, "synced 5 h ago") for person in people), ()),
    )


Story = tuple[tuple[MeetingView, ...], tuple[Change, ...]]


def _large_account(
    name: str, owner: str, status: Status, stories: Sequence[Story], dice: random.Random
) -> AccountResult:
    domain = name.lower().replace(" ", "") + ".example"
    views, changes = dice.choice(stories)
    return samples.result(
        name,
        status,
        f"Last held {dice.randint(1, 60)} d ago (usual gap 11 d), nothing booked.",
        dice.uniform(0, 100),
        account=Account(name, (domain,), AccountType.PROSPECT, owner),
        meetings=views,
        changes=changes,
        firm_buyers=(f"ann@{domain}", f"bob@{domain}"),
    )


def _story(meetings: int, dice: random.Random) -> Story:
    """Return the meetings of an account and their moves; many accounts share one, since only the size matters."""
    views, changes = [], []
    for n in range(meetings):
        start = at(3, 16, 9) + timedelta(days=dice.randint(-120, 30), hours=dice.randint(0, 6))
        levels = dice.choices(
            [Level.FIRM, Level.OWNED, Level.INVITED, Level.WITHDRAWN, Level.SOFT], [50, 20, 20, 5, 5], k=2
        )
        people = [
            samples.buyer(f"{who}@x.example", level, 0.8) for who, level in zip(("ann", "bob"), levels, strict=True)
        ]
        gone = EventStatus.CANCELLED if dice.random() < 0.1 else EventStatus.CONFIRMED
        view = samples.meeting(
            start, 45, f"Sample meeting {n}: rollout and prices", people, sellers=(RITA,), status=gone
        )
        views.append(view)
        if dice.random() < 0.3:
            before = start - timedelta(days=dice.randint(1, 21))
            moved = samples.change(
                ChangeKind.MOVED, view.subject, uid=view.uid, before=before, after=start, by=Actor.BUYER
            )
            changes.append(moved)
    return tuple(sorted(views, key=lambda view: str(view.slot.start))), tuple(changes)


def _large_deal(number: int, name: str, owner: str, status: Status, dice: random.Random) -> DealLine:
    made = deal(
        number,
        name,
        f"Sample deal {number}",
        str(dice.randint(5, 900) * 1000),
        dice.choice(list(Category)),
        currency=dice.choices(["EUR", "USD", "GBP"], [70, 25, 5])[0],
    )
    codes = dice.sample(list(Finding), dice.choice([0, 0, 1, 2]))
    return line(made, status, *sorted(codes, key=lambda code: code.name), owner=owner)


def _large_rep(person: str, number: int, dice: random.Random) -> RepMetrics:
    some = [f"Sample Company {dice.randint(0, 9999):05}" for _ in range(dice.randint(0, 9))]
    return metrics(
        person,
        some,
        number + 1,
        teams=(),
        rebook_rate=rate(dice.randint(0, 12), 12, number + 1),
        next_step_coverage=rate(dice.randint(0, 20), 20, number + 1),
    )
