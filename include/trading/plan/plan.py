"""What planning is given and what it returns: every symbol's whole story, and the orders that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, NamedTuple

from pydantic import AwareDatetime, Field, InstanceOf, PlainSerializer

from include.trading.models import AccountFacts, AssetFacts, Price, Shares, Side, Signal, Symbol, Value
from include.trading.numbers import shares
from include.trading.plan.own import OwnParts
from include.trading.plan.reasons import NO_CHANGE_WANTED, UNDECIDED
from include.trading.sizing.inputs import Bound, History
from include.trading.strategy.spec import Strategy

AccountState = Literal["active", "reduce_only", "halted"]
Leg = Literal[1, 2]
Outcome = Literal["order", "skipped", "denied", "unchanged"]
RuleOutcome = Literal["passed", "warned", "denied", "off", "not_evaluable"]


class PlanInputs(Value):
    """Everything a plan depends on. Quantities are signed shares, negative is short.

    Prices and previous closes are wanted for every symbol of the strategy, of `held` and of `open_quantity`;
    where there is none, the text says why, in the market data client's words: missing, stale, not a number, …
    """

    strategy: Strategy = Field(description="already narrowed to what the run asked for")
    signals: tuple[Signal, ...]
    prices: dict[Symbol, Price | str]
    previous_closes: dict[Symbol, Price | str]
    closes_in_new_shares: dict[Symbol, Price] = Field(
        default={}, description="previous closes of symbols that were split since, in the shares that are traded now"
    )
    last_prices: dict[Symbol, Price] = Field(
        default={}, description="the last price the ledger knows of a symbol in the book that has neither of the two"
    )
    held: dict[Symbol, Decimal] = Field(description="this strategy's own fills, never the account's total")
    open_quantity: dict[Symbol, Decimal] = Field(description="what the strategy's working orders may still trade")
    blocked: dict[Symbol, str] = Field(description="symbols that may not be planned, with a code of reasons.BLOCKS")
    account_state: AccountState
    traded_today: Decimal = Field(ge=0, description="USD the strategy traded or may still trade in this session")
    ids_from_content: bool = Field(
        default=False, description="the venue makes order ids from symbol, side, quantity and day"
    )
    now: AwareDatetime
    money: AccountFacts | str | None = Field(
        default=None, description="what the venue says of the account; why it did not answer; None: it was not asked"
    )
    promised: Decimal = Field(
        default=Decimal(0),
        ge=0,
        description="USD of buying power that orders of the account's other plans take, and that it does not count yet",
    )
    reductions_only: str | None = Field(default=None, description="why nothing may be increased")
    assets: dict[Symbol, AssetFacts | None] | str | None = Field(
        default=None,
        description="what the venue says of each symbol, None for one that it does not know; why it did not answer; "
        "None: it tells none, or was not asked",
    )
    least_fraction_usd: Decimal | None = Field(
        default=None, description="least worth of an order for a part of a share; None: whole shares only"
    )
    no_increases: dict[str, str] = Field(default_factory=dict, description="why these symbols may not be increased")
    history: InstanceOf[History] | None = Field(
        default=None, description="adjusted closes up to the as_of_date; None where the sizing looks at none"
    )
    traded_usd: dict[Symbol, Decimal] | None = Field(
        default=None, description="average USD traded a session up to the as_of_date, where a limit looks at it"
    )
    own: InstanceOf[OwnParts] = Field(default=OwnParts(), description="the strategy's own functions, imported")
    flatten: bool = Field(default=False, description="close everything; needs no signals")
    most_symbols: int | None = Field(
        default=None, description="how many symbols a run that flattens has tasks for; None: as many as there are"
    )
    only_symbols: tuple[Symbol, ...] | None = Field(
        default=None, description="what the run was narrowed to: no other symbol is planned, held ones included"
    )


# A tuple and no Value: a plan of a thousand orders has thirteen thousand of these, made by our own rules from checked
# numbers, and a frozen dataclass takes about twice as long to make.
class RuleCheck(NamedTuple):
    """What one rule said of one order. value and limit in the rule's unit; exposures and turnover in USD."""

    code: str
    outcome: RuleOutcome
    value: Decimal | None = None
    limit: Decimal | None = None
    detail: str | None = None


class PlannedOrder(Value):
    """One market order to send."""

    symbol: Symbol
    leg: Leg = Field(description="a flip closes with leg 1 and opens with leg 2; everything else is leg 1")
    side: Side
    quantity: Shares = Field(gt=0)
    price: Decimal = Field(gt=0, description="USD a share it was sized at")
    notional: Decimal = Field(description="USD, quantity × price")
    reduces: bool = Field(description="it only brings the position nearer to zero, whether open orders fill or not")
    opens_short: bool = Field(description="the strategy may be short once it is filled")
    scaled: str | None = Field(default=None, description="by how much the buying power made it smaller")

    @property
    def key(self) -> tuple[str, int]:
        return self.symbol, self.leg

    @property
    def words(self) -> str:
        return f"{self.side} {shares(self.quantity)} {self.symbol}"

    @property
    def signed_quantity(self) -> Decimal:
        return self.quantity if self.side == "buy" else -self.quantity


class OldValue(NamedTuple):
    """What a holding without a usable price is worth to the limits; price is None when no price is known at all."""

    symbol: str
    quantity: Decimal
    problem: str
    price: Price | None


# No Value: it is made of checked numbers only, and a Value of as many fields takes several times as long and as much
# memory.
@dataclass(frozen=True, slots=True)
class MappingRow:
    """The whole story of one symbol (of one leg, when it flips).

    target_quantity: None when it could not be sized. delta_quantity: signed shares wanted by this leg.
    order_side, order_quantity: also of a denied order.
    signal_weight: the signal's own. target_weight: what was planned with. bound: the constraint that made it so.
    reason: a code of include/trading/plan/reasons.py when skipped or denied. detail: the reason with its numbers; of an
    order, what a rule warns of.
    """

    symbol: str
    leg: Leg
    predicted_return: Decimal | None
    rank: int | None
    signal_weight: Decimal | None
    target_weight: Decimal | None
    bound: Bound | None
    target_quantity: Decimal | None
    held_quantity: Decimal
    open_quantity: Decimal
    delta_quantity: Decimal | None
    price: Decimal | None
    price_source: str | None
    price_at: datetime | None
    price_age_seconds: Decimal | None
    order_side: Side | None
    order_quantity: Decimal | None
    outcome: Outcome
    reason: str | None
    detail: str | None
    rules: tuple[Annotated[RuleCheck, PlainSerializer(RuleCheck._asdict)], ...]


class ShadowTarget(NamedTuple):
    """What a shadow would hold of one symbol, in signed shares."""

    symbol: str
    weight: Decimal
    quantity: Decimal
    bound: Bound


class ShadowSizing(NamedTuple):
    """What another sizing would have held; never traded. refused: why it found no weights."""

    model: str
    targets: tuple[ShadowTarget, ...] = ()
    refused: str | None = None


class Plan(Value):
    """rows: by symbol and leg. orders: as they are to be sent, reductions first."""

    rows: tuple[InstanceOf[MappingRow], ...]
    orders: tuple[PlannedOrder, ...]
    rules_off: tuple[str, ...] = Field(description="codes of the rules that are off, by the strategy or the venue")
    old_values: tuple[OldValue, ...] = Field(default=(), description="of holdings without a usable price")
    notes: tuple[str, ...] = Field(default=(), description="what the venue told or did not tell, and changed by it")

    @property
    def planned_change_symbols(self) -> int:
        """Return how many symbols want a change beyond the band, whether or not it became an order."""
        not_wanted = NO_CHANGE_WANTED | UNDECIDED
        return len({row.symbol for row in self.rows if row.outcome != "unchanged" and row.reason not in not_wanted})
