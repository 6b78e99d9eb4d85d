"""The values that pass between the layers: frozen, validated, Decimal for money, aware UTC times."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from include.trading.bounds import storable_price, storable_quantity
from include.trading.numbers import shares

Contract = Literal["v1", "v2"]
Side = Literal["buy", "sell"]
Mode = Literal["replay", "plan", "dry_run", "paper", "live"]
GatewayMode = Literal["dry_run", "paper", "live"]

PriceNumber = Annotated[Decimal, AfterValidator(storable_price)]
Shares = Annotated[Decimal, AfterValidator(storable_quantity)]
Symbol = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9.\-]{0,14}$")]


class Value(BaseModel):
    """Base of the models: immutable, no unknown fields, no NaN or infinity in numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Signal(Value):
    """What a source of signals says of one symbol. Source: service-contracts 1.3."""

    symbol: Symbol
    predicted_return: Decimal | None = Field(default=None, description="None: the source does not say")
    confidence: Decimal | None = Field(default=None, ge=0, le=1, description="None: the source does not say")
    rank: int = Field(ge=1, description="1 is best; ties share a rank")
    target_weight: Decimal = Field(description="share of capital, negative is short")


class SignalOrigin(Value):
    """Where an answer came from, and by what it is known again."""

    source: str = Field(description="a path, a URL, a connection or a function")
    dated: str = Field(description="what says that the answer is of this day")
    rows: int
    sha256: str | None = Field(default=None, description="of the file, or of the rows where there is none")
    modified_at: AwareDatetime | None = Field(
        default=None, description="when the file was written, or the answer made; None: nothing says"
    )
    age_seconds: Decimal | None = Field(default=None, description="from then to when it was read")
    hindsight: bool = Field(default=False, description="it replays a day, and nothing says that it was known then")


class SignalSet(Value):
    """A whole, validated answer of a source."""

    signals: tuple[Signal, ...]
    as_of_date: date
    model_version: str
    strategy: str = Field(description="the model's own name for itself")
    generated_at: datetime | None = None
    origin: SignalOrigin | None = None
    raw: dict[str, Any] = Field(default_factory=dict, description="the answer as it came, for the ledger")


class Price(Value):
    """A price a symbol traded at."""

    symbol: Symbol
    price: PriceNumber = Field(gt=0, description="USD a share")
    at: AwareDatetime = Field(description="when it traded; for a daily close the session's close")
    source: str = Field(description="for example alpaca:latest_trade:iex")


class Position(Value):
    """What the gateway says the account holds of one symbol; negative is short."""

    symbol: str
    quantity: Decimal


class Fill(Value):
    """One execution. fill_id is the gateway's own, unique in the account. price: None if it gave none."""

    fill_id: str
    quantity: Shares = Field(gt=0)
    price: PriceNumber | None = Field(default=None, gt=0)
    at: AwareDatetime | None = None


class OrderRequest(Value):
    """What is sent to the venue: a market day order. A part of a share only where the venue takes one."""

    client_order_id: str
    symbol: Symbol
    side: Side
    quantity: Shares = Field(gt=0)

    @property
    def words(self) -> str:
        return f"{self.side} {shares(self.quantity)} {self.symbol}"


class OrderReport(Value):
    """What the venue says of one order, from a POST or from a look-up.

    state: what its word means by itself, in our words, whatever was filled; the adapter decides. status: its own word.
    """

    gateway_order_id: str = Field(description="the id the venue stores it under; some make their own")
    broker_order_id: str | None = None
    symbol: str
    side: Side
    quantity: Decimal
    state: str = Field(description="open, unknown, or a final state of include/trading/order/states.py")
    status: str = Field(description="the venue's own word, lower case")
    filled_quantity: Shares | None = Field(default=None, description="shares in all; None: it does not say")
    filled_avg_price: PriceNumber | None = None
    fills: tuple[Fill, ...] = ()
    message: str | None = None
    not_ours: str | None = Field(default=None, description="what others did to the order at the venue: a break")
    raw: dict[str, Any] = Field(default_factory=dict)

    @property
    def words(self) -> str:
        return f"{self.side} {shares(self.quantity)} {self.symbol}"


class AccountFacts(Value):
    """What the venue says of the account's money, in USD. Any of it may be below zero."""

    equity: Decimal = Field(description="cash and positions at the venue's prices")
    cash: Decimal
    buying_power: Decimal = Field(description="what increases may still cost, less what open orders reserve")
    age_seconds: float = Field(default=0, ge=0, exclude=True, description="how long ago the venue said so")


CashKind = Literal["flow", "dividend", "fee", "interest"]


class CashActivity(Value):
    """What changed the account's cash besides a fill, in USD: below zero for what was paid. flow: put in or taken out.

    venue_id: the venue's own, by which it is known again.
    """

    venue_id: str
    kind: CashKind
    symbol: str | None = None
    amount: Decimal
    day: date
    words: str = ""


class Allowance(Value):
    """How many requests a minute the venue takes from all clients of the account, and what is left of them."""

    limit: int = Field(ge=1)
    left: int = Field(ge=0)
    seconds_to_reset: float = Field(ge=0)


class AssetFacts(Value):
    """What the venue says of a symbol. shortable: it lends it now, and it is easy to borrow."""

    symbol: Symbol
    tradable: bool
    shortable: bool
    fractionable: bool = Field(description="parts of a share may be traded")


class VenueInfo(Value):
    """What the venue says of itself. strategy_id, broker_url: what tells it from others; None: it did not say."""

    service: str
    version: str
    status: Literal["healthy", "degraded", "unhealthy"] | None = Field(description="None: it was not asked")
    mode: GatewayMode
    strategy_id: str | None = Field(default=None, description="its own name or account, by which it is known again")
    broker_url: str | None = Field(default=None, description="where it sends orders")
    is_sandbox: bool = Field(default=False, description="it calls itself a sandbox: no money moves there")
    sandbox_only: bool = Field(default=False, description="only strategies that are `sandbox_only` may trade here")
    detail: str | None = None
