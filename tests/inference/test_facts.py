"""Facts: stored by version, in order, and computed by the engine's own command line."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from inference import facts
from inference.facts import FactMissing
from inference.models import Fact
from tests.inference.conftest import NETWORK, NOW, network_facts

pytestmark = pytest.mark.django_db


def test_a_fact_is_found_by_its_dotted_path(lite0_facts: None) -> None:
    assert facts.fact(NETWORK, "parameters") == 4652008
    assert facts.fact(NETWORK, "stages.stem.output_shape") == [1, 32, 112, 112]
    assert facts.fact(NETWORK, "weights.DEFAULT.acc1") == 74.83


@pytest.mark.parametrize("path", ["nothing", "stages.nothing", "stages.stem.nothing", "parameters.deeper", "", ".", "stages."])
def test_a_missing_fact_says_which(lite0_facts: None, path: str) -> None:
    with pytest.raises(FactMissing) as caught:
        facts.fact(NETWORK, path)
    assert caught.value.network == NETWORK
    assert caught.value.path == path


def test_a_network_that_was_not_computed_has_no_facts(db: None) -> None:
    assert facts.facts_of("resnet50") is None
    with pytest.raises(FactMissing):
        facts.fact("resnet50", "parameters")


def test_the_order_of_stages_is_kept(db: None) -> None:
    """PostgreSQL's jsonb sorts the keys of objects by their length."""
    stages = {name: {"kind": "features"} for name in ("zebra", "a", "long-name", "b", "m")}
    facts.store_facts("n", {"stages": stages, "parameters": 1}, now=NOW)
    told = facts.facts_of("n")
    assert told is not None
    assert list(told["stages"]) == list(stages)
    assert list(told) == ["stages", "parameters"]
    assert isinstance(Fact.objects.get(key="stages").value["in order"], list)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_whatever_is_stored_is_told_again(value: Any) -> None:
    assert facts._decoded(facts._encoded(value)) == value


def test_facts_of_other_versions_are_none(lite0_facts: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from inference.sandbox.snippets import Versions

    monkeypatch.setattr(facts, "installed_versions", lambda: Versions(torch="3.0.0", torchvision="0.40.0"))
    assert facts.facts_of(NETWORK) is None
    assert facts.known_networks() == []


def test_computing_again_replaces_what_was_there(lite0_facts: None) -> None:
    facts.store_facts(NETWORK, network_facts(parameters=1), now=NOW)
    assert facts.fact(NETWORK, "parameters") == 1
    assert Fact.objects.filter(network=NETWORK, key="parameters").count() == 1


def test_the_houses_own_network_comes_first(lite0_facts: None, resnet50_facts: None) -> None:
    facts.store_facts("alexnet", {"parameters": 1}, now=NOW)
    facts.store_facts(facts.LIBRARY, {"version": "0.28.0"}, now=NOW)
    assert facts.known_networks() == [NETWORK, "resnet50", "alexnet"]
    assert list(facts.listed()) == facts.known_networks()
    assert facts.fact(facts.LIBRARY, "version") == "0.28.0"


def test_other_weights_are_used_while_the_default_ones_are_missing(settings: Any) -> None:
    told = {
        "default_weights": "V2",
        "weights": {"V1": {"file": "net-1.pth"}, "V2": {"file": "net-2.pth"}},
    }
    record = facts.usable_weights("net", told)
    assert record is not None
    assert (record["name"], record["available"]) == ("V2", False)
    folder = settings.WEIGHTS_DIR / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / "net-1.pth").write_bytes(b"")
    assert facts.usable_weights("net", told)["name"] == "V1"
    (folder / "net-2.pth").write_bytes(b"")
    assert facts.usable_weights("net", told)["name"] == "V2"
    assert facts.usable_weights("net", {"weights": {}}) is None


def test_a_weights_name_leads_nowhere_else(settings: Any, tmp_path: Any) -> None:
    (tmp_path / "secret.pth").write_bytes(b"")
    assert not facts.weights_are_here("net", "../../../secret.pth")


# --- the command -------------------------------------------------------------------------------------------------------------


def told(*arguments: str) -> str:
    out = StringIO()
    call_command("compute_facts", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.torch
def test_the_engine_computes_and_the_second_time_nothing_is_left_to_do(db: None) -> None:
    assert NETWORK in told(NETWORK)
    assert facts.fact(NETWORK, "parameters") == 4652008
    assert facts.fact(NETWORK, "feature_dim") == 1280
    assert "there already" in told(NETWORK)


@pytest.mark.torch
def test_a_name_that_the_engine_does_not_know_fails_with_its_words(db: None) -> None:
    with pytest.raises(CommandError, match="resnet5000"):
        told("resnet5000")
    assert facts.facts_of("resnet5000") is None


def test_one_failure_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def engine(_facts: str, *arguments: str, politely: bool) -> dict[str, Any]:
        if "broken" in arguments:
            raise facts.FactsNotComputed("no reason")
        return {network: {"parameters": 1} for network in arguments[:-1]}

    monkeypatch.setattr(facts, "_engine", engine)
    with pytest.raises(CommandError, match="broken: no reason"):
        told("broken", "fine")
    assert facts.fact("fine", "parameters") == 1
