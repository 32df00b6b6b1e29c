"""The pages of networks: all of them, one, several side by side, and the button that times them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts import people
from inference import completing, facts, telling
from inference.networks import comparing, listing, services
from inference.views import run_context
from web.problems import Problem


@require_safe
def networks(request: HttpRequest) -> HttpResponse:
    """All networks, with the figures that tell them apart; sorted and filtered as the address says."""
    rows = [telling.network_row(network, known) for network, known in facts.listed().items()]
    order = listing.Order.asked(request.GET.dict())
    shown = listing.arranged(rows, order)
    context = {
        "networks": shown,
        "total": len(rows),
        "here": sum(bool(row["weights"] and row["weights"]["available"]) for row in rows),
        "uncomputed": sum(not row["is_computed"] for row in rows),
        "families": listing.families(rows),
        "order": order,
        "headings": listing.headings(order),
        "most": comparing.MOST,
    }
    return render(request, "inference/networks.html", context)


@require_safe
def network(request: HttpRequest, network_id: str) -> HttpResponse:
    """One network: its card, its figures, its stages, its weights, and a run of it where they are here."""
    known = facts.figures_of(network_id)
    if known is None:
        services.entry_of(network_id)
        return _waiting(request, [network_id])
    row = telling.network_row(network_id, known)
    context = {
        "network": row,
        "card": telling.card_row(known),
        "stages": telling.stage_rows(known),
        "shares": comparing.shares(known),
        "weights": telling.weights_rows(network_id, known),
        "measured": services.measured([network_id]).get(network_id),
        "is_being_measured": network_id in services.being_measured([network_id]),
        "run": run_context(request, network=network_id, next_url=request.path),
    }
    return render(request, "inference/network.html", context)


@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """Two or more networks side by side: ?networks=resnet50,vit_b_16."""
    asked = comparing.asked(request.GET.getlist("networks"))
    listed = facts.listed()
    chosen = [network for network in asked if network in listed][: comparing.MOST]
    told = _refusals(asked, listed)
    if len(chosen) < comparing.FEWEST:
        if asked and not told:
            told = [_("One network alone can’t be compared. Choose another one beside it.")]
        return render(request, "inference/compare_networks.html", {"told": told, **_chooser(listed, chosen)})
    known = {network: facts.facts_of(network) for network in chosen}
    missing = [network for network, one in known.items() if one is None]
    if missing:
        return _waiting(request, missing)
    measured = services.measured(chosen)
    rows = [
        telling.network_row(network, known[network] or {})
        | {"measured": measured.get(network), "without": _without(chosen, network)}
        for network in chosen
    ]
    context = {
        "networks": rows,
        "told": told,
        "charts": comparing.charts(rows),
        "aligned": comparing.aligned([known[network] or {} for network in chosen]),
        "is_being_measured": services.being_measured(chosen),
        "some_measured": bool(measured),
        "asked": ",".join(chosen),
        **_chooser(listed, chosen),
    }
    return render(request, "inference/compare_networks.html", context)


def _refusals(asked: Sequence[str], listed: dict[str, dict[str, Any]]) -> list[str]:
    """What of the address could not be followed, in sentences."""
    told = []
    unknown = [network[:80] for network in asked if network not in listed]
    if unknown:
        names = ", ".join(f"“{name}”" for name in unknown[: comparing.MOST])
        told.append(ngettext("There is no network called %(names)s.", "There are no networks called %(names)s.", len(unknown)))
        told[-1] %= {"names": names}
    if len(asked) - len(unknown) > comparing.MOST:
        told.append(_("At most %(most)d networks fit side by side; the first ones are shown.") % {"most": comparing.MOST})
    return told


def _chooser(listed: dict[str, dict[str, Any]], chosen: Sequence[str]) -> dict[str, Any]:
    """What the form that adds a network needs."""
    offered = [(network, str(known.get("title") or network)) for network, known in listed.items() if network not in chosen]
    return {"chosen": list(chosen), "offered": offered, "has_room": len(chosen) < comparing.MOST}


def _without(chosen: Sequence[str], network: str) -> str:
    return ",".join(other for other in chosen if other != network)


def _waiting(request: HttpRequest, missing: Sequence[str]) -> HttpResponse:
    """The page while figures are being computed, which asks again by itself."""
    failed = [network for network in missing if completing.has_failed(network)]
    asked = [completing.ask_for(network) for network in missing if network not in failed]
    titles = facts.listed(missing)
    context = {
        "titles": [str(titles[network].get("title") or network) for network in missing],
        "failed": [str(titles[network].get("title") or network) for network in failed],
        "reached": all(asked),
    }
    response = render(request, "inference/network_waiting.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
def measure(request: HttpRequest) -> HttpResponse:
    """Ask a worker to time networks, then go back to the page that asked."""
    asked = comparing.asked(request.POST.getlist("networks"))[: comparing.MOST]
    if not asked:
        raise Problem(422, _("No network"), _("Choose at least one network to be timed."), field="networks")
    for network in asked:
        services.entry_of(network)
    owner, now = people.ensure(request), timezone.now()
    refused: list[str] = []
    for network in asked:
        try:
            services.request_measurement(owner=owner, network=network, now=now)
        except Problem as problem:
            if len(asked) == 1:
                raise
            if problem.detail not in refused:
                refused.append(problem.detail)
    for sentence in refused:
        messages.warning(request, sentence)
    if len(asked) == 1:
        return redirect(reverse("inference:network", kwargs={"network_id": asked[0]}) + "#time")
    return redirect(f"{reverse('inference:compare_networks')}?networks={','.join(asked)}#time")
