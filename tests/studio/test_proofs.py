"""What authors see of their proofs: to be run, stale, disagreeing. The pages run nothing."""

from __future__ import annotations

import pytest
from django.utils import timezone

from inference.models import Proof
from inference.proofs import Snippet, installed_versions, store_proofs
from inference.sandbox.snippets import SnippetResult, snippet_sha256
from lessons.models import Draft
from lessons.publishing import save_draft
from tests.studio.conftest import QUESTIONS

PROVED = QUESTIONS.replace(
    "kind: single\n    about: concept\n    difficulty: easy", "kind: single\n    about: output\n    difficulty: easy", 1
).replace(
    "    answer: A change of brightness.\n  - uid: edge-practice",
    "    answer: A change of brightness.\n    proof:\n      compare: output\n      snippet: print('A change of brightness')\n"
    "  - uid: edge-practice",
)
KEY = Snippet("print('A change of brightness')")


@pytest.fixture
def proved(lesson, instructor):
    """The lesson with one question whose key is proved by code."""
    draft = Draft.objects.get(lesson=lesson)
    files = {**draft.files, "questions.yaml": PROVED}
    save_draft(lesson=lesson, files=files, revision=draft.revision, author=instructor, now=timezone.now())
    return lesson


def ran(output: str = "A change of brightness\n", **versions: str) -> None:
    installed = installed_versions()
    result = SnippetResult(output=output, **{"torch": installed.torch, "torchvision": installed.torchvision, **versions})
    store_proofs({snippet_sha256(KEY): result}, now=timezone.now())


def cell(page) -> str:
    html = page.content.decode()
    return html.partition('class="proof')[2].partition("</td>")[0]


def test_a_proof_that_never_ran_is_marked_to_be_run_by_the_command(owner, base, proved):
    page = owner.get(base + "questions/")
    assert "to be run" in cell(page)
    assert "not shown by code: b" in cell(page)
    assert "to be run by <code>manage.py check_content --course" in page.content.decode()
    assert "1 snippet is to be run." in owner.get(base).content.decode()


def test_a_proof_on_other_versions_is_stale_and_stops_publishing_with_its_versions(owner, base, proved):
    ran(torch="2.0.0")
    assert "stale" in cell(owner.get(base + "questions/"))
    assert "1 snippet was proved on other versions" in owner.get(base).content.decode()
    refused = owner.post(base + "publish/", {"note": "x", "revision": Draft.objects.get(lesson=proved).revision})
    assert refused.status_code == 422
    assert "This snippet was proved with torch 2.0.0" in refused.content.decode()


def test_a_fresh_proof_is_said_in_one_word_and_in_no_notice(owner, base, proved):
    ran()
    page = owner.get(base + "questions/")
    assert ">proved<" in cell(page)
    for html in (page.content.decode(), owner.get(base).content.decode()):
        assert "check_content" not in html


def test_what_the_code_contradicts_is_said(owner, base, proved):
    ran(output="Something else\n")
    assert "disagrees" in cell(owner.get(base + "questions/"))
    assert "1 snippet says something else than what is written." in owner.get(base).content.decode()


def test_no_page_of_the_studio_makes_a_proof(owner, base, proved):
    for address in ("", "questions/", "questions/edge-test/", "check/", "publish/", "documents/questions.yaml/"):
        assert owner.get(base + address).status_code == 200
    assert not Proof.objects.exists()


def test_the_list_asks_for_all_proofs_at_once(owner, base, proved, django_assert_max_num_queries):
    with django_assert_max_num_queries(30):
        owner.get(base + "questions/")
