"""What a training run may be asked for: nonsense is refused by name, and what is left out is as usual."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.training_contracts import (
    EPOCHS,
    LEARNING_RATES,
    SHIPPED,
    DataName,
    OptionRefused,
    Range,
    Strategy,
    TrainingOptions,
    checked,
    knobs,
)

OWN = {"data": "own", "classes": ["mug", "cup"], "labels": [0, 0, 1, 1]}


@pytest.mark.parametrize("data", SHIPPED)
@pytest.mark.parametrize("strategy", Strategy)
def test_what_is_left_out_is_as_usual(data: DataName, strategy: Strategy) -> None:
    options = checked({"data": data, "strategy": strategy})
    assert options.epochs == EPOCHS[strategy].usual
    assert options.learning_rate == LEARNING_RATES[strategy].usual
    assert options.labels_per_class == SHIPPED[data].labels_per_class.usual
    assert options.classes == SHIPPED[data].classes
    for option, allowed in knobs(strategy, data).items():
        assert allowed.allows(getattr(options, option)), option


def test_a_full_set_of_options_is_understood_again() -> None:
    asked = {
        **OWN,
        "strategy": "finetune",
        "epochs": 3,
        "learning_rate": 1e-3,
        "seed": 7,
        "blocks": "all",
        "photo_set": "its own",
    }
    options = checked(asked)
    assert (options.classes, options.labels) == (("mug", "cup"), (0, 0, 1, 1))
    assert (options.blocks, options.seed, options.labels_per_class) == ("all", 7, 0)


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ({}, "data"),
        ({"data": "cifar"}, "data"),
        ({"data": ["digits"]}, "data"),
        ({"data": "digits", "strategy": "magic"}, "strategy"),
        ({"data": "digits", "epochs": 0}, "epochs"),
        ({"data": "digits", "epochs": 101}, "epochs"),
        ({"data": "digits", "epochs": 2.5}, "epochs"),
        ({"data": "digits", "epochs": True}, "epochs"),
        ({"data": "digits", "epochs": "3"}, "epochs"),
        ({"data": "digits", "learning_rate": math.nan}, "learning_rate"),
        ({"data": "digits", "learning_rate": math.inf}, "learning_rate"),
        ({"data": "digits", "learning_rate": -1}, "learning_rate"),
        ({"data": "digits", "seed": 2**31}, "seed"),
        ({"data": "faces", "labels_per_class": 51}, "labels_per_class"),
        ({"data": "faces", "strategy": "finetune", "blocks": "some"}, "blocks"),
        ({"data": "faces", "standardisation": "maybe"}, "standardisation"),
        ({"data": "own"}, "classes"),
        ({**OWN, "classes": ["mug"]}, "classes"),
        ({**OWN, "classes": ["mug", "mug"]}, "classes"),
        ({**OWN, "classes": ["mug", " "]}, "classes"),
        ({**OWN, "classes": ["mug", "c" * 41]}, "classes"),
        ({**OWN, "classes": list("abcdef")}, "classes"),
        ({**OWN, "labels": [0, 0, 1]}, "labels"),
        ({**OWN, "labels": [0, 0, 1, 2]}, "labels"),
        ({**OWN, "labels": [0, 0, 1, -1]}, "labels"),
        ({**OWN, "labels": [0] * 21 + [1, 1]}, "labels"),
        ({**OWN, "labels": "0011"}, "labels"),
    ],
)
def test_nonsense_is_refused_by_name(options: dict[str, object], refused: str) -> None:
    with pytest.raises(OptionRefused) as caught:
        checked(options)
    assert caught.value.option == refused
    assert caught.value.allowed


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(["strategy", "epochs", "learning_rate", "seed", "labels_per_class", "blocks", "classes", "labels"]),
        JSON,
    ),
    st.sampled_from([*DataName]),
)
def test_whatever_is_asked_is_understood_or_refused(options: dict[str, object], data: DataName) -> None:
    try:
        understood = checked({**options, "data": data})
    except OptionRefused:
        return
    assert isinstance(understood, TrainingOptions)


def test_a_range_of_whole_numbers_allows_no_other() -> None:
    assert Range(1, 3, 2).allows(3)
    assert not Range(1, 3, 2).allows(2.0)
    assert Range(0.5, 3.0, 1.0).allows(2)


def test_a_page_learns_of_all_this_without_torch() -> None:
    program = "import sys, inference.training_contracts; sys.exit('torch' in sys.modules or 'django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
