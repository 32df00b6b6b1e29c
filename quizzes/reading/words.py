"""What a question about a recorded run says, as Markdown, its table included. The only file of this room that knows Django."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from inference.contracts import MistakeName
from inference.wording import stage_title
from lessons.figures import millions, plain
from quizzes.generating import words as generated
from quizzes.sketching.base import Drawn, Phrase, Table, Value
from quizzes.sketching.words import Misconception, escaped, said

UNTOLD = "?"
"""What stands in a table where the question asks."""


def worded(phrase: Phrase) -> str:
    """The phrase as Markdown in the language of whoever asks; raises KeyError for a code without a sentence."""
    return said(phrase, SENTENCES)


def stem_of(drawn: Drawn) -> str:
    """All that is shown before the options: the question, and below it what of the run is to be read."""
    question = worded(drawn.stem)
    return f"{question}\n\n{table_of(drawn.table)}" if drawn.table else question


def table_of(table: Table) -> str:
    """The table as Markdown."""
    lines = [
        _line(str(HEADINGS[column]) for column in table.columns),
        _line("---" if column in WORDS else "--:" for column in table.columns),
        *(_line(_cell(column, value) for column, value in zip(table.columns, row, strict=True)) for row in table.rows),
    ]
    return "\n".join([f"Table: {worded(table.caption)}", "", *lines, ""])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(column: str, value: Value | None) -> str:
    return UNTOLD if value is None else _WRITTEN.get(column, plain)(value)


_WRITTEN: Mapping[str, Callable[[Any], str]] = MappingProxyType(
    {
        "title": lambda title: f"`{title}`",
        "operation": stage_title,
        "label": escaped,
        "adds": millions,
        "milliseconds": lambda value: number_format(value, decimal_pos=2),
        "percent": lambda value: f"{number_format(value, decimal_pos=1)}%",
    }
)
"""Column → what writes its figures, where `plain` doesn't."""


def misconception(slug: str) -> Misconception:
    """The misconception of that slug: this room's, or one that generated questions have too. Raises KeyError."""
    if slug not in MISCONCEPTIONS:
        return generated.misconception(slug)
    title, belief, why = MISCONCEPTIONS[slug]
    return Misconception(slug, str(title), str(belief), str(why), _MISTAKES.get(slug, ""))


WORDS = frozenset({"title", "operation", "label"})
"""The columns that hold words; numbers stand at the right."""

HEADINGS: Mapping[str, Promise] = MappingProxyType(
    {
        "title": _("stage"),
        "operation": _("step"),
        "shape": _("output shape"),
        "channels": _("channels"),
        "numbers": _("numbers"),
        "parameters": _("parameters"),
        "adds": _("multiply-adds"),
        "milliseconds": _("milliseconds"),
        "silent": _("silent channels"),
        "label": _("class"),
        "percent": _("probability"),
    }
)

TITLES: Mapping[str, Promise] = MappingProxyType(
    {
        "first_cells": _("The first stage with so many cells"),
        "numbers_out": _("How many numbers leave a stage"),
        "shrinking": _("How many times fewer cells between two stages"),
        "never_seen": _("How much of the photo is cut off"),
        "share_of_work": _("A stage’s share of the multiply-adds"),
        "uses_of_a_weight": _("How often a parameter is used"),
        "slowest": _("Which stage took longest, and whether it computes the most"),
        "second_class": _("Which class came second, and how far behind"),
        "left_for_others": _("What is left for the classes that are not listed"),
        "silent": _("How many channels are silent, and on which photos"),
    }
)
"""Name of a template → what it asks, in a few words."""

SENTENCES: Mapping[str, str | Promise] = MappingProxyType(
    {
        # above tables
        "caption.stages": _("The outputs of %(network)s, stage by stage. Photo: %(photo)s"),
        "caption.preparing": _("Prepared for %(network)s: height × width × channels. Photo: %(photo)s"),
        "caption.classes": _("The most probable classes by %(network)s. Photo: %(photo)s"),
        # what options say
        "stage": "`%(stage_raw)s`",
        "count": "%(count)s",
        "times": _("%(times)s times"),
        "about-times": _("about %(count)s times"),
        "about-once": _("about once"),
        "about-percent": _("about %(percent)s%%"),
        "percent": "%(percent)s%%",
        "second": _("“%(label)s”, %(points)s percentage points behind"),
        "slowest.busiest": _("`%(stage_raw)s`, and it also does the most multiply-adds"),
        "slowest.not-busiest": _("`%(stage_raw)s`, though another stage does more multiply-adds"),
        "silent.here": _("%(percent)s%%, on this photo"),
        "silent.always": _("%(percent)s%%, on every photo"),
        # the first stage with so many cells
        "first_cells.stem": _(
            "A square of %(entered)s × %(entered)s pixels enters %(network)s. Which stage is the first whose output has"
            " %(side)s × %(side)s cells in each channel?"
        ),
        "first_cells.hint": _("Every channel has a number for each cell. How many numbers does each channel get?"),
        "first_cells.step-cells": _("%(side)s × %(side)s are %(cells)s cells."),
        "first_cells.step-divide": _(
            "Divide each stage’s numbers by its channels: `%(stage_raw)s` has %(numbers)s / %(channels)s = %(cells)s."
        ),
        "first_cells.step-first": _("No stage above it has that many cells in a channel."),
        "first_cells.right": _(
            "%(numbers)s numbers in %(channels)s channels are %(cells)s, so %(side)s × %(side)s cells each."
        ),
        "first_cells.in-is-out": _(
            "What *enters* `%(said_raw)s` has %(side)s × %(side)s cells. The stage that made them stands before it."
        ),
        "first_cells.every-stage-halves": _(
            "That counts stages and halves for each. `%(said_raw)s` has %(there)s × %(there)s cells: some stages keep the size."
        ),
        "first_cells.last-of-its-size": _("It has %(side)s × %(side)s cells, but a stage before it had them already."),
        "first_cells.channels-are-cells": _(
            "%(said_channels)s is how many channels it has. How many cells each of them has is another number:"
            " %(there)s × %(there)s."
        ),
        # how many numbers leave a stage
        "numbers_out.stem": _("How many numbers does `%(stage_raw)s` of %(network)s give for this photo?"),
        "numbers_out.hint": _("A shape is channels × height × width."),
        "numbers_out.step-cells": _("Each channel has %(side)s × %(side)s = %(cells)s cells, with a number in each."),
        "numbers_out.step-channels": _("There are %(channels)s channels: %(channels)s × %(cells)s = %(numbers)s."),
        "numbers_out.right": _("%(channels)s channels of %(side)s × %(side)s cells are %(numbers)s numbers."),
        "numbers_out.channels-are-all": _("%(channels)s are its channels. Each is a map with %(cells)s numbers of its own."),
        "numbers_out.one-channel-is-all": _("%(cells)s are the cells of one channel, and there are %(channels)s channels."),
        "numbers_out.sides-are-added": _("That adds up the sides. A box of numbers has their product: %(numbers)s."),
        "numbers_out.in-is-out": _("That many numbers enter the stage. Its own shape stands in its own row."),
        "numbers_out.weights-are-outputs": _(
            "Those are its parameters, which it has for every photo. What it gives for this one depends on the map’s size."
        ),
        # by what factor cells become fewer
        "shrinking.stem": _(
            "From the output of `%(before_raw)s` to the output of `%(after_raw)s` in %(network)s: how many times fewer cells"
            " does each channel have?"
        ),
        "shrinking.hint": _("Cells are height × width, without the channels."),
        "shrinking.step-cells": _(
            "`%(before_raw)s` has %(before_side)s × %(before_side)s = %(before_cells)s cells, `%(after_raw)s`"
            " %(after_side)s × %(after_side)s = %(after_cells)s."
        ),
        "shrinking.step-divide": _("%(before_cells)s / %(after_cells)s = %(factor)s."),
        "shrinking.right": _("Each side shrinks %(side_factor)s times, and a map has two: %(factor)s times fewer cells."),
        "shrinking.the-side-is-the-area": _("That is one side. The other shrinks as much, which makes %(factor)s."),
        "shrinking.numbers-are-cells": _(
            "All numbers become %(said)s times fewer, since the channels change too. The cells of a channel become %(factor)s"
            " times fewer."
        ),
        "shrinking.every-stage-halves": _(
            "That halves once for each stage in between. Only the shapes tell how often a side was halved."
        ),
        "shrinking.channels-make-up-for-cells": _(
            "There are %(said)s times as many *channels*. Nothing ties their number to that of the cells."
        ),
        # what of the photo the network never sees
        "never_seen.stem": _(
            "How much of the resized photo does %(network)s never see, because it is cut off before the first stage?"
        ),
        "never_seen.hint": _("Compare areas: what is kept, out of what there was after resizing."),
        "never_seen.step-resized": _("Resized: %(height)s × %(width)s = %(area)s pixels."),
        "never_seen.step-cropped": _("Kept: %(side)s × %(side)s = %(seen)s pixels, which is about %(kept)s%%."),
        "never_seen.step-share": _("The rest, about %(cut)s%%, is cut off."),
        "never_seen.right": _("%(seen)s of %(area)s pixels are kept, so about %(cut)s%% of the picture is gone."),
        "never_seen.only-one-side-is-cut": _("That is what the longer side loses. The shorter one is cut as well."),
        "never_seen.resizing-cuts": _(
            "That counts from the original’s pixels. Resizing makes the picture smaller but shows all of it: only the crop"
            " cuts."
        ),
        "never_seen.nothing-is-cut": _(
            "That would be so if the photo were squeezed into the square. Here the middle is kept, and the rest falls away."
        ),
        "never_seen.kept-is-cut": _("That is the part that is kept."),
        # a stage's share of the work
        "share_of_work.stem": _("How much of all multiply-adds in this run of %(network)s does `%(stage_raw)s` do?"),
        "share_of_work.hint": _("Which column says it, and what do all of its rows make together?"),
        "share_of_work.step-sum": _("All stages together do %(all_adds)s multiply-adds."),
        "share_of_work.step-divide": _("%(adds)s of %(all_adds)s are about %(share)s%%."),
        "share_of_work.right": _("%(adds)s of %(all_adds)s multiply-adds."),
        "share_of_work.parameters-are-work": _(
            "That is its share of the *parameters*. How often each is used differs from stage to stage."
        ),
        "share_of_work.stages-share-evenly": _(
            "That would be so if all %(stages)s stages did as much. They don’t: see the column."
        ),
        "share_of_work.part-of-the-rest": _(
            "That compares it with all *other* stages. Its share is out of all of them, its own included: %(all_adds)s."
        ),
        "share_of_work.time-is-work": _(
            "That is its share of the *time*, which depends on memory and on the kind of operation as well."
        ),
        # how often a weight is used
        "uses_of_a_weight.stem": _(
            "In how many multiply-adds does a parameter of `%(stage_raw)s` in %(network)s take part for this photo, on average?"
        ),
        "uses_of_a_weight.hint": _("Two of the columns, divided by each other."),
        "uses_of_a_weight.step-divide": _("%(adds)s multiply-adds / %(parameters)s parameters: about %(uses)s for each."),
        "uses_of_a_weight.step-slides": _("A convolution uses the same weights again at each place of the map."),
        "uses_of_a_weight.step-once": _("A linear layer has no places to go to: each weight meets one input."),
        "uses_of_a_weight.right": _("%(adds)s multiply-adds, shared by %(parameters)s parameters."),
        "uses_of_a_weight.weights-are-used-once": _(
            "That is a linear layer. A convolution moves its weights over the map and uses them at each place."
        ),
        "uses_of_a_weight.uses-are-outputs": _(
            "About as many numbers leave the stage. Each of them takes many multiply-adds, with many different weights."
        ),
        "uses_of_a_weight.uses-are-the-side": _("That is one side of the map. Weights are used at every row *and* column."),
        "uses_of_a_weight.every-layer-slides": _(
            "That many cells the last map has. But it was averaged before: this layer gets one list of numbers."
        ),
        # what took longest
        "slowest.stem": _("Which stage took longest in this run of %(network)s, and how does that go with its work?"),
        "slowest.hint": _("Look for the largest number in two columns."),
        "slowest.step-time": _("The largest time is that of `%(stage_raw)s`: %(milliseconds)s ms."),
        "slowest.step-work": _("The most multiply-adds are those of `%(busiest_raw)s`: %(busiest_adds)s."),
        "slowest.right-busiest": _("%(milliseconds)s ms and %(adds)s multiply-adds, the most in both columns."),
        "slowest.right-not-busiest": _(
            "%(milliseconds)s ms for %(adds)s multiply-adds. `%(busiest_raw)s` does %(busiest_adds)s in"
            " %(busiest_milliseconds)s ms: time also goes into moving numbers."
        ),
        "slowest.work-is-time": _(
            "It does the most multiply-adds, but it took %(busiest_milliseconds)s ms, and not the longest."
        ),
        "slowest.slow-means-much-work": _(
            "It took longest, but the most multiply-adds are done by `%(busiest_raw)s`, in %(busiest_milliseconds)s ms."
        ),
        "slowest.work-says-nothing-of-time": _("It is that very stage that does the most multiply-adds: %(adds)s."),
        "slowest.the-largest-output-is-slowest": _(
            "`%(said_raw)s` gives the most numbers. Others have more to compute for each: `%(stage_raw)s` took longest."
        ),
        "slowest.parameters-are-time": _("`%(said_raw)s` has the most parameters. `%(stage_raw)s` took longest."),
        "slowest.the-end-is-slowest": _("`%(said_raw)s` comes last. That says nothing of its time."),
        # the second class, and how far behind
        "second_class.stem": _(
            "The most probable classes by %(network)s are listed by the alphabet. Which one came second, and how far behind"
            " the first?"
        ),
        "second_class.hint": _("Find the two largest probabilities first."),
        "second_class.step-order": _(
            "“%(first_label)s” came first with %(first)s%%, “%(second_label)s” second with %(second)s%%."
        ),
        "second_class.step-gap": _("%(first)s − %(second)s = %(gap)s percentage points."),
        "second_class.right": _("%(first)s%% − %(second)s%% = %(gap)s points."),
        "second_class.probability-is-the-distance": _(
            "%(second)s%% is its own probability. How far behind it is, is the difference: %(gap)s points."
        ),
        "second_class.points-are-percent": _(
            "That says by which part of the first one’s probability it is smaller. In points it is"
            " %(first)s − %(second)s = %(gap)s."
        ),
        "second_class.ranks-count-from-zero": _("“%(third_label)s” has the third place. Ranks count from 1."),
        "second_class.order-is-rank": _("“%(listed_label)s” stands second in the list, but the list goes by the alphabet."),
        # what is left for all others
        "left_for_others.stem": _(
            "These are the %(shown)s most probable classes by %(network)s. How much probability is left for the %(others)s"
            " other classes together?"
        ),
        "left_for_others.hint": _("What do the probabilities of all classes sum to after softmax?"),
        "left_for_others.step-sum": _("The %(shown)s listed ones make %(listed)s%% together."),
        "left_for_others.step-rest": _("All classes make 100%%, so 100 − %(listed)s = %(left)s%% are left."),
        "left_for_others.right": _("100%% − %(listed)s%% = %(left)s%%, for %(others)s classes together."),
        "left_for_others.the-list-is-everything": _(
            "Softmax goes over all classes, and not over those that are shown. They make %(listed)s%%."
        ),
        "left_for_others.all-but-the-first": _("That is all but the first. The others on the list have their part of it."),
        "left_for_others.the-rest-is-like-the-last": _(
            "That is what the last one of the list has. The question is about all the others together."
        ),
        "left_for_others.listed-is-left": _("That is what the listed ones make together."),
        # channels that said nothing
        "silent.stem": _(
            "How large is the share of silent channels in `%(stage_raw)s` of %(network)s, and of which photos does this run"
            " say so?"
        ),
        "silent.hint": _("A channel is silent when it says the same in every cell. What did it look at?"),
        "silent.step-share": _("%(silent)s of %(channels)s channels: about %(share)s%%."),
        "silent.step-photo": _("One photo was run, so nothing is known of any other. Another one may wake them."),
        "silent.right": _("%(silent)s of %(channels)s. Another photo may wake them."),
        "silent.silent-is-dead": _(
            "The share is right. But the run shows one photo, and a filter that finds nothing in it may find something in"
            " others."
        ),
        "silent.silent-and-awake-swapped": _("That is the share of those that *do* say something."),
        "silent.share-of-the-network": _("That counts them among the %(every)s channels of all stages together."),
        "silent.counts-are-shares": _("%(silent)s is their number, and not a percentage: there are %(channels)s in all."),
    }
)
"""Code → what is said, with the figures of its phrase; `…_raw` writes a figure as code has it."""

_MISTAKES: Mapping[str, str] = MappingProxyType({"nothing-is-cut": str(MistakeName.SQUASHED)})

MISCONCEPTIONS: Mapping[str, tuple[Promise, Promise, Promise]] = MappingProxyType(
    {
        "in-is-out": (
            _("What enters is what leaves"),
            _("A stage gives what it takes."),
            _("A stage’s input is the output of the one before. Its own output may have other channels and fewer cells."),
        ),
        "last-of-its-size": (
            _("The last one made it"),
            _("The stage where a size is last seen is the one that brought it."),
            _("Stages keep a size over several rows. Who brought it is the first row that has it."),
        ),
        "channels-are-cells": (
            _("Channels are cells"),
            _("The number of channels says how fine the map is."),
            _("Channels are filters, cells are places. Mostly the one grows while the other shrinks."),
        ),
        "channels-are-all": (
            _("A channel is a number"),
            _("A map with 512 channels is 512 numbers."),
            _("Each channel is a whole map. It becomes one number only where it is pooled, at the end."),
        ),
        "one-channel-is-all": (
            _("One channel is all"),
            _("Height times width is all that a stage gives."),
            _("That is one channel. A stage gives as many maps as it has filters."),
        ),
        "sides-are-added": (
            _("Sides add up"),
            _("A shape’s numbers are added."),
            _("A shape counts along axes, so what it holds is the product."),
        ),
        "weights-are-outputs": (
            _("Parameters are what comes out"),
            _("A stage gives as many numbers as it has parameters."),
            _("Parameters are learned once and stay. What comes out is computed for each photo, at each place."),
        ),
        "the-side-is-the-area": (
            _("Half the side, half the cells"),
            _("Where the side is halved there are half as many cells."),
            _("Height and width are both halved, so a quarter is left."),
        ),
        "numbers-are-cells": (
            _("Numbers are cells"),
            _("If a stage gives a third of the numbers, it has a third of the cells."),
            _("Numbers are cells × channels, and channels change as well."),
        ),
        "channels-make-up-for-cells": (
            _("Channels make up for cells"),
            _("As the cells become fewer, the channels become more by the same factor."),
            _("Both are choices of the architecture. Often channels double where cells become a quarter."),
        ),
        "only-one-side-is-cut": (
            _("Cropping cuts the longer side"),
            _("The crop takes away what makes the photo longer than it is high."),
            _("Mostly the crop is smaller than the resized photo on both sides, and then both lose something."),
        ),
        "resizing-cuts": (
            _("Fewer pixels, less picture"),
            _("Resizing throws a part of the picture away."),
            _("All of it is still there, less sharp. Only cropping takes a part of it away."),
        ),
        "nothing-is-cut": (
            _("The whole photo goes in"),
            _("Resizing makes the photo fit, so the network sees all of it."),
            _("It resizes by the shorter side and keeps proportions. What doesn’t fit into the square is cut off."),
        ),
        "kept-is-cut": (
            _("Kept and cut mixed up"),
            _("The crop’s share of the photo is what is lost."),
            _("A crop is what stays."),
        ),
        "parameters-are-work": (
            _("Parameters are work"),
            _("The stage with the most parameters computes the most."),
            _("Work is parameters times how often each is used. Early stages have few, and use them at many places."),
        ),
        "stages-share-evenly": (
            _("Every stage does its part"),
            _("Work is spread evenly over the stages."),
            _("Stages differ in cells, channels and blocks, and so in work, by factors of ten and more."),
        ),
        "part-of-the-rest": (
            _("A share is a ratio to the rest"),
            _("A share compares a part with all the others."),
            _("A share is the part out of the whole, in which it is contained."),
        ),
        "time-is-work": (
            _("Time is work"),
            _("Who takes a quarter of the time does a quarter of the work."),
            _("Time also goes into moving numbers to and fro, and some operations do that much more than others."),
        ),
        "weights-are-used-once": (
            _("A weight is used once"),
            _("Each parameter takes part in one multiplication for a photo."),
            _("That holds for a linear layer. A convolution uses its weights at every place of the map."),
        ),
        "uses-are-outputs": (
            _("A use for each output"),
            _("A weight takes part in every number that leaves the stage."),
            _("A filter makes one channel: its weights take part in that channel’s cells alone."),
        ),
        "uses-are-the-side": (
            _("A filter slides along a row"),
            _("A filter is used once for each step along the side."),
            _("It goes over rows and columns, so once for each cell."),
        ),
        "every-layer-slides": (
            _("Every layer slides"),
            _("The last layer uses its weights at each place of the last map."),
            _("The map is averaged to one number a channel before it. The layer sees no places any more."),
        ),
        "work-is-time": (
            _("The most work takes longest"),
            _("The stage with the most multiply-adds takes the most time."),
            _("Large early maps take long to move through memory, even where little is computed on them."),
        ),
        "slow-means-much-work": (
            _("What takes long computes much"),
            _("A stage that takes long must do many multiply-adds."),
            _("It may just as well wait for memory. Only the two columns side by side tell."),
        ),
        "parameters-are-time": (
            _("Parameters are time"),
            _("The stage with the most parameters takes longest."),
            _("Parameters are read once. How often they are used, and on how large maps, decides more."),
        ),
        "work-says-nothing-of-time": (
            _("Work says nothing of time"),
            _("The stage that computes the most is never the slowest."),
            _("Much work takes time. It is only not the one thing that does."),
        ),
        "the-largest-output-is-slowest": (
            _("The largest output is slowest"),
            _("The more numbers a stage gives, the longer it takes."),
            _("What it takes to make a number, and to fetch what it is made of, differs from stage to stage."),
        ),
        "the-end-is-slowest": (
            _("The end is slowest"),
            _("The last layers see all that came before, so they take longest."),
            _("Each stage sees only what the one before gives, and at the end that is little."),
        ),
        "probability-is-the-distance": (
            _("A probability is a distance"),
            _("A class with 30% is 30% behind."),
            _("Its distance from another class is the difference of the two."),
        ),
        "points-are-percent": (
            _("Points are percent"),
            _("From 40% to 30% is 25% less, so it is 25 behind."),
            _("A quarter less is true of the ratio. The distance is 10 percentage points."),
        ),
        "ranks-count-from-zero": (
            _("The second one is number two of a list from zero"),
            _("Counting begins at 0, so the second class is the one with index 2."),
            _("Indices begin at 0, places at 1: the second class has rank 2 and index 1."),
        ),
        "order-is-rank": (
            _("The order of a list is a ranking"),
            _("Classes are listed with the most probable one first."),
            _("Only where somebody sorted them. The probabilities tell."),
        ),
        "the-list-is-everything": (
            _("The top five are all there is"),
            _("The probabilities that are shown sum to 100%."),
            _("All classes together do. A list of the first few leaves something for the others."),
        ),
        "all-but-the-first": (
            _("What the first one hasn’t, the unlisted have"),
            _("What is left over for the others is 100% less the first."),
            _("Those on the list have their part of that."),
        ),
        "the-rest-is-like-the-last": (
            _("It goes on like the last"),
            _("What comes below the list is as probable as its last row."),
            _("Each class below has at most that. Together they can have far more."),
        ),
        "listed-is-left": (
            _("What is listed is what is left"),
            _("The sum of the list is what the others have."),
            _("It is what they don’t have."),
        ),
        "silent-is-dead": (
            _("A silent channel is dead"),
            _("A channel that says nothing has never learned anything, so it can go."),
            _("It says nothing about *this* photo. Filters look for particular things, and most photos hold few of them."),
        ),
        "silent-and-awake-swapped": (
            _("Silent and awake mixed up"),
            _("The channels counted as silent are those that found something."),
            _("Silent are those with the same number in every cell."),
        ),
        "share-of-the-network": (
            _("A share of everything"),
            _("A stage’s share is counted among all channels of the network."),
            _("The share of a stage’s channels has that stage’s channels below the line."),
        ),
        "counts-are-shares": (
            _("A count is a percentage"),
            _("Five channels are 5%."),
            _("Only of a hundred. A share needs to know of how many."),
        ),
    }
)
"""Slug → title, belief and why it fails, of the misconceptions that come with this room."""
