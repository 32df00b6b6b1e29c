"""A question's words are rendered once for all who read them, and anew wherever they could come to something else."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.translation import override

from quizzes import words
from quizzes.words import shown, shown_inline


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were rendered, in order."""
    texts: list[str] = []
    render = words.render

    def counting(text: str, **given: Any) -> Any:
        texts.append(text)
        return render(text, **given)

    words._kept.cache_clear()
    monkeypatch.setattr(words, "render", counting)
    return texts


def test_the_same_words_with_the_same_figures_are_rendered_once(rendered: list[str]) -> None:
    text = "About {{ resnet50.feature_dim }} numbers."
    first = shown(text, facts={"resnet50.feature_dim": 2048}, version=None)
    assert shown(text, facts={"resnet50.feature_dim": 2048}, version=None) == first
    assert rendered == [text]
    assert "2,048" in first or "2048" in first
    other = shown(text, facts={"resnet50.feature_dim": 512}, version=None)
    assert "512" in other
    assert shown_inline(text, facts={"resnet50.feature_dim": 512}, version=None) != other, "a paragraph is none in a line"


def test_another_language_writes_figures_by_its_own_rules(rendered: list[str]) -> None:
    text, facts = "It has {{ resnet50.parameters }}.", {"resnet50.parameters": 25557032}
    english = shown(text, facts=facts, version=None)
    with override("de"):
        german = shown(text, facts=facts, version=None)
    assert len(rendered) == 2
    assert "25" in english
    assert "25" in german


@pytest.mark.parametrize("text", ["::: note\nSee this.\n:::", "![A cat](cat.jpg)"])
def test_what_looks_things_up_is_rendered_each_time(rendered: list[str], text: str) -> None:
    for _reader in range(2):
        shown(text, facts={}, version=None)
    assert rendered == [text, text]
