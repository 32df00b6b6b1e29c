"""A network in full, as the API and the pages tell it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from inference import completing, facts, telling
from inference.networks import services


def network_detail(network: str) -> dict[str, Any]:
    """A network with card, stages, weights and time. Figures that are missing are asked for. Raises Problem 404."""
    known = facts.figures_of(network)
    told = known or services.entry_of(network)
    if known is None:
        completing.ask_for(network)
    measured = services.measured([network]).get(network)
    return {
        **telling.network_row(network, told),
        **telling.card_row(told),
        "stages": telling.stage_rows(told),
        "all_weights": telling.weights_rows(network, told),
        "measured": asdict(measured) if measured else None,
    }
