"""What a strategy needs of its venue, and the sentence that says so where the venue has none of it."""

from __future__ import annotations

from collections.abc import Iterator

from include.trading.models import Mode
from include.trading.ports import VenueTraits
from include.trading.strategy.spec import Strategy


def unmet(strategy: Strategy, traits: VenueTraits, mode: Mode) -> Iterator[tuple[str, str]]:
    """Yield a sentence for each thing that the venue of the strategy's connection does not have, and what to do.

    mode: the run's, which may be a safer one than the strategy's.
    """
    head, place = f"strategy {strategy.id}", f"the venue of the connection {strategy.venue}"
    if strategy.equity is not None and not traits.tells_account:
        yield (
            f"{head}: expected capital as a number in USD, because {place} does not tell the account's equity; nothing "
            "is planned",
            "write capital as a number in USD, or trade at a venue that tells its account's equity",
        )
    if strategy.quantities == "fractional" and traits.least_fraction_usd is None:
        yield (
            f"{head}: expected quantities: whole, because {place} takes whole shares only; nothing is planned",
            "write quantities: whole, or trade at a venue that takes parts of a share",
        )
    if mode == "dry_run" and not traits.has_dry_run:
        yield (
            f"{head}: expected the mode plan or paper, because {place} ({traits.kind}) has no dry run; nothing is "
            "planned",
            "write mode: plan to see what it would do, or mode: paper",
        )
