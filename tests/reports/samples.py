"""Results made by hand: a Monday morning of a visibly invented team, and what strangers may put into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from calsignal import doctor
from calsignal.contract import Finding
from calsignal.model import (
    Account,
    AccountType,
    Actor,
    Answer,
    Change,
    ChangeKind,
    Confidence,
    ConnectionState,
    EventStatus,
    Gap,
    Level,
    Moment,
    Skipped,
    Slot,
    Status,
)
from calsignal.score.constants import Constants
from calsignal.score.result import (
    AccountChange,
    AccountReport,
    AccountResult,
    Act,
    BuyerOnMeeting,
    BuyerTime,
    Digest,
    Effect,
    FirstAction,
    Flag,
    Head,
    MeetingView,
    Rescheduling,
    Suggestion,
    TodayMeeting,
)

ZONE = "Europe/Berlin"
AS_OF = datetime(2026, 3, 16, 7, 0, tzinfo=UTC)  # Monday, 08:00 in Berlin
RITA = "rita@ours.example"
TOM = "tom@ours.example"

HOSTILE = 'Lunch\x1b[2J\x1b]0;owned\x07\r\nREAL 99.9 \u202egnp.exe\u200b\x9b31m "quoted"\x00'
WIDE = "株式会社サンプル商事との定例ミーティング"

RULES = {
    Status.UNKNOWN: 0,
    Status.NO_EVIDENCE: 1,
    Status.NEW: 2,
    Status.STALLED: 8,
    Status.REAL: 4,
    Status.LOST: 6,
    Status.SOFT: 7,
}


def at(month: int, day: int, hour: int = 10, minute: int = 0, year: int = 2026) -> datetime:
    """Return an instant in UTC."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def connection(rep: str = RITA, **changes: object) -> ConnectionState:
    state = ConnectionState(
        f"google-{rep.partition('@')[0]}", "google", rep, AS_OF - timedelta(minutes=12), stale=False
    )
    return replace(state, **changes)  # type: ignore[arg-type]  # the caller names fields


def head(
    connections: Sequence[ConnectionState] = (connection(),),
    skipped: Sequence[Skipped] = (),
    *,
    zone: str = ZONE,
    calibrated: bool = False,
) -> Head:
    return Head(AS_OF, zone, "v1", Constants().fingerprint(), calibrated, tuple(connections), tuple(skipped))


_EVIDENCE = {
    Level.OWNED: "organised it",
    Level.INVITED: "no answer",
    Level.SOFT: "tentative",
    Level.WITHDRAWN: "declined",
}


def buyer(name: str, level: Level, weight: float, **changes: object) -> BuyerOnMeeting:
    """Return `name` (of an address, or of a domain when it begins with @) on a meeting."""
    email = None if name.startswith("@") else name
    answers = {Level.INVITED: Answer.NONE, Level.WITHDRAWN: Answer.DECLINED, Level.SOFT: Answer.TENTATIVE}
    made = BuyerOnMeeting(
        person=f"person-{name}",
        email=email,
        domain=name.partition("@")[2],
        answer=answers.get(level, Answer.ACCEPTED),
        level=level,
        optional=False,
        organizer=False,
        weight=weight,
        evidence=_EVIDENCE.get(level, "accepted"),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # the caller names fields


def meeting(
    start: Moment, minutes: int, title: str | None, buyers: Sequence[BuyerOnMeeting] = (), **changes: object
) -> MeetingView:
    length = timedelta(minutes=minutes) if isinstance(start, datetime) else timedelta(days=1)
    made = MeetingView(
        uid=f"{title}-{start}@ours.example",
        original_start=None,
        slot=Slot(start, start + length),
        subject=title,
        status=EventStatus.CONFIRMED,
        level=max((person.level for person in buyers), default=Level.CLAIMED),
        organizer="person-rita",
        organizer_email=RITA,
        buyers=tuple(buyers),
        sellers=(RITA,),
        copies=1,
        moves=0,
        series=False,
        past=isinstance(start, datetime) and start <= AS_OF,
        minutes=minutes,
        factor=1.0,
        counted=True,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # the caller names fields


NO_ACTS = Rescheduling(
    points=50.0,
    booked_again=0,
    booked_again_by_buyer=0,
    moved_earlier=0,
    pushed_by_buyer=0,
    pushed_by_seller_or_unknown=0,
    push_days=0,
    dropped=0,
    dropped_by_seller=0,
    acts=(),
    ever_firm=True,
)


def result(name: str, status: Status, evidence: str, score: float = 0.0, **changes: object) -> AccountResult:
    domain = "".join(filter(str.isalnum, name.lower())) or "sample"
    made = AccountResult(
        account=Account(name, (f"{domain}.example",), owner=RITA),
        rank=1,
        status=status,
        stale=(),
        rule=RULES[status],
        evidence=evidence,
        score=score,
        keep=1.0,
        time=BuyerTime(2.0, 1.8, 1.2, 100 * 1.2 / 4.2),
        rescheduling=NO_ACTS,
        quiet_days=5,
        usual_gap_days=14.0,
        stall_after=21.0,
        lost_after=45.0,
        next_meeting=None,
        last_held=None,
        firm_buyers=(),
        flags=(),
        meetings=(),
        changes=(),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # the caller names fields


def flag(code: str, text: str = "") -> Flag:
    return Flag(code, text or code.replace("-", " "))


ANN, BOB, CFO = "ann.lee@acme.example", "bob@acme.example", "cfo@acme.example"

FIRST_MEETING = meeting(
    at(3, 2, 9),
    60,
    "Pricing with finance",
    [
        buyer(ANN, Level.OWNED, 0.95, organizer=True),
        buyer(BOB, Level.FIRM, 0.9),
    ],
    factor=0.5 ** (14 / 21),
    organizer=f"person-{ANN}",
    organizer_email=ANN,
    copies=2,
)
SECOND_MEETING = meeting(at(2, 9, 14), 30, "Discovery", [buyer(ANN, Level.FIRM, 0.9)], factor=0.5 ** (35 / 21))
NEXT_MEETING = meeting(
    at(3, 19, 14),
    45,
    "Contract review",
    [buyer(ANN, Level.FIRM, 0.8), buyer(CFO, Level.FIRM, 0.8), buyer(BOB, Level.INVITED, 0.0)],
    moves=1,
)
BROADCAST = meeting(
    at(1, 20, 15),
    60,
    "Product webinar",
    [buyer("@acme.example", Level.INVITED, 0.0, answer=Answer.NOT_VISIBLE)],
    counted=False,
    factor=0.0,
    why_not="broadcast",
)
DROPPED = meeting(
    at(2, 25, 9),
    30,
    "Security questions",
    [buyer(BOB, Level.WITHDRAWN, 0.0)],
    status=EventStatus.CANCELLED,
    counted=False,
    factor=0.0,
    why_not="cancelled",
)

ACTS = (
    Act(
        "booked again",
        date(2026, 2, 20),
        15.0,
        15 * 0.5 ** (24 / 21),
        "booked again after the meeting of 2026-02-09",
        "a",
        None,
    ),
    Act(
        "booked again",
        date(2026, 3, 4),
        10.0,
        10 * 0.5 ** (12 / 21),
        "booked again after the meeting of 2026-03-02",
        "b",
        None,
    ),
    Act(
        "push",
        date(2026, 3, 9),
        0.0,
        0.0,
        "put off by 7 d: a buyer declined the day before (no charge)",
        "b",
        None,
        days=7,
    ),
)


def change(kind: ChangeKind, title: str | None = "Contract review", **changes: object) -> Change:
    made = Change(kind, at(3, 15, 16), "uid@ours.example", None, title)
    return replace(made, **changes)  # type: ignore[arg-type]  # the caller names fields


CHANGES = (
    change(
        ChangeKind.CREATED, "Pricing with finance", seen_at=at(2, 20, 17), at=at(2, 20, 11), by=Actor.BUYER, email=ANN
    ),
    change(
        ChangeKind.MOVED,
        seen_at=at(3, 9, 17),
        not_before=at(3, 8, 17),
        by=Actor.BUYER,
        confidence=Confidence.LIKELY,
        why="a buyer declined the day before",
        before=at(3, 12, 14),
        after=at(3, 19, 14),
        days=7,
    ),
    change(
        ChangeKind.ANSWER_CHANGED,
        seen_at=at(3, 10, 17),
        at=at(3, 10, 8, 12),
        email=CFO,
        person=f"person-{CFO}",
        before=Answer.NONE,
        after=Answer.ACCEPTED,
        by=Actor.BUYER,
        confidence=Confidence.CERTAIN,
    ),
    change(ChangeKind.PERSON_ADDED, seen_at=at(2, 1, 17), person="person-x"),
)

ACME = result(
    "Acme",
    Status.REAL,
    "Next: Thu 19 Mar 15:00, 45 min, 2 buyers accepted (1 silent). Last held 14 d ago.",
    52.7252,
    keep=1.0,
    time=BuyerTime(4.0, 3.5, 2.5072, 45.5266),
    rescheduling=replace(
        NO_ACTS,
        points=63.523,
        booked_again=2,
        booked_again_by_buyer=1,
        pushed_by_seller_or_unknown=1,
        push_days=7,
        acts=ACTS,
    ),
    quiet_days=14,
    usual_gap_days=15.4,
    stall_after=23.1,
    lost_after=46.2,
    next_meeting=NEXT_MEETING,
    last_held=FIRST_MEETING,
    firm_buyers=(ANN, BOB, CFO),
    meetings=(SECOND_MEETING, BROADCAST, DROPPED, FIRST_MEETING, NEXT_MEETING),
    changes=CHANGES,
)

ACCOUNTS = (
    ACME,
    result(
        "Dahlia Optics",
        Status.REAL,
        "Next: Mon 16 Mar 15:30, 30 min, the buyer organised it. Last held 7 d ago.",
        49.1,
        rank=2,
        flags=(flag("single-threaded"),),
    ),
    result(
        "Elm Street Bakeries",
        Status.REAL,
        "Held 5 d ago (60 min, 2 buyers). No next step booked: ask before Mon 23 Mar.",
        41.0,
        rank=3,
        rule=5,
        flags=(flag("no-next-step"), flag("key-player-missing")),
    ),
    result(
        "Fjord Shipping",
        Status.REAL,
        "Next: Tue 24 Mar 09:00, 60 min, 3 buyers accepted.",
        38.46,
        rank=4,
    ),
    result(
        "Cedar",
        Status.SOFT,
        "Wed 18 Mar 10:00, 30 min: proposed another time. Nothing firm.",
        28.2,
        rank=5,
        flags=(flag("answer-the-buyer"),),
    ),
    result("Gorse & Sons", Status.SOFT, "Last held 12 d ago, nothing firm booked.", 22.5, rank=6),
    result(
        "Heron Labs",
        Status.SOFT,
        "Only a far slot: Next: Mon 11 May 10:00, 30 min, 1 buyer accepted (2 silent).",
        19.0,
        rank=7,
        flags=(flag("next-far-off"), flag("key-player-missing")),
    ),
    result("Iris Hotels", Status.SOFT, "Invited 2 d ago for Fri 20 Mar 11:00, 30 min; no answer yet.", 11.9, rank=8),
    result(
        "Juniper Retail",
        Status.STALLED,
        "Booked for Thu 9 Apr, but pushed 3 times, 35 days later than first agreed.",
        24.4,
        rank=9,
        rule=3,
    ),
    result("Birch", Status.STALLED, "Last held 30 d ago (usual gap 11 d), nothing booked.", 7.9, rank=10),
    result("Kestrel", Status.NEW, "Invited 3 d ago. No buyer has answered yet.", 0.0, rank=11),
    result(
        "Larch Legal",
        Status.NEW,
        "2 invitations, the first 9 d ago, the last 2 d ago. No buyer has answered yet.",
        0.0,
        rank=12,
    ),
    result("Moss Media", Status.LOST, "Last held 71 d ago. Stop, and look again on Wed 2 Sep 2026.", 0.6, rank=13),
    result("Nettle", Status.NO_EVIDENCE, "2 invitations, both declined: an early no.", 0.0, rank=14),
    result(
        "Oak Insurance",
        Status.UNKNOWN,
        "No calendar of its owner tom@ours.example is connected.",
        0.0,
        rank=15,
        quiet_days=None,
        unknown=("no calendar of tom@ours.example is connected",),
    ),
)

TODAY = (
    TodayMeeting(
        "Dahlia Optics",
        meeting(
            at(3, 16, 14, 30),
            30,
            "Lens pilot",
            [
                buyer("dora@dahliaoptics.example", Level.OWNED, 0.9, organizer=True),
                buyer("@dahliaoptics.example", Level.FIRM, 0.8),
            ],
        ),
    ),
    TodayMeeting(
        "Nettle",
        meeting(
            at(3, 16, 16),
            45,
            "Intro call",
            [buyer("n@nettle.example", Level.INVITED, 0), buyer("m@nettle.example", Level.INVITED, 0)],
        ),
    ),
)

NEWS = (
    AccountChange(
        "Juniper Retail",
        change(
            ChangeKind.MOVED,
            "Rollout plan",
            before=at(3, 26, 9),
            after=at(4, 9, 8),
            days=14,
            by=Actor.SELLER_OR_UNKNOWN,
            confidence=Confidence.GUESS,
        ),
        good=False,
    ),
    AccountChange(
        "Acme",
        change(
            ChangeKind.ANSWER_CHANGED,
            at=at(3, 15, 8, 12),
            email=CFO,
            before=Answer.NONE,
            after=Answer.ACCEPTED,
            by=Actor.BUYER,
        ),
        good=True,
    ),
    AccountChange(
        "Fjord Shipping", change(ChangeKind.CREATED, "Port visit", after=at(3, 24, 8), by=Actor.BUYER), good=True
    ),
)


def digest(accounts: Sequence[AccountResult] = ACCOUNTS, **changes: object) -> Digest:
    """Return the morning of 15 accounts."""
    made = Digest(
        head=head((connection(), connection(TOM))),
        rep=RITA,
        first_action=FirstAction(
            1,
            "Cedar",
            "Answer the buyer: their proposal for Wed 18 Mar 10:00, 30 min has waited 30 h.",
            date(2026, 3, 16),
        ),
        today=TODAY,
        accounts=tuple(accounts),
        changes=NEWS,
        since=at(3, 14, 23),
        suggestions=(),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # the caller names fields


def account(made: AccountResult = ACME, **changes: object) -> AccountReport:
    report = AccountReport(head(), replace(made, **changes))  # type: ignore[arg-type]  # the caller names fields
    moments = sorted({change.seen_at for change in report.result.changes})
    return replace(
        report,
        effects=tuple(Effect(at, 10.0 * n, 10.0 * n + 5, Status.SOFT, Status.REAL) for n, at in enumerate(moments)),
    )


SUGGESTIONS = (
    Suggestion("acme.example", "Acme", 12, 9.5),
    Suggestion("fernlabs.example", "Fern Labs", 7, 5.25),
    Suggestion("gorse.example", "Gorse & Sons", 4, 2.0),
    Suggestion("odd.example", "$(reboot)", 3, 1.5),
    Suggestion("-dash.example", "-f", 2, 1.0),
    Suggestion("sixth.example", "Sixth", 1, 0.5),
)


def empty() -> Digest:
    """Return the first morning: no accounts, nobody met yet but strangers."""
    return digest((), first_action=None, today=(), changes=(), suggestions=SUGGESTIONS, rep=None)


def crowd() -> Digest:
    """Return a morning with far more than fits a screen, customers among it, and a year's turn in its dates."""
    statuses = [status for status in Status for _ in range(9)]
    many = [
        result(f"Sample {number:02}", status, "Last held 12 d ago, nothing firm booked.", 60.0 - number, rank=number)
        for number, status in enumerate(statuses, start=1)
    ]
    customers = [
        result(f"Client {number}", Status.REAL, "Next: Fri 20 Mar 10:00, 30 min.", 70.0, rank=None)
        for number in range(5)
    ]
    return digest((*many, *customers), today=TODAY * 6, changes=NEWS * 4, since=at(12, 24, 9, year=2025))


def unwell() -> Digest:
    """Return a morning on which little can be trusted: stale, troubled and skipped."""
    stale = tuple(replace(made, stale=("google-tom/Team", "google-tom/primary")) for made in ACCOUNTS)
    states = (
        connection(),
        connection(TOM, stale=True, last_synced=AS_OF - timedelta(days=3)),
        connection("uma@ours.example", problem="the sign-in was refused; connect it again", last_synced=None),
        connection("gone@ours.example", stale=True, retired_at=AS_OF - timedelta(days=9)),
    )
    skipped = (
        Skipped("google-rita/primary", "event-1", "no start"),
        Skipped("google-rita/primary", "event-2", "an unreadable rule"),
        Skipped("ics-tom/team.ics", HOSTILE, HOSTILE),
    )
    return digest(stale, head=head(states, skipped, zone="America/New_York", calibrated=True))


LONG = "Verwaltungsgesellschaft-der-Vereinigten-Beispielwerke-Aktiengesellschaft"
STRANGER = f"{'a' * 70}@very-long-domain-of-a-sample.example"


def hostile() -> Digest:
    """Return a morning whose every stranger's text is an attack, and whose names are long or wide."""
    strange = meeting(
        at(3, 16, 9), 45, HOSTILE, [buyer(STRANGER, Level.FIRM, 0.8), buyer(f"x\x1b[31m@{HOSTILE}", Level.SOFT, 0.35)]
    )
    wide = meeting(date(2026, 3, 16), 0, WIDE * 4, [buyer("@acme.example", Level.WITHDRAWN, 0)])
    news = change(ChangeKind.ANSWER_CHANGED, HOSTILE, email=f"y\u202e@{HOSTILE}", after=Answer.DECLINED)
    return digest(
        (
            result(LONG, Status.REAL, f"Next: {HOSTILE} {WIDE}", 100.0, flags=(flag(HOSTILE),), stale=(HOSTILE,)),
            result(WIDE, Status.SOFT, STRANGER, 9.95),
            result("Zoë", Status.LOST, "e\u0301\u0301\u0301\u0301\u0301\u0301 " * 20),
        ),
        first_action=FirstAction(3, WIDE, HOSTILE, date(2026, 3, 20)),
        today=(TodayMeeting(LONG, strange), TodayMeeting(WIDE, wide)),
        changes=(AccountChange(WIDE, news, good=False),),
        rep=STRANGER,
    )


OVERLAP = meeting(
    at(3, 2, 9, 30),
    60,
    None,
    [buyer(ANN, Level.SOFT, 0.5, guests=3), buyer(BOB, Level.SOFT, 0.5, answer=Answer.NONE, evidence="")],
    series=True,
    factor=0.7 * 0.5 ** (14 / 21),
    organizer_email=None,
    sellers=(RITA, TOM),
)
"""A date of a series that overlaps `FIRST_MEETING`, with unnamed guests and without a subject."""

TANGLED = result(
    "Birch & Daughters",
    Status.STALLED,
    "Last held 30 d ago (usual gap 11 d), nothing booked.",
    7.9246,
    keep=0.5 ** (30 / 14),
    rank=None,
    stale=("google-tom/primary",),
    account=Account("Birch & Daughters", ("birch.example",), AccountType.CUSTOMER, addresses={"b@mail.example": "p"}),
    quiet_days=30,
    meetings=(FIRST_MEETING, OVERLAP, meeting(date(2027, 1, 4), 60, WIDE, counted=False, why_not="no buyer committed")),
    time=BuyerTime(2.5, 2.0, 1.4, 31.8182),
    rescheduling=replace(
        NO_ACTS,
        points=36.4,
        moved_earlier=1,
        pushed_by_buyer=2,
        push_days=21,
        dropped=1,
        dropped_by_seller=1,
        acts=(
            Act("push", date(2026, 3, 4), -5.0, -3.3648, "put off by 7 d: declined", "c", None, Actor.BUYER, 7),
            Act("dropped", date(2026, 3, 6), -10.0, -7.1887, "dropped, nothing booked instead", "d", None, Actor.BUYER),
        ),
    ),
    flags=(flag("single-threaded", f"only {ANN} is firm"), flag("no-next-step")),
    changes=tuple(
        change(kind, before=at(3, 2, 10), after=at(3, 2, 11), person="p", original_start=date(2026, 3, 2))
        for kind in ChangeKind
    ),
    unknown=("answers on 2 meetings are not visible from the calendars that are connected",),
)
"""An account with one of everything."""

STATES = (
    connection(gaps=(Gap(at(3, 1), at(3, 4), "the cursor had expired"),)),
    connection(TOM, stale=True, last_synced=AS_OF - timedelta(hours=30)),
    connection("uma@ours.example", problem="the sign-in was refused; connect it again", last_synced=None),
    connection("vic@ours.example", last_synced=None),
    connection("wim@ours.example", retired_at=at(2, 1)),
)

NAMED = (
    Account("Acme", ("acme.example", "acme.co.example"), owner=RITA, key_players={CFO: "person-cfo"}),
    Account("Birch", type=AccountType.CUSTOMER, addresses={"b@mail.example": "person-b"}),
    Account(LONG, ("long.example",), AccountType.PARTNER),
)

# --- a check-up -------------------------------------------------------------------------------------------------------

TOY = doctor.Connection(
    "toy #1",
    "NAME",
    (doctor.Calendar(AS_OF - timedelta(minutes=40)),),
    has_secret=True,
    visit=doctor.Visit((Finding("may read events"),), ahead=timedelta(seconds=2)),
)

WELL = doctor.Seen(
    program=doctor.Program("1.2.3", "3.12.4", "Linux x86_64", "SQLAlchemy 2.0.30 with sqlite"),
    config=doctor.Config("~/.config/calsignal/config.toml", found=True, troubles=(), domains=2, timezone=ZONE),
    store=doctor.Store(
        "~/.local/share/calsignal/calsignal.sqlite3",
        revision="0001",
        size=5_900_000,
        key=doctor.Key.FITS,
        latest=AS_OF - timedelta(minutes=40),
    ),
    secrets=doctor.Secrets("the keyring of the system", kept=2, connections=2),
    connections=(TOY, replace(TOY, label="toy #2")),
    retired=1,
    accounts=12,
)
"""Nothing is wrong."""

UNWELL = replace(
    WELL,
    program=replace(WELL.program, troubles=(doctor.Trouble("the provider 'odd' cannot be loaded", "reinstall it"),)),
    config=replace(
        WELL.config,
        troubles=(
            doctor.Trouble("line 2: [team] domains has no domain in '…'", "write it as company.example"),
            doctor.Trouble("line 9: [team] has no key '…'", "did you mean timezone?"),
        ),
    ),
    store=replace(
        WELL.store,
        sound=False,
        unwritable=doctor.Trouble("it is in use by another program", "wait until that has finished, then try again"),
        key=doctor.Key.OTHER,
        latest=AS_OF + timedelta(hours=5),
    ),
    secrets=replace(
        WELL.secrets,
        kind="an encrypted file, ~/vault.json",
        exposed=(doctor.Exposed("~/.config/calsignal/vault.key", "0644"),),
        kept=1,
    ),
    connections=(
        replace(
            TOY,
            calendars=(doctor.Calendar(AS_OF - timedelta(days=3)), doctor.Calendar(None, held=True)),
            gaps=2,
            skipped=1,
            visit=doctor.Visit(
                (Finding("may read events"), Finding("free/busy only", "ask its owner to share more", problem=True)),
                ahead=timedelta(minutes=-5),
            ),
        ),
        doctor.Connection(
            "toy #2",
            "NAME",
            problem="the service broke off",
            has_secret=False,
            visit=doctor.Visit(trouble=doctor.Trouble("the sign-in was revoked"), needs_sign_in=True),
        ),
        doctor.Connection("toy #3", "NAME", visit=doctor.Visit(trouble=doctor.Trouble("the provider failed"))),
    ),
    accounts=0,
)
"""Everything that opens is wrong."""

CHECKUP_WELL, CHECKUP = (doctor.judge(seen, AS_OF, timedelta(hours=24)) for seen in (WELL, UNWELL))
