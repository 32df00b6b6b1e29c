"""Every code of the engine has its words, and every sentence its figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.contracts import Failure
from inference.training import wording
from inference.training_contracts import (
    SHIPPED,
    Baseline,
    BatchNorm,
    DataName,
    DataWarning,
    LabelsFrom,
    Observation,
    Range,
    Split,
    Standardisation,
    Strategy,
    Verdict,
)
from inference.wording import failure
from tests.inference.training.conftest import confusion

FIGURES = {
    "since": 4,
    "best_epoch": 3,
    "best_validation_loss": 0.24,
    "validation_loss": 0.34,
    "train_loss": 9.5,
    "first_train_loss": 1.1,
    "train_accuracy": 0.33,
    "validation_accuracy": 0.92,
    "best_validation_accuracy": 0.9,
    "chance": 0.333,
    "knowing_nothing": 1.0986,
}


@pytest.mark.parametrize("code", list(Observation))
def test_every_observation_is_a_sentence_with_its_figures(code: Observation) -> None:
    told = wording.observation({"code": str(code), **FIGURES})
    assert told.endswith(".")
    assert "%(" not in told
    assert "–" not in told
    assert wording.observed({"code": str(code)})


@given(st.dictionaries(st.sampled_from(sorted(FIGURES)), st.none() | st.floats(allow_nan=False, allow_infinity=False)))
def test_missing_and_strange_figures_break_no_sentence(figures: dict[str, float | None]) -> None:
    for code in Observation:
        assert wording.observation({"code": str(code), **figures})


def test_overconfidence_is_told_from_overfitting() -> None:
    overconfident = wording.observation({"code": "overconfident", **FIGURES})
    assert "loss rises (0.240 → 0.340) and accuracy doesn’t fall (90.0% → 92.0%)" in overconfident
    assert "not more mistakes" in overconfident
    assert "by heart" in wording.observation({"code": "overfitting", **FIGURES})


def test_nothing_is_said_of_what_nobody_observed() -> None:
    assert wording.observation(None) == ""
    assert wording.observation({"code": "something new"}) == ""


@pytest.mark.parametrize("name", list(SHIPPED))
def test_every_data_set_and_every_class_of_it_has_a_name(name: DataName) -> None:
    assert wording.data_title(name) != name
    assert wording.data_question(name).endswith("?")
    for code in SHIPPED[name].classes:
        assert "_" not in wording.class_title(name, code)


def test_a_learners_own_class_keeps_its_name() -> None:
    assert wording.class_title(DataName.OWN, "face") == "face"
    assert wording.class_title(DataName.OWN, "no_face") == "no_face"


@pytest.mark.parametrize(
    "words",
    [
        *(wording.strategy_title(name) for name in Strategy),
        *(wording.strategy_sentence(name) for name in Strategy),
        *(wording.baseline_title(name) for name in Baseline),
        *(wording.batch_norm_title(name) for name in BatchNorm),
        *(wording.standardisation_title(name) for name in Standardisation),
        *(wording.split_sentence(name, folds=5) for name in Split),
        *(wording.labels_sentence(name, threshold=0.12) for name in LabelsFrom),
        *(wording.warning(name) for name in DataWarning),
        *(wording.guess_title(name) for name in Verdict),
    ],
)
def test_every_code_has_words(words: str) -> None:
    assert words
    assert "%(" not in words
    assert "_" not in words


@pytest.mark.parametrize("code", [Failure.TRAINING_REFUSED, Failure.DATA_MISSING, Failure.HEAD_DAMAGED, Failure.HEAD_FOREIGN])
def test_every_failure_of_training_says_why_and_what_next(code: Failure) -> None:
    assert failure(code) != failure(Failure.INTERNAL)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_summary_names_the_baseline_whatever_the_verdict(verdict: Verdict) -> None:
    figures = confusion(["brick", "grass"], against_baseline=str(verdict)).figures
    told = " ".join(wording.summary(figures, data="textures"))
    assert "the mean colour alone, 60.0%" in told
    assert "%(" not in told


def test_a_head_that_is_as_sure_as_it_is_right_is_not_scolded() -> None:
    sure = " ".join(wording.summary(confusion(["brick", "grass"], mean_confidence=0.91).figures, data="textures"))
    assert "sure" not in sure
    shy = " ".join(wording.summary(confusion(["brick", "grass"], mean_confidence=0.6).figures, data="textures"))
    assert "less sure than it could be" in shy


def test_no_mistake_is_said_too() -> None:
    figures = confusion(["brick", "grass"], matrix=[[10, 0], [0, 10]], accuracy=1.0).figures
    assert "It made no mistake on them." in wording.summary(figures, data="textures")


@pytest.mark.parametrize(
    ("allowed", "words"),
    [
        (Range(1, 100, 30), "1 to 100"),
        (Range(1e-6, 10.0, 3e-3), "0.000001 to 10"),
        (Range(0, 2**31 - 1, 1), "0 to 2,147,483,647"),
    ],
)
def test_a_range_is_written_without_needless_digits(allowed: Range, words: str) -> None:
    assert wording.range_words(allowed) == words


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (1.0, "100 of 100"),
        (92 / 512, "18 of 100"),
        (0.034, "34 of 1,000"),
        (0.00098, "10 of 10,000"),
        (0.0002, "2 of 10,000"),
        (1e-9, "fewer than 1 of 10,000"),
    ],
)
def test_chance_is_said_in_numbers_of_times(share: float, said: str) -> None:
    assert wording.chance(share) == said
