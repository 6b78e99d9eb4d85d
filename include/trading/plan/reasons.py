"""Why a symbol got no order: every code that a plan may carry, with the sentence that a person reads."""

from __future__ import annotations

from typing import Final

# Nothing was wanted, so nothing is missing: these neither make a run partial nor count in its alerts.
NO_CHANGE_WANTED: Final[dict[str, str]] = {
    "no_tradable_signal": "No signal has a weight, so nothing is planned and holdings stay.",
    "absent_signal_kept": "The symbol is no longer asked for and the strategy keeps such holdings.",
    "signal_missing_flat": "The signals leave the symbol out, and nothing is held.",
    "inside_band": "The change is smaller than the no-trade band.",
    "no_history_flat": "The symbol's history of closes or volumes is not usable, and nothing is held.",
    "side_conflict": "The sizing wants the opposite side to the signal's, so nothing is held.",
    "under_one_share": "The amount buys less than one share.",
    "too_little_volume": "What may be added, by `volume_share` of an average day's volume, is less than one share.",
    "under_one_whole_share": "The amount buys less than one share, and the symbol is not traded in parts of one.",
    "dust_stays": "It is worth less than the venue's least order for a part of a share, so it stays.",
}

# The day's decision on a holding is not known: it stays, an alert is raised, and the run is not whole.
UNDECIDED: Final[dict[str, str]] = {
    "no_history": "The symbol's history of closes or volumes is not usable, so it has no size, and its holding stays.",
    "signal_missing": "The signals leave the symbol out, so its holding stays.",
}

# Keyed by `price_` and the market data client's words.
PRICE_PROBLEMS: Final[dict[str, str]] = {
    "price_missing": "The market data has no price for the symbol.",
    "price_stale": "The newest price is older than allowed.",
    "price_not_a_number": "The price is not a finite number.",
    "price_not_positive": "The price is zero or negative.",
    "price_wrong_symbol": "The price answered is another symbol's.",
    "price_no_time": "The price does not say when it was made.",
    "price_in_the_future": "The price carries a time that has not come yet.",
    "price_too_small": "The price is below a millionth of a dollar, or buys more shares than an order can be for.",
    "price_too_large": "The price is more than a price can be.",
    "price_refused": "The market data refuses the symbol.",
    "price_more_than_one_bar": "The market data has several closes for the one day.",
}

BLOCKS: Final[dict[str, str]] = {
    "unexplained_position": "The gateway's position differs from our fills and the adopted baseline.",
    "book_moved": "What is held kept changing while the plan was made; the next run or revision plans the symbol.",
    "held_by_another_strategy": "Another strategy of the account holds or trades the symbol, or one that is no more.",
    "corporate_action": "The company announced something that is not booked yet; see the account's page.",
    "renamed": "The company has another symbol now, and the strategy still asks for the old one: name the new one.",
    "equity_unknown": "The account's equity is not known, so the symbol has no size, and what is held stays.",
    "unresolved_order": "An earlier order of the symbol is still being sent or its outcome is unknown.",
}

LEG_PROBLEMS: Final[dict[str, str]] = {
    "first_leg_denied": "The order that closes the old side was denied, so the new side is not opened.",
    "id_collision": "The second leg would equal the first, which this gateway takes for the same order.",
}

# Only of a run that flattens: another plan with more symbols than there may be tasks is refused whole.
LEFT_FOR_ANOTHER_RUN: Final = "left_for_another_run"
LEFT: Final[dict[str, str]] = {
    LEFT_FOR_ANOTHER_RUN: "One run has no tasks for so many symbols, and larger holdings are closed first: flatten "
    "again with the next revision.",
}

DENIALS: Final[dict[str, str]] = {
    "order_notional": "The order is worth more than one order may be.",
    "order_shares": "The order is for more shares than one order may be.",
    "not_tradable": "The venue does not trade the symbol, does not know it, or did not say so.",
    "hard_to_borrow": "The order would open or increase a short in a symbol that the venue does not lend, or only at "
    "a price.",
    "not_fractionable": "The symbol is traded in whole shares only.",
    "least_notional": "The order is worth less than one order must be.",
    "price_distance": "The price is too far from the previous close, or there is no previous close.",
    "restricted_symbol": "The symbol may not be traded at all.",
    "not_shortable": "The order would open or increase a short in a symbol that may not be sold short.",
    "account_state": "The account takes reductions only, or nothing, until it is active again.",
    "account_equity": "The account's equity is below `at_least` of `capital`, or not known: reductions only.",
    "corporate_actions": "Whether the company announced something is not known, so what is held is not increased.",
    "buying_power": "The account's buying power does not cover the order as well, or is not known.",
    "gross_exposure": "Longs and shorts together would exceed their limit, or cannot be valued.",
    "net_exposure": "Longs less shorts would exceed their limit, or cannot be valued.",
    "long_exposure": "The longs would exceed their limit, or cannot be valued.",
    "short_exposure": "The shorts would exceed their limit, or cannot be valued.",
    "number_of_orders": "The plan already has as many orders as it may have.",
    "turnover_per_run": "The plan would trade more than one run may.",
    "turnover_per_day": "The session would see more traded than one day may.",
}

# One code for all functions of a strategy's own; the detail names the function.
OWN_RULE: Final = "own_rule"
OWN_DENIALS: Final[dict[str, str]] = {OWN_RULE: "A rule of the strategy's own denies the order, or could not be asked."}

# The venue's own refusals, where it says why.
REFUSALS: Final[dict[str, str]] = {
    "insufficient_buying_power": "The account's buying power does not cover the order.",
    "held_for_orders": "The shares to be sold are held for other open orders of the account.",
    "may_not_short": "The account, or the symbol, may not be sold short.",
    "not_fractionable": "The symbol is traded in whole shares only.",
    "wash_trade": "An open order of the account on the other side stands against it.",
}

REASONS: Final[dict[str, str]] = (
    NO_CHANGE_WANTED | UNDECIDED | PRICE_PROBLEMS | BLOCKS | LEG_PROBLEMS | LEFT | DENIALS | OWN_DENIALS | REFUSALS
)


def price_problem(reason: str) -> str:
    """Return the code for the market data client's words, such as `not a number`."""
    return "price_" + reason.replace(" ", "_")
