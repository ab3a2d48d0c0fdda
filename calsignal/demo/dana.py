"""The accounts of a second rep, made so that each of her numbers can be worked out by hand: the tests do."""

from __future__ import annotations

from calsignal.demo.scenes import NO, YES, Scene, silent, yes
from calsignal.model import Account

DANA = "dana@ours.example"
BOSS = "boss@violet-media.example"

DANAS = (
    Account("Quarry Optics", ("quarry-optics.example",), owner=DANA),
    Account("Russet Farms", ("russet-farms.example",), owner=DANA),
    Account("Sable Freight", ("sable-freight.example",), owner=DANA),
    Account("Tamar Textiles", ("tamar-textiles.example",), owner=DANA),
    Account("Umber Games", ("umber-games.example",), owner=DANA),
    Account("Violet Media", ("violet-media.example",), owner=DANA, key_players={BOSS: BOSS}),
    Account("Weir Water", ("weir-water.example",), owner=DANA),
    Account("Yarrow Clinics", ("yarrow-clinics.example",), owner=DANA),
)

_ADA, _BEN = "ada@quarry-optics.example", "ben@quarry-optics.example"
_CLEO, _DOV, _EDDA = "cleo@russet-farms.example", "dov@sable-freight.example", "edda@tamar-textiles.example"
_FINN, _GITA, _HAL = "finn@umber-games.example", "gita@violet-media.example", "hal@violet-media.example"
_INES, _JAN = "ines@weir-water.example", "jan@yarrow-clinics.example"

DANAS_PLAY = (
    # after each meeting they book the next one
    Scene("quarry-1", -46, -40, "10:00", 45, "Intro", yes(_ADA, on=-45), DANA, rep=DANA),
    Scene("quarry-2", -39, -21, "10:00", 60, "Workshop", yes(_BEN, on=-38) | yes(DANA, on=-38), _ADA, rep=DANA),
    Scene("quarry-3", -20, -7, "10:00", 60, "Plan", yes(_BEN, on=-19) | yes(DANA, on=-19), _ADA, rep=DANA),
    Scene("quarry-4", -6, 6, "10:00", 45, "Contract", yes(_BEN, on=-5) | yes(DANA, on=-4), _ADA, rep=DANA),
    # booked again, and then put off by them
    Scene("russet-1", -33, -26, "11:00", 30, "Intro", yes(_CLEO, on=-32), DANA, rep=DANA),
    Scene(
        "russet-2",
        -25,
        -14,
        "11:00",
        45,
        "Trial",
        {_CLEO: {-24: YES, -16: NO, -14: YES}},
        DANA,
        moves={-15: (2, "11:00")},
        rep=DANA,
    ),
    # we moved it, and asked for the next one
    Scene("sable-1", -34, -28, "14:00", 45, "Intro", yes(_DOV, on=-33), DANA, rep=DANA),
    Scene("sable-2", -27, -13, "14:00", 45, "Routes", yes(_DOV, on=-26), DANA, moves={-19: (-8, "14:00")}, rep=DANA),
    Scene("sable-3", -7, 3, "14:00", 30, "Next steps", silent(_DOV), DANA, rep=DANA),
    # they took a meeting back, and we keep asking
    Scene("tamar-1", -43, -36, "15:00", 60, "Intro", yes(_EDDA, on=-42), DANA, rep=DANA),
    Scene("tamar-2", -35, -20, "15:00", 60, "Samples", {_EDDA: {-34: YES, -26: NO}}, DANA, rep=DANA),
    Scene("tamar-3", -12, -6, "15:00", 30, "Checking in", silent(_EDDA), DANA, rep=DANA),
    # silent for two months
    Scene("umber-1", -74, -61, "16:00", 45, "Demo", yes(_FINN, on=-72), DANA, rep=DANA),
    Scene("umber-2", -25, -19, "16:00", 60, "Second demo", silent(_FINN), DANA, rep=DANA),
    # every two weeks, always our idea, and never the one who decides
    Scene("violet-1", -54, -47, "09:00", 30, "Intro", yes(_GITA, _HAL, on=-53), DANA, rep=DANA),
    Scene("violet-2", -40, -33, "09:00", 30, "Follow-up", yes(_GITA, _HAL, on=-39), DANA, rep=DANA),
    Scene("violet-3", -26, -19, "09:00", 30, "Follow-up", yes(_GITA, _HAL, on=-25), DANA, rep=DANA),
    Scene("violet-4", -12, -5, "09:00", 30, "Follow-up", yes(_GITA, _HAL, on=-11), DANA, rep=DANA),
    # too early to tell
    Scene("weir-1", -4, 7, "13:00", 30, "Intro", silent(_INES), DANA, rep=DANA),
    # one meeting, and nothing since
    Scene("yarrow-1", -22, -15, "13:00", 45, "Intro", yes(_JAN, on=-21), DANA, rep=DANA),
)
