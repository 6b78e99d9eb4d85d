"""A strategy: all that an entry of the strategies file may say. What a run asks of it: request.py and narrowing.py."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal, TypeVar

from pydantic import Field, StrictBool, ValidationInfo, field_validator

from include.trading.calendar.exchanges import EXCHANGES
from include.trading.models import Mode, Value
from include.trading.strategy.band_spec import DriftBand, NoTradeBand
from include.trading.strategy.capital_spec import (
    WHOLE_CAPITAL,
    Capital,
    CapitalShare,
    EquityCapital,
    OwnCapital,
    PositionSize,
)
from include.trading.strategy.choice import Word
from include.trading.strategy.limits import Limits, Number
from include.trading.strategy.orders_spec import Orders
from include.trading.strategy.prices_spec import AlpacaPrices, Prices
from include.trading.strategy.schedule_spec import Schedule, check_schedule
from include.trading.strategy.signals_spec import Signals
from include.trading.strategy.sizing_spec import RiskParity, Shadow, Sizing, SizingSpec, TargetWeight, VolatilityTarget
from include.trading.strategy.values import Closures, ConnectionId, DottedName, Money, Symbols, Tag

OrderBasis = Literal["rebalance", "target"]
AbsentSignal = Literal["close", "keep"]
Spec = TypeVar("Spec", bound=Word)

# The safest first; a run may choose a safer one than its strategy's, never the other way.
MODES: Final[tuple[Mode, ...]] = ("replay", "plan", "dry_run", "paper", "live")


class Strategy(Value):
    """One entry of the strategies file. Two strategies may not share a symbol on one account."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,30}$", description="part of order ids and of the DAG's name")
    title: str | None = Field(default=None, max_length=200, description="what people call it")
    owner: str = Field(default="trading", min_length=1, description="who answers for it; shown by Airflow")
    tags: tuple[Tag, ...] = Field(default=(), description="further tags of the DAG")

    calendar: str = Field(default="XNYS", min_length=1, description="exchange calendar whose sessions are traded")
    closures: Closures = Field(default=(), description="closed days that the calendar does not know")
    schedule: Schedule = Field(
        default="session",
        description="session (at the open) | session+15 (minutes after it) | a cron of five fields | null (by hand) | "
        "{assets: …} (when signals arrive) | {at: …, assets: …, deadline: …}",
    )
    mode: Mode = Field(default="plan", description="replay < plan < dry_run < paper < live; only the last two trade")
    venue: ConnectionId = Field(
        default="execution_gateway", description="Airflow connection that orders are sent to; it names the account"
    )
    prices: Prices = Field(default=AlpacaPrices(), description="where prices come from")

    signals: Signals = Field(description="where signals come from")
    symbols: Symbols = Field(
        default=(),
        validate_default=True,
        description="what it may trade; the Signal Service is asked for these, and needs them; otherwise by default "
        "whatever the signals name, and then the account must be its alone",
    )
    absent_signal: AbsentSignal = Field(
        default="close", description="a holding whose symbol is no longer in `symbols`: close it | keep it"
    )
    max_gross_weight: Number = Field(
        default=Decimal(2), gt=0, description="most that |weights| of one answer may add up to; more is refused whole"
    )
    sizing: Sizing = Field(default=TargetWeight(), description="how weights become amounts: docs/sizing")
    volatility_target: VolatilityTarget | None = Field(
        default=None, description="a volatility that the weights of `sizing` are scaled to"
    )
    shadow: tuple[Shadow, ...] = Field(
        default=(),
        max_length=5,
        description="further sizings, `[equal_weight, risk_parity]`: what they would hold is stored and never traded",
    )

    capital: Capital = Field(
        description="what weights are a share of: USD, above 0 | {equity: …}, a share of the account's equity when the "
        "plan is made | {own: {start: …}}, a book of its own that compounds"
    )
    when_short_of_money: Literal["scale", "deny"] = Field(
        default="scale",
        description="increases that cost more than the account's buying power: scale (all of them, by one factor) | "
        "deny (the weakest signals'); off where the venue tells none",
        json_schema_extra={"unit": "word", "source": "keeps the proportions of the signals"},
    )
    replay_capital: Money | None = Field(
        default=None,
        description="USD, what backfills and the what-if plan with; needed for them where capital is a share of "
        "equity; an own book has its start",
    )
    max_position_size: PositionSize = Field(
        default=WHOLE_CAPITAL,
        description="most to hold of one symbol, long or short: USD | {capital: a fraction of it}",
    )
    order_basis: OrderBasis = Field(
        default="rebalance",
        description="rebalance: target less held less open orders | target: the full target each time (ADR-0006)",
    )
    no_trade_band: NoTradeBand = Field(
        default=Decimal("0.001"),
        description="fraction of capital; smaller changes are not traded | {drift: …, of: …, scope: …}: by drift",
    )
    quantities: Literal["whole", "fractional"] = Field(
        default="whole", description="whole shares | fractional: also parts of one, where the venue takes them"
    )
    orders: Orders = Field(default=Orders(), description="how orders are sent")

    limits: Limits = Field(default=Limits(), description="docs/limits.md lists them")
    rules: tuple[DottedName, ...] = Field(
        default=(), max_length=20, description="further rules, functions of your own: [module.name:function, …]"
    )
    restricted_symbols: Symbols = Field(
        default=(),
        description="symbols that get no order at all",
        json_schema_extra={"unit": "symbols", "source": "the strategy's own list"},
    )
    not_shortable_symbols: Symbols = Field(
        default=(),
        description="symbols that are never sold short",
        json_schema_extra={"unit": "symbols", "source": "the strategy's own list"},
    )

    corporate_actions: Literal["propose", "apply"] = Field(
        default="propose",
        description="a split or a new symbol on which announcement and venue agree: propose (a person clicks) | apply",
    )
    results: Literal["average", "fifo"] = Field(
        default="average", description="which shares a sale is of, for the realised result: average cost | fifo"
    )

    sandbox_only: StrictBool = Field(
        default=False, description="refuse a gateway that does not call itself the sandbox"
    )
    market_hours: StrictBool = Field(default=True, description="send in the session only; false needs sandbox_only")

    @field_validator("calendar")
    @classmethod
    def _calendar_is_known(cls, calendar: str) -> str:
        if calendar not in EXCHANGES:
            raise ValueError(f"one of {', '.join(EXCHANGES)}")
        return calendar

    @field_validator("schedule")
    @classmethod
    def _schedule_is_readable(cls, schedule: Schedule, info: ValidationInfo) -> Schedule:
        calendar = info.data.get("calendar")
        if calendar is not None:
            check_schedule(schedule, calendar)
        return schedule

    @field_validator("symbols")
    @classmethod
    def _source_can_be_asked_for_them(cls, symbols: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        signals = info.data.get("signals")
        if signals is not None and (wanted := signals.symbols_wanted(symbols)) is not None:
            raise ValueError(wanted)
        return symbols

    @field_validator("sizing")
    @classmethod
    def _signals_have_what_it_needs(cls, sizing: SizingSpec, info: ValidationInfo) -> SizingSpec:
        if (wanted := _sizing_wanted(sizing, info)) is not None:
            raise ValueError(wanted)
        return sizing

    @field_validator("volatility_target")
    @classmethod
    def _target_keeps_to_the_gross_weight(
        cls, target: VolatilityTarget | None, info: ValidationInfo
    ) -> VolatilityTarget | None:
        most = info.data.get("max_gross_weight")
        if target is not None and most is not None and target.max_gross > most:
            raise ValueError(f"a max_gross of at most {most:f}, which is max_gross_weight")
        return target

    @field_validator("shadow")
    @classmethod
    def _shadows_differ(cls, shadow: tuple[SizingSpec, ...], info: ValidationInfo) -> tuple[SizingSpec, ...]:
        words = [each.word for each in shadow]
        if (sizing := info.data.get("sizing")) is not None and sizing.word in words:
            raise ValueError(f"other sizings than {sizing.word}, which is traded")
        if len(set(words)) < len(words):
            raise ValueError("each sizing once")
        for each in shadow:
            if (wanted := _sizing_wanted(each, info)) is not None:
                raise ValueError(f"for {each.word}: {wanted}")
        return shadow

    @field_validator("replay_capital")
    @classmethod
    def _a_number_replays_itself(cls, replay: Decimal | None, info: ValidationInfo) -> Decimal | None:
        if isinstance(info.data.get("capital"), Decimal) and replay is not None:
            raise ValueError("nothing, because capital is a number and backfills plan with it")
        return replay

    @field_validator("no_trade_band")
    @classmethod
    def _drift_is_from_what_is_held(cls, band: Decimal | DriftBand, info: ValidationInfo) -> Decimal | DriftBand:
        if isinstance(band, DriftBand) and info.data.get("order_basis") == "target":
            raise ValueError("no drift, because order_basis target orders the full target each time, without a band")
        return band

    @field_validator("sandbox_only")
    @classmethod
    def _sandbox_is_not_live(cls, sandbox_only: bool, info: ValidationInfo) -> bool:
        if sandbox_only and info.data.get("mode") == "live":
            raise ValueError("false, because the mode is live and the sandbox is not")
        return sandbox_only

    @field_validator("market_hours")
    @classmethod
    def _only_the_sandbox_never_closes(cls, market_hours: bool, info: ValidationInfo) -> bool:
        if not market_hours and not info.data.get("sandbox_only"):
            raise ValueError("true, because only a sandbox_only strategy may send outside market hours")
        return market_hours

    @property
    def dag_id(self) -> str:
        return dag_id_of(self.id)

    @property
    def equity(self) -> EquityCapital | None:
        """The share of the account's equity that its capital is; None where it is a number."""
        return self.capital if isinstance(self.capital, EquityCapital) else None

    @property
    def own_book(self) -> OwnCapital | None:
        """The book of its own that its capital is; None where it is something else."""
        return self.capital if isinstance(self.capital, OwnCapital) else None

    @property
    def capital_or_none(self) -> Decimal | None:
        """USD that weights are a share of; None while an equity, the account's or its own, is not a number yet."""
        return self.capital if isinstance(self.capital, Decimal) else None

    @property
    def capital_usd(self) -> Decimal:
        """USD that weights are a share of, where that is known."""
        if (capital := self.capital_or_none) is None:
            raise TypeError(f"strategy {self.id}: its capital is not a number yet")
        return capital

    @property
    def max_position_usd(self) -> Decimal:
        """USD, the most to hold of one symbol, long or short."""
        size = self.max_position_size
        return size.share * self.capital_usd if isinstance(size, CapitalShare) else size


def dag_id_of(strategy_id: str) -> str:
    return "daily_trading" if strategy_id == "daily_trading" else f"daily_trading__{strategy_id}"


def _sizing_wanted(sizing: SizingSpec, info: ValidationInfo) -> str | None:
    """Return what is expected instead of a sizing that does not fit the keys before it; None where it does."""
    signals, most, gross = info.data.get("signals"), info.data.get("max_gross_weight"), sizing.most_gross
    if most is not None and gross is not None and gross > most:
        return f"long_gross and short_gross that add up to at most {most:f}, which is max_gross_weight"
    symbols = info.data.get("symbols")
    if symbols and isinstance(sizing, RiskParity) and (foreign := sorted(sizing.budgets.keys() - set(symbols))):
        return f"budgets of the strategy's symbols, not of {', '.join(foreign)}"
    return None if signals is None else sizing.refused_for(signals)


def learn(words: dict[str, type[Spec]], spec: type[Spec]) -> None:
    """Let a choice of the strategies file take one more word; words: the choice's table."""
    if words.setdefault(spec.word, spec) is not spec:
        raise ValueError(f"the word {spec.word!r} is taken, expected another one")
    Strategy.model_rebuild(force=True)
