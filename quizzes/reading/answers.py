"""Questions about what came out: the classes and their probabilities, and the channels that said nothing."""

from __future__ import annotations

from collections.abc import Iterator

from quizzes.reading.base import Template, beliefs_of, caption, percent, points_apart, stage_table
from quizzes.reading.recordings import RecordedClass, Recording
from quizzes.sketching.base import Belief, Figures, Phrase, Sketch, Table

LEAST_GAP = 1.0
"""Points between two classes for one to be called the likelier."""

LEAST_LEFT = 0.5
"""Points that a figure below the listed ones must be off another to be told from it."""

# --- the second class, and how far behind ------------------------------------------------------------------------------------


def _second_class(recording: Recording) -> Iterator[Sketch]:
    if len(recording.top) < 3:
        return
    first, second, third = recording.top[:3]
    gap = round(first.percent - second.percent, 1)
    if gap < LEAST_GAP or second.percent - third.percent < LEAST_GAP:
        return  # too near to call
    listed = sorted(recording.top, key=lambda row: row.label.casefold())
    figures: Figures = {
        "first_label": first.label,
        "second_label": second.label,
        "first": first.percent,
        "second": second.percent,
        "gap": gap,
    }
    right = Phrase.of("second", label=second.label, points=gap)
    yield Sketch(
        stem=Phrase.of("second_class.stem", network=recording.network),
        table=_classes(recording, listed),
        right=right,
        beliefs=_wrong_seconds(recording, listed, figures),
        why=Phrase.of("second_class.right", **figures),
        hint=Phrase.of("second_class.hint"),
        solution=(Phrase.of("second_class.step-order", **figures), Phrase.of("second_class.step-gap", **figures)),
        answer=right,
    )


def _wrong_seconds(recording: Recording, listed: list[RecordedClass], figures: Figures) -> list[Belief]:
    first, second, third = recording.top[:3]
    make = beliefs_of("second_class", figures)

    def behind(row: RecordedClass, points: float) -> Phrase:
        return Phrase.of("second", label=row.label, points=round(points, 1))

    found = [
        make("probability-is-the-distance", behind(second, second.percent)),
        make("points-are-percent", behind(second, 100 * (1 - second.percent / first.percent))),
        make("ranks-count-from-zero", behind(third, first.percent - third.percent), third_label=third.label),
    ]
    if (row := listed[1]).rank > 2:
        found.append(make("order-is-rank", behind(row, first.percent - row.percent), listed_label=row.label))
    gap = round(first.percent - second.percent, 1)
    return [
        belief
        for belief in found
        if belief.text["label"] != second.label or abs(float(str(belief.text["points"])) - gap) >= LEAST_GAP
    ]


def _classes(recording: Recording, rows: list[RecordedClass]) -> Table:
    return Table(caption(recording, "classes"), ("label", "percent"), tuple((row.label, row.percent) for row in rows))


SECOND_CLASS = Template(
    "second_class",
    frozenset({"probability-is-the-distance", "points-are-percent", "ranks-count-from-zero", "order-is-rank"}),
    _second_class,
    names_classes=True,
)

# --- what is left for all others ---------------------------------------------------------------------------------------------


def _left_for_others(recording: Recording) -> Iterator[Sketch]:
    top = recording.top
    others = recording.classes - len(top)
    if len(top) < 2 or others < 1:
        return
    listed = round(sum(row.percent for row in top), 1)
    left = round(100 - listed, 1)
    if left < LEAST_LEFT:
        return  # less than what rounding the listed ones may have lost
    figures: Figures = {"listed": listed, "left": left, "shown": len(top), "others": others, "first": top[0].percent}
    make = beliefs_of("left_for_others", figures)
    wrong = {
        "the-list-is-everything": 0.0,
        "all-but-the-first": round(100 - top[0].percent, 1),
        "the-rest-is-like-the-last": top[-1].percent,
        "listed-is-left": listed,
    }
    right = Phrase.of("percent", percent=left)
    yield Sketch(
        stem=Phrase.of("left_for_others.stem", network=recording.network, shown=len(top), others=others),
        table=_classes(recording, list(top)),
        right=right,
        beliefs=[
            make(slug, Phrase.of("percent", percent=share), said=share)
            for slug, share in wrong.items()
            if abs(share - left) >= LEAST_LEFT
        ],
        why=Phrase.of("left_for_others.right", **figures),
        hint=Phrase.of("left_for_others.hint"),
        solution=(Phrase.of("left_for_others.step-sum", **figures), Phrase.of("left_for_others.step-rest", **figures)),
        answer=right,
    )


LEFT_FOR_OTHERS = Template(
    "left_for_others",
    frozenset({"the-list-is-everything", "all-but-the-first", "the-rest-is-like-the-last", "listed-is-left"}),
    _left_for_others,
    names_classes=True,
)

# --- channels that said nothing ----------------------------------------------------------------------------------------------


def _silent(recording: Recording) -> Iterator[Sketch]:
    every = sum(stage.channels for stage in recording.maps)
    for stage in recording.maps:
        share = percent(stage.silent, stage.channels)
        if not points_apart(share, 0) or not points_apart(share, 100):
            continue
        figures: Figures = {
            "stage": stage.title,
            "silent": stage.silent,
            "channels": stage.channels,
            "share": share,
            "every": every,
        }
        make = beliefs_of("silent", figures)
        wrong = {
            "silent-and-awake-swapped": 100 - share,
            "share-of-the-network": percent(stage.silent, every),
            "counts-are-shares": stage.silent,
        }
        right = Phrase.of("silent.here", percent=share)
        yield Sketch(
            stem=Phrase.of("silent.stem", network=recording.network, stage=stage.title),
            table=stage_table(recording, recording.maps, "channels", "silent"),
            right=right,
            beliefs=[
                make("silent-is-dead", Phrase.of("silent.always", percent=share)),
                *(
                    make(slug, Phrase.of("silent.here", percent=said), said=said)
                    for slug, said in wrong.items()
                    if 0 < said <= 100 and points_apart(said, share)
                ),
            ],
            why=Phrase.of("silent.right", **figures),
            hint=Phrase.of("silent.hint"),
            solution=(Phrase.of("silent.step-share", **figures), Phrase.of("silent.step-photo", **figures)),
            answer=right,
        )


SILENT = Template(
    "silent",
    frozenset({"silent-is-dead", "silent-and-awake-swapped", "share-of-the-network", "counts-are-shares"}),
    _silent,
)
