"""Proofs as rows, and as the lock file beside a course."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.models import Proof
from inference.proofs import (
    LockEntry,
    LockError,
    Snippet,
    dump_lock,
    installed_versions,
    is_fresh,
    keep_runs,
    load_lock,
    proof_of,
    proofs_of,
    result_of,
    snippet_sha256,
    store_proofs,
)
from inference.sandbox.snippets import SnippetResult, Stopped, missing_here

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SNIPPET = Snippet("print(1)")
VERSIONS = installed_versions()
RAN = SnippetResult(output="1\n", torch=VERSIONS.torch, torchvision=VERSIONS.torchvision, python="3.11.7")

# YAML has no way to write a lone surrogate or most control characters, and nothing prints them through UTF-8 text.
printable = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), include_characters="\n\t"))
results = st.builds(
    SnippetResult,
    output=printable,
    raised=printable,
    message=printable,
    warnings=st.lists(printable).map(tuple),
    torch=st.just("2.13.0"),
    torchvision=st.just("0.28.0"),
    python=st.just("3.11.7"),
)


@given(st.dictionaries(st.from_regex(r"\A[0-9a-f]{64}\Z"), st.builds(LockEntry, results, st.lists(printable).map(tuple))))
def test_what_is_dumped_is_loaded_again(entries: dict[str, LockEntry]) -> None:
    assert load_lock(dump_lock(entries)) == entries


def test_the_same_entries_make_the_same_file_in_whatever_order_they_came() -> None:
    entries = {f"{number:064}": LockEntry(RAN, (f"lesson/lesson.md#{number}",)) for number in range(5)}
    assert dump_lock(entries) == dump_lock(dict(reversed(entries.items())))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "no YAML"),
        ("[1]", "must map"),
        ("abc: 1", "may only have the fields"),
        ("abc: {guess: 1}", "may only have the fields"),
        ("abc: {output: 1}", "not text"),
        ("abc: {where: nowhere}", "lists of text"),
        ("abc: {warnings: [1]}", "lists of text"),
    ],
)
def test_a_file_that_is_no_lock_file_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(LockError, match=says):
        load_lock(text)


def test_an_empty_file_records_nothing() -> None:
    assert load_lock("") == load_lock(dump_lock({})) == {}


def test_a_run_that_was_stopped_can_be_neither_written_nor_stored() -> None:
    stopped = replace(RAN, stopped=Stopped.TIME)
    with pytest.raises(ValueError, match="no proof"):
        dump_lock({"a": LockEntry(stopped)})


@pytest.mark.django_db
def test_a_stopped_run_is_not_stored() -> None:
    with pytest.raises(ValueError, match="no proof"):
        store_proofs({"a": replace(RAN, stopped=Stopped.DIED)}, now=NOW)
    assert not Proof.objects.exists()


@pytest.mark.django_db
def test_a_stored_run_is_the_snippets_proof_and_a_second_one_replaces_it() -> None:
    assert proof_of(SNIPPET) is None
    store_proofs({snippet_sha256(SNIPPET): RAN}, now=NOW)
    proof = proof_of(SNIPPET)
    assert proof is not None
    assert result_of(proof) == RAN
    store_proofs({snippet_sha256(SNIPPET): replace(RAN, output="2\n", warnings=("UserWarning: x",))}, now=NOW)
    proof = proof_of(SNIPPET)
    assert proof is not None
    assert (proof.output, proof.warnings, Proof.objects.count()) == ("2\n", ["UserWarning: x"], 1)


@pytest.mark.django_db
def test_a_proof_of_other_versions_is_none() -> None:
    store_proofs({snippet_sha256(SNIPPET): replace(RAN, torch="1.0.0")}, now=NOW)
    assert proof_of(SNIPPET) is None
    assert proofs_of([SNIPPET]) == {}
    assert not is_fresh(Proof.objects.get())


def test_a_wheels_local_label_makes_no_proof_stale() -> None:
    assert is_fresh(replace(RAN, torch=f"{VERSIONS.torch}+cu130"))


def test_what_could_not_run_here_says_what_is_missing() -> None:
    assert missing_here("weights/vgg16").missing == "weights/vgg16"
    assert is_fresh(missing_here("weights/vgg16"))


@pytest.mark.django_db
def test_a_run_that_was_stopped_or_lacked_its_weights_takes_no_place_of_a_proof() -> None:
    sha256 = snippet_sha256(SNIPPET)
    assert keep_runs({sha256: missing_here("weights/resnet50"), "b": replace(RAN, stopped=Stopped.TIME)}, now=NOW) == 1
    assert keep_runs({sha256: RAN}, now=NOW) == 1
    assert keep_runs({sha256: missing_here("weights/resnet50")}, now=NOW) == 0
    assert Proof.objects.get().output == "1\n"
