"""What pages ask of the database: a ceiling for each, with a crowd that has answered before."""

from __future__ import annotations

import pytest

from tests.quizzes.costs import pages, published_test, queries_of


@pytest.mark.django_db
def test_no_page_of_a_quiz_asks_more_than_its_ceiling() -> None:
    asked = {page.name: (queries_of(page), page.ceiling) for page in pages(published_test(questions=4))}
    assert {name: figures for name, figures in asked.items() if figures[0] > figures[1]} == {}
