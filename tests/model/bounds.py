"""The parts that are searched whole: small ones that every change passes, and larger ones for `make model-check`."""

from __future__ import annotations

from tests.model.world import Bounds, Left

# Where nothing protects an order but our own rules: a venue takes an id twice, and what it says is true.
ALONE = Bounds("an id may be used twice, an answer is lost", 2, Left(losses=1), strict=False)
LONG = Bounds("the same in a window long enough to send again", 2, Left(losses=1), until=5, strict=False)
HIDDEN = Bounds("… and one look-up denies what is there", 1, Left(losses=1, hides=1), until=5, strict=False, late=False)
HALTED = Bounds("a person halts the account", 2, Left(halts=1), strict=False)
FILLED = Bounds("the order fills share by share", 1, Left(losses=1), parts=2, strict=False)
# Where a venue refuses a second use, and may lie and be late.
LIED_TO = Bounds("a venue lies once", 2, Left(lies=1), until=5)
REVISED = Bounds("a second revision", 2, Left(revisions=1), parts=1)
MOVED = Bounds("another venue behind the name", 2, Left(losses=1, switches=1))
OVERFILLED = Bounds("the broker fills too much", 1, Left(overfills=1), parts=1)

# Alpaca refuses a second use of an id, and its orders list no fills.
ALPACA_LIES = Bounds("Alpaca lies once, the order fills share by share", 2, Left(lies=1), parts=2, alpaca=True)
ALPACA_REVISED = Bounds("a second revision at Alpaca", 2, Left(revisions=1), parts=1, alpaca=True)

SMALL = (ALONE, LONG, HIDDEN, HALTED, FILLED, LIED_TO, REVISED, MOVED, OVERFILLED, ALPACA_LIES, ALPACA_REVISED)

FULL = (
    Bounds("three workers, any may die, an id may be used twice", 3, Left(kills=1, losses=1), until=5, strict=False),
    Bounds("two workers, two deaths, an id may be used twice", 2, Left(kills=2, losses=1), until=5, strict=False),
    Bounds("three workers, a venue lies once", 3, Left(losses=1, lies=1)),
    Bounds("two workers, a venue lies twice", 2, Left(losses=1, lies=2), parts=1),
    Bounds("a halt, a death, a refusal; fills share by share", 2, Left(1, 1, halts=1, refusals=1), 4, 2, strict=False),
    Bounds("a second revision, a lie, a lost answer", 2, Left(losses=1, lies=1, revisions=1), parts=1),
    Bounds("another venue, a lie, a death", 2, Left(kills=1, losses=1, lies=1, switches=1)),
    Bounds("overfilled, a lie, fills share by share", 2, Left(losses=1, lies=1, overfills=1), parts=2),
    Bounds("Alpaca: three workers, a death, a lost answer", 3, Left(kills=1, losses=1), until=5, alpaca=True),
    Bounds("Alpaca: two workers, two lies", 2, Left(losses=1, lies=2), parts=1, alpaca=True),
    Bounds(
        "Alpaca: a second revision, a lie, a lost answer", 2, Left(losses=1, lies=1, revisions=1), 3, 1, alpaca=True
    ),
    Bounds("Alpaca: overfilled, a lie, a halt", 2, Left(lies=1, halts=1, overfills=1), parts=2, alpaca=True),
)
