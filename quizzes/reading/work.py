"""Questions about work: where multiply-adds are spent, how often weights are used, what took longest."""

from __future__ import annotations

from collections.abc import Iterator

from quizzes.reading.base import RATIO, Template, beliefs_of, differ, leader, percent, points_apart, stage_table
from quizzes.reading.recordings import FEATURES, RecordedStage, Recording
from quizzes.sketching.base import Belief, Figures, Phrase, Sketch

# --- a stage's share of the work ---------------------------------------------------------------------------------------------


def _share_of_work(recording: Recording) -> Iterator[Sketch]:
    layers = recording.layers
    all_adds = sum(stage.adds for stage in layers)
    for stage in layers:
        share = percent(stage.adds, all_adds)
        if not points_apart(share, 0):
            continue
        figures: Figures = {
            "stage": stage.title,
            "adds": stage.adds,
            "all_adds": all_adds,
            "share": share,
            "stages": len(layers),
        }
        right = Phrase.of("about-percent", percent=share)
        yield Sketch(
            stem=Phrase.of("share_of_work.stem", network=recording.network, stage=stage.title),
            table=stage_table(recording, layers, "parameters", "adds", *(["milliseconds"] if recording.is_timed else [])),
            right=right,
            beliefs=_wrong_shares(recording, stage, share, figures),
            why=Phrase.of("share_of_work.right", **figures),
            hint=Phrase.of("share_of_work.hint"),
            solution=(Phrase.of("share_of_work.step-sum", **figures), Phrase.of("share_of_work.step-divide", **figures)),
            answer=right,
        )


def _wrong_shares(recording: Recording, stage: RecordedStage, share: int, figures: Figures) -> list[Belief]:
    layers, make = recording.layers, beliefs_of("share_of_work", figures)
    rest = sum(other.adds for other in layers) - stage.adds
    wrong = {
        "parameters-are-work": percent(stage.parameters, sum(other.parameters for other in layers)),
        "stages-share-evenly": percent(1, len(layers)),
        "part-of-the-rest": percent(stage.adds, rest) if rest else 0,
    }
    if recording.is_timed and (whole := sum(other.milliseconds for other in layers)):
        wrong["time-is-work"] = percent(stage.milliseconds, whole)
    return [
        make(slug, Phrase.of("about-percent", percent=said), said=said)
        for slug, said in wrong.items()
        if 0 < said < 100 and points_apart(said, share)
    ]


SHARE_OF_WORK = Template(
    "share_of_work",
    frozenset({"parameters-are-work", "stages-share-evenly", "part-of-the-rest", "time-is-work"}),
    _share_of_work,
)

# --- how often a weight is used ----------------------------------------------------------------------------------------------


def _uses(recording: Recording) -> Iterator[Sketch]:
    for stage in recording.layers:
        uses = _two_digits(stage.adds / stage.parameters)
        figures: Figures = {"stage": stage.title, "adds": stage.adds, "parameters": stage.parameters, "uses": uses}
        make = beliefs_of("uses_of_a_weight", figures)
        wrong: dict[str, int] = {"weights-are-used-once": 1, "uses-are-outputs": stage.numbers}
        if stage.kind == FEATURES and stage.is_map:
            wrong["uses-are-the-side"] = stage.side
        elif recording.maps:
            wrong["every-layer-slides"] = recording.maps[-1].cells
        right = _times(uses)
        yield Sketch(
            stem=Phrase.of("uses_of_a_weight.stem", network=recording.network, stage=stage.title),
            table=stage_table(recording, recording.layers, "shape", "parameters", "adds"),
            right=right,
            beliefs=[
                make(slug, _times(_two_digits(count))) for slug, count in wrong.items() if differ(_two_digits(count), uses)
            ],
            why=Phrase.of("uses_of_a_weight.right", **figures),
            hint=Phrase.of("uses_of_a_weight.hint"),
            solution=(
                Phrase.of("uses_of_a_weight.step-divide", **figures),
                Phrase.of("uses_of_a_weight.step-slides" if uses > 1 else "uses_of_a_weight.step-once", **figures),
            ),
            answer=right,
        )


def _times(count: int) -> Phrase:
    return Phrase.of("about-times", count=count) if count > 1 else Phrase.of("about-once")


def _two_digits(value: float) -> int:
    """A count rounded to two digits, never below 1: 219 becomes 220."""
    return max(1, int(float(f"{value:.2g}")))


USES_OF_A_WEIGHT = Template(
    "uses_of_a_weight",
    frozenset({"weights-are-used-once", "uses-are-outputs", "uses-are-the-side", "every-layer-slides"}),
    _uses,
)

# --- what took longest -------------------------------------------------------------------------------------------------------


def _slowest(recording: Recording) -> Iterator[Sketch]:
    layers = recording.layers
    slowest = leader(layers, lambda stage: stage.milliseconds, ratio=RATIO)
    busiest, heaviest = leader(layers, lambda stage: stage.adds), leader(layers, lambda stage: stage.parameters)
    if not recording.is_timed or slowest is None or busiest is None or heaviest is None:
        return  # too near to call, or the times of several photos

    def stands(stage: RecordedStage, *, busy: bool) -> Phrase:
        return Phrase.of("slowest.busiest" if busy else "slowest.not-busiest", stage=stage.title)

    is_busiest = slowest is busiest
    figures: Figures = {
        "stage": slowest.title,
        "milliseconds": slowest.milliseconds,
        "busiest": busiest.title,
        "busiest_adds": busiest.adds,
        "busiest_milliseconds": busiest.milliseconds,
        "adds": slowest.adds,
    }
    make = beliefs_of("slowest", figures)
    last, widest = layers[-1], max(layers, key=lambda stage: stage.numbers)
    right = stands(slowest, busy=is_busiest)
    yield Sketch(
        stem=Phrase.of("slowest.stem", network=recording.network),
        table=stage_table(recording, layers, "parameters", "adds", "milliseconds"),
        right=right,
        beliefs=[
            make("work-is-time", stands(busiest, busy=True)),
            make("slow-means-much-work", stands(slowest, busy=True)),
            *([make("work-says-nothing-of-time", stands(slowest, busy=False))] if is_busiest else []),
            make("parameters-are-time", stands(heaviest, busy=heaviest is busiest), said=heaviest.title),
            make("the-end-is-slowest", stands(last, busy=last is busiest), said=last.title),
            make("the-largest-output-is-slowest", stands(widest, busy=widest is busiest), said=widest.title),
        ],
        why=Phrase.of("slowest.right-busiest" if is_busiest else "slowest.right-not-busiest", **figures),
        hint=Phrase.of("slowest.hint"),
        solution=(Phrase.of("slowest.step-time", **figures), Phrase.of("slowest.step-work", **figures)),
        answer=right,
    )


SLOWEST = Template(
    "slowest",
    frozenset(
        {
            "work-is-time",
            "slow-means-much-work",
            "work-says-nothing-of-time",
            "parameters-are-time",
            "the-end-is-slowest",
            "the-largest-output-is-slowest",
        }
    ),
    _slowest,
)
