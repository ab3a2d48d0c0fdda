"""The accounts of one rep, one story each; together they show every status."""

from __future__ import annotations

from calsignal.demo.scenes import MAYBE, NO, REP, YES, Scene, silent, yes
from calsignal.model import Account

ROBINS = (
    Account("Alder & Pike", ("alderpike.example",)),
    Account("Brightwater Foods", ("brightwater.example",)),
    Account("Cobalt Robotics", ("cobalt-robotics.example",)),
    Account("Dunmore Health", ("dunmorehealth.example",)),
    Account("Eastgate Logistics", ("eastgate.example",)),
    Account("Fernhill Energy", ("fernhill.example",)),
    Account("Granite Bank", ("granitebank.example",)),
    Account("Harrow Insurance", ("harrow.example",)),
    Account("Ironbridge Steel", ("ironbridge.example",)),
    Account("Juniper Travel", ("juniper.example",)),
    Account("Kestrel Media", ("kestrel.example",)),
    Account("Larkspur Retail", ("larkspur.example",)),
    Account("Nettle Biotech", ("nettle.example",)),
    Account("Orchard Paper", ("orchardpaper.example",)),
    Account("Pinewood Homes", ("pinewood.example",), owner="jo@ours.example"),
)

ROBINS_PLAY = (
    # they organise, bring a colleague, and wait for our answer: the first thing to do
    Scene("alder-1", -32, -26, "10:00", 45, "First look", yes("iris@alderpike.example", on=-31)),
    Scene("alder-2", -25, -12, "10:00", 60, "Requirements", yes("iris@alderpike.example", on=-24)),
    Scene(
        "alder-3",
        -2,
        4,
        "09:30",
        60,
        "Pricing with finance",
        yes("nadia@alderpike.example", on=-1) | {REP: {}},
        organizer="iris@alderpike.example",
    ),
    # booked again by the buyer after each meeting
    Scene("bright-1", -46, -40, "14:00", 30, "Intro", yes("tom@brightwater.example", on=-44)),
    Scene("bright-2", -38, -22, "14:00", 60, "Workshop", {REP: {-37: YES}}, organizer="tom@brightwater.example"),
    Scene(
        "bright-3",
        -21,
        -6,
        "14:00",
        60,
        "Pilot plan",
        yes("lena@brightwater.example", on=-20) | {REP: {-20: YES}},
        organizer="tom@brightwater.example",
    ),
    Scene(
        "bright-4",
        -5,
        2,
        "15:00",
        45,
        "Pilot contract",
        yes("lena@brightwater.example", on=-4) | {REP: {-4: YES}, "cfo@brightwater.example": {-1: YES}},
        organizer="tom@brightwater.example",
    ),
    # a weekly series, one date of it today
    Scene(
        "cobalt-1",
        -36,
        -28,
        "14:00",
        30,
        "Integration weekly",
        yes("wei@cobalt-robotics.example", on=-34) | {"ana@cobalt-robotics.example": {}},
        weekly=9,
    ),
    # a slot they only pencil in
    Scene("dun-1", -24, -16, "11:00", 45, "Discovery", yes("hugo@dunmorehealth.example", on=-22)),
    Scene("dun-2", -9, 6, "11:00", 45, "Business case", {"hugo@dunmorehealth.example": {-7: MAYBE}}),
    # put off again and again: booked, and still no commitment
    Scene(
        "east-1",
        -40,
        -18,
        "09:00",
        60,
        "Decision meeting",
        {"ruth@eastgate.example": {-38: YES, -20: NO, -18: YES, -9: NO, -7: YES, -2: NO, -1: YES}},
        moves={-19: (-6, "09:00"), -8: (3, "09:00"), -1: (11, "09:00")},
    ),
    # pulled in by the buyer
    Scene("fern-1", -30, -20, "16:00", 45, "Site visit debrief", yes("omar@fernhill.example", on=-28)),
    Scene(
        "fern-2",
        -15,
        12,
        "10:00",
        60,
        "Proposal",
        yes("kim@fernhill.example", on=-13) | {REP: {-14: YES}},
        organizer="omar@fernhill.example",
        moves={-1: (7, "10:00")},
    ),
    # a good meeting, and no next step
    Scene("gran-1", -20, -13, "13:00", 30, "Intro", yes("paul@granitebank.example", on=-19)),
    Scene(
        "gran-2",
        -11,
        -4,
        "13:00",
        60,
        "Security review",
        yes("paul@granitebank.example", "vera@granitebank.example", on=-10),
    ),
    # held a while ago, asked again
    Scene("harr-1", -22, -15, "15:00", 45, "Needs analysis", yes("maud@harrow.example", on=-20)),
    Scene("harr-2", -2, 8, "15:00", 45, "Next steps", silent("maud@harrow.example")),
    # was warm, then dropped
    Scene("iron-1", -44, -38, "10:30", 45, "Intro", yes("gus@ironbridge.example", on=-42)),
    Scene("iron-2", -36, -27, "10:30", 45, "Demo", yes("gus@ironbridge.example", on=-35)),
    Scene("iron-3", -26, -15, "10:30", 45, "Scoping", {"gus@ironbridge.example": {-24: YES, -17: NO}}),
    # silent for two months
    Scene("juni-1", -74, -66, "12:00", 45, "Demo", yes("dora@juniper.example", on=-72)),
    Scene("juni-2", -12, -3, "12:00", 30, "Checking in", silent("dora@juniper.example")),
    # the only slot is far off
    Scene("kest-1", -21, -17, "17:00", 30, "Intro", yes("ben@kestrel.example", on=-20)),
    Scene("kest-2", -9, 44, "17:00", 45, "After the budget round", yes("ben@kestrel.example", on=-8)),
    # too early to tell
    Scene("lark-1", -3, 5, "09:00", 30, "Intro", silent("zoe@larkspur.example", "max@larkspur.example")),
    # early noes and silence
    Scene("nett-1", -12, -5, "11:30", 30, "Intro", {"ivan@nettle.example": {-11: NO}}),
    Scene("nett-2", -9, 1, "11:30", 30, "Intro, second try", {"ivan@nettle.example": {-8: NO}}),
    Scene("orch-1", -34, -27, "10:00", 30, "Intro", silent("pat@orchardpaper.example")),
    Scene("orch-2", -20, -10, "10:00", 30, "Intro", silent("pat@orchardpaper.example")),
)
