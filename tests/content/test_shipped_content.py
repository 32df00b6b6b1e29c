"""The shipped course: everything it says that a machine can check, checked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random

import pytest

from inference.contracts import INSPECTED_NETWORKS
from inference.facts import compute
from inference.proofs import LockEntry, is_fresh, load_lock, snippet_sha256
from lessons.folders import LessonFolder, load_folder, read_folder
from lessons.management.commands.check_content import SHIPPED, shipped_folders
from lessons.proving import prove_folder
from lessons.releases import snippets_in
from lessons.schema import LessonDocument, read_lesson
from quizzes.generating import TEMPLATES
from quizzes.patterns.choosing import Candidate, choose
from quizzes.proving import RUNNABLE, claims_of, proves, unproved_options
from quizzes.schema import GeneratedDocument, QuestionDocument, QuestionsDocument, read_questions

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KINDS = {"concept", "api", "output", "error", "choice"}
COURSE = read_folder(SHIPPED / "pretrained-vision-models")


def questions_of(lesson: LessonFolder) -> QuestionsDocument:
    document, source = read_questions(lesson.files["questions.yaml"])
    assert document is not None, source.findings
    return document


def prose_of(document: LessonDocument) -> str:
    """The lesson's Markdown without code and without computed figures."""
    body = re.sub(r"^```.*?^```", "", document.body, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`|\{\{.*?\}\}", "", body)


def every_question() -> Iterator[tuple[LessonFolder, QuestionDocument]]:
    for lesson in COURSE.lessons:
        for question in questions_of(lesson).written:
            yield lesson, question


@pytest.fixture(params=COURSE.lessons, ids=lambda lesson: lesson.name)
def lesson(request: pytest.FixtureRequest) -> LessonFolder:
    folder: LessonFolder = request.param
    return folder


@pytest.fixture(scope="module")
def lock() -> dict[str, LockEntry]:
    return load_lock(COURSE.lock)


@pytest.mark.torch
@pytest.mark.sandbox
@pytest.mark.django_db
def test_every_page_says_what_the_code_does_and_the_course_loads() -> None:
    assert compute(("torchvision", *INSPECTED_NETWORKS), now=NOW) == {}
    for path in shipped_folders():
        proved = prove_folder(path, report=lambda _ended, _total: None)
        stopping = [str(finding) for finding in (*proved.findings, *proved.behind) if finding.severity == "error"]
        assert stopping == []
        report = load_folder(path, now=NOW)
        assert report.published == list(read_folder(path).document.lessons)
        again = load_folder(path, now=NOW)
        assert (again.published, again.unchanged) == ([], report.published)


def test_the_course_has_the_two_lessons_in_their_order() -> None:
    assert [lesson.name for lesson in COURSE.lessons] == [
        "pretrained-models-in-torchvision",
        "pretrained-models-resnet-vgg-efficientnet",
    ]


def test_the_lock_file_covers_every_snippet_and_nothing_else(lock: dict[str, LockEntry]) -> None:
    used = {snippet_sha256(snippet) for lesson in COURSE.lessons for _where, snippet in snippets_in(lesson.files)}
    assert set(lock) == used


def test_what_is_recorded_was_recorded_on_the_pinned_versions(lock: dict[str, LockEntry]) -> None:
    assert [entry.where for entry in lock.values() if not is_fresh(entry.result)] == []


def test_only_the_sample_about_the_old_argument_warns(lock: dict[str, LockEntry]) -> None:
    warning = {where for entry in lock.values() if entry.result.warnings for where in entry.where}
    assert warning == {"pretrained-models-in-torchvision/lesson.md#old-argument"}


def test_what_needs_weights_is_recorded_as_missing_or_truly_ran(lock: dict[str, LockEntry]) -> None:
    for lesson in COURSE.lessons:
        for _where, snippet in snippets_in(lesson.files):
            result = lock[snippet_sha256(snippet)].result
            assert bool(snippet.requires) >= bool(result.missing)
            assert not (result.missing and result.output)


def test_a_lesson_is_read_in_twelve_to_twenty_minutes(lesson: LessonFolder) -> None:
    meta = read_lesson(lesson.files["lesson.md"]).meta
    assert meta is not None
    assert 12 <= meta.minutes <= 20
    assert set(meta.modes) >= {"read", "run", "follow", "break", "code", "practise", "test", "review"}
    assert meta.run is not None
    assert meta.run.predict is not None
    assert meta.insight


def test_learners_predict_before_they_are_told(lesson: LessonFolder) -> None:
    assert read_lesson(lesson.files["lesson.md"]).body.count("::: predict") >= 4


def test_every_source_is_a_paper_or_official_page_with_its_year(lesson: LessonFolder) -> None:
    meta = read_lesson(lesson.files["lesson.md"]).meta
    assert meta is not None
    for source in meta.sources:
        assert re.match(r"https://(arxiv\.org/abs/\d{4}\.\d{4,5}|docs\.pytorch\.org/|pytorch\.org/blog/)", source.url), (
            source.url
        )
        if "arxiv.org" in source.url:
            assert re.search(r"\((19|20)\d\d\)", source.title), source.title


def test_every_paper_named_in_prose_is_among_the_sources(lesson: LessonFolder) -> None:
    document = read_lesson(lesson.files["lesson.md"])
    assert document.meta is not None
    titles = " ".join(source.title for source in document.meta.sources)
    named = re.findall(r"([A-Z][a-z]+)(?: et al\.| and [A-Z][a-z]+)?,? (20\d\d)", prose_of(document))
    assert named
    for author, year in named:
        assert re.search(rf"{author}\b.*?\({year}\)", titles), f"{author} {year}"


def test_no_figure_is_typed_that_could_be_computed(lesson: LessonFolder) -> None:
    """Counts with grouping, shares, ratios and millions stand between braces; ImageNet's size has its source."""
    text = prose_of(read_lesson(lesson.files["lesson.md"])).replace("about 1.28 million photographs", "")
    typed = re.findall(r"\d[\d.,]*(?:\s?(?:%|million|billion|MB)|×(?!\d))|\d{1,3}(?:,\d{3})+", text)
    assert typed == []


def test_a_lesson_tests_and_practises_all_five_kinds(lesson: LessonFolder) -> None:
    document = questions_of(lesson)
    assert document.test is not None
    assert document.practice is not None
    by_uid = {question.uid: question for question in document.questions}
    assert len(document.test.questions) >= 3
    assert len(document.practice.questions) >= 5
    assert {by_uid[uid].about for uid in document.practice.questions} == KINDS
    assert {question.difficulty for question in document.questions} == {"easy", "medium", "hard"}


def test_each_test_of_the_pattern_asks_about_every_objective_at_every_difficulty(lesson: LessonFolder) -> None:
    document = questions_of(lesson)
    by_uid = {question.uid: question for question in document.questions}
    pool = [Candidate(place, by_uid[uid].objective, by_uid[uid].difficulty) for place, uid in enumerate(document.pattern_pool)]
    for seed in range(50):
        asked = choose(pool, Random(seed))
        assert len(asked) == 10
        assert {one.objective for one in asked} == {one.objective for one in pool}
        assert {one.difficulty for one in asked} == {"easy", "medium", "hard"}


def test_every_objective_is_asked_about(lesson: LessonFolder) -> None:
    meta = read_lesson(lesson.files["lesson.md"]).meta
    assert meta is not None
    assert {question.objective for question in questions_of(lesson).questions} == {
        objective.id for objective in meta.objectives
    }


@pytest.mark.parametrize("asked", [question for _lesson, question in every_question()], ids=lambda question: question.uid)
def test_a_question_has_four_options_and_every_distractor_a_belief(asked: QuestionDocument) -> None:
    assert len(asked.options) == 4
    assert [option.misconception is not None for option in asked.options] == [not option.right for option in asked.options]
    slugs = [option.misconception for option in asked.options if option.misconception]
    assert len(set(slugs)) == len(slugs) == 4 - len(asked.right)
    assert (len(asked.right) == 1) is (asked.kind != "multiple")
    assert len(asked.solution) >= 2
    text = " ".join(option.text for option in asked.options).lower()
    assert "all of the above" not in text
    assert "none of the above" not in text


@pytest.mark.parametrize("asked", [question for _lesson, question in every_question()], ids=lambda question: question.uid)
def test_no_wrong_options_words_quote_the_right_one(asked: QuestionDocument) -> None:
    right = asked.right[0].text.strip("`")
    for option in asked.options:
        if not option.right:
            assert right not in option.feedback


def test_what_code_gives_is_asked_as_such_and_each_lesson_has_every_way_to_answer(lesson: LessonFolder) -> None:
    questions = questions_of(lesson).questions
    assert {question.kind for question in questions} >= {"single", "multiple", "numeric", "output", "trace"}
    for question in questions:
        assert question.kind == "output" or question.about != "output", question.uid


def test_each_lesson_practises_drawn_questions_and_every_template_is_used(lesson: LessonFolder) -> None:
    document = questions_of(lesson)
    drawn = [question.uid for question in document.questions if isinstance(question, GeneratedDocument)]
    assert len(drawn) >= 5
    assert document.practice is not None
    assert set(drawn) <= set(document.practice.questions)
    everywhere = [question for one in COURSE.lessons for question in questions_of(one).questions]
    assert {question.template for question in everywhere if isinstance(question, GeneratedDocument)} == set(TEMPLATES)


def test_what_can_be_run_is_proved_with_every_distractor() -> None:
    """Questions about a call, an output or the cause of an error: nothing of their keys is somebody's word."""
    asked = [question for _lesson, question in every_question() if question.about in RUNNABLE]
    assert len(asked) >= 18
    for question in asked:
        assert question.proof is not None, question.uid
        assert unproved_options(question) == [], question.uid


def test_every_runnable_key_and_distractor_is_recorded(lock: dict[str, LockEntry]) -> None:
    proved = {where.partition("#")[2] for entry in lock.values() if not entry.result.missing for where in entry.where}
    for _lesson, question in every_question():
        for claim in claims_of(question):
            assert proves(question, claim.option) in proved


def test_the_right_option_is_not_given_away_by_place_or_length() -> None:
    places = Counter(
        [option.id for option in question.options].index(question.right[0].id) for _lesson, question in every_question()
    )
    asked = sum(places.values())
    assert max(places.values()) <= asked / 2
    longest = [question for _lesson, question in every_question() if _is_longest(question)]
    assert len(longest) <= asked / 2


def _is_longest(question: QuestionDocument) -> bool:
    return len(question.right[0].text) > max(len(option.text) for option in question.options if not option.right)


def test_every_misconception_is_somebodys_reason(lesson: LessonFolder) -> None:
    document = questions_of(lesson)
    used = {option.misconception for question in document.written for option in question.options if option.misconception}
    own = {misconception.slug for misconception in document.misconceptions}
    drawn = [question for question in document.questions if isinstance(question, GeneratedDocument)]
    brought = {slug for question in drawn for slug in TEMPLATES[question.template].misconceptions}
    assert own <= used <= own | brought


@pytest.mark.parametrize(
    "wrong",
    [
        r"four residual blocks",
        r"224 ?[x×] ?224 ?[x×] ?3(?!\d)",  # height × width × channels
        r"normali[sz](e|ing|ation)[^.]{0,20} (to|between) 0 ?(–|and|to) ?1(?! *\.)",
        r"import torchvision.*dir\(",
    ],
)
def test_the_errors_of_other_pages_are_not_repeated(wrong: str, lesson: LessonFolder) -> None:
    prose = prose_of(read_lesson(lesson.files["lesson.md"]))
    assert re.search(wrong, prose, flags=re.IGNORECASE) is None


def test_the_command_knows_where_the_shipped_courses_are() -> None:
    assert [path.name for path in shipped_folders()] == ["pretrained-vision-models"]
