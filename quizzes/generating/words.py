"""What a drawn question says: one sentence for each code, as Markdown. The only file of this room that knows Django."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from inference.breaking.wording import TELLINGS
from inference.contracts import MistakeName
from quizzes.generating.preparing import slug_of
from quizzes.sketching.base import Phrase
from quizzes.sketching.words import Misconception, said


def worded(phrase: Phrase) -> str:
    """The phrase as Markdown in the language of whoever asks; raises KeyError for a code without a sentence."""
    return said(phrase, SENTENCES)


def misconception(slug: str) -> Misconception:
    """The standard misconception of that slug; raises KeyError."""
    if slug in _MISTAKES:
        name = _MISTAKES[slug]
        told = TELLINGS[name]
        return Misconception(slug, str(told.title), str(told.belief), str(told.why), str(name))
    title, belief, why = MISCONCEPTIONS[slug]
    return Misconception(slug, str(title), str(belief), str(why), str(_RUNNABLE.get(slug, "")))


_MISTAKES: Mapping[str, MistakeName] = MappingProxyType({slug_of(name): name for name in MistakeName})

_RUNNABLE: Mapping[str, MistakeName] = MappingProxyType(
    {
        "one-recipe-fits-all": MistakeName.OTHER_MEAN_STD,
        "squashing-is-cropping": MistakeName.SQUASHED,
        "dividing-is-normalising": MistakeName.NO_NORMALISATION,
        "floats-are-floats": MistakeName.ZERO_TO_255,
    }
)
"""Slug of a belief that templates bring along → the mistake in which one sees it happen."""

TITLES: Mapping[str, Promise] = MappingProxyType(
    {
        "output_shape": _("The shape after a stage at another input size"),
        "stride_of_stage": _("The stride of a stage, in pixels of the photo"),
        "receptive_field": _("How much of the photo one cell sees"),
        "layer_parameters": _("The parameters of a new last layer"),
        "head_input": _("What a new head takes"),
        "trained_parameters": _("What a strategy trains"),
        "cost_by_side": _("What photos of another size cost"),
        "preprocessing": _("How weights expect a photo"),
        "mistake_behind": _("Which mistake made this output"),
    }
)
"""Name of a template → what it asks, in a few words."""

SENTENCES: Mapping[str, str | Promise] = MappingProxyType(
    {
        # what options say
        "shape": "%(shape)s",
        "count": "%(count)s",
        "pixels": _("%(count)s px"),
        "unchanged": _("as much as before"),
        "factor": _("about %(factor)s times as much"),
        "preparation.whole": _(
            "Shorter side to %(resize)s, cut out %(crop)s × %(crop)s, divide by 255, then mean %(mean)s and deviation %(std)s"
        ),
        "preparation.squashed": _(
            "Both sides to %(crop)s, whatever the photo’s form, divide by 255, then mean %(mean)s and deviation %(std)s"
        ),
        "preparation.divided": _("Shorter side to %(resize)s, cut out %(crop)s × %(crop)s, divide by 255, and that is all"),
        "preparation.bytes": _(
            "Shorter side to %(resize)s, cut out %(crop)s × %(crop)s, leave 0 to 255, then mean %(mean)s and deviation %(std)s"
        ),
        **{f"mistake.{name}": told.title for name, told in TELLINGS.items()},
        **{f"mistake.why-{name}": told.why for name, told in TELLINGS.items()},
        # the shape after a stage
        "output_shape.stem": _(
            "%(network)s usually gets photos of %(native)s × %(native)s pixels. You hand it a batch of shape"
            " %(entered_shape)s. What shape has the output of `%(end)s`, the last layer of its stage?"
        ),
        "output_shape.hint": _(
            "A stage divides the side by its stride, whatever the side is. What does it do to the channels?"
        ),
        "output_shape.step-stride": _("At a side of %(native)s the map is %(trained)s cells wide: a stride of %(stride)s."),
        "output_shape.step-cells": _("The stride belongs to the layers and stays: %(side)s / %(stride)s = %(cells)s cells."),
        "output_shape.step-channels": _(
            "The number of channels is the number of filters, %(channels)s, and the batch stays %(photos)s."
        ),
        "output_shape.right": _("%(side)s / %(stride)s = %(cells)s cells a side, for each of %(channels)s channels."),
        "output_shape.size-is-fixed": _(
            "%(trained)s cells are what a side of %(native)s gives. Convolutions go over whatever comes, here %(cells)s cells."
        ),
        "output_shape.stride-is-forgotten": _(
            "%(before)s cells is the map that enters the stage. The stage itself strides on, to %(cells)s."
        ),
        "output_shape.features-are-pooled": _(
            "Pooling comes after the last stage. Here it is still a map, %(cells)s × %(cells)s cells."
        ),
        "output_shape.channels-never-change": _(
            "%(entering)s channels enter. The stage’s last filters are %(channels)s, and so are the channels that come out."
        ),
        "output_shape.every-stage-halves": _("That halves once too often. The stride after this stage is %(stride)s."),
        # its stride
        "stride_of_stage.stem": _(
            "A photo of %(side)s × %(side)s pixels goes through %(network)s. In the map after `%(end)s`, how many pixels of the"
            " photo is it from the centre of one cell to the centre of the next?"
        ),
        "stride_of_stage.hint": _("Divide the photo’s %(side)s pixels among the map’s cells."),
        "stride_of_stage.step-cells": _("After `%(end)s` the map is %(cells)s cells wide."),
        "stride_of_stage.step-divide": _("%(side)s / %(cells)s = %(stride)s pixels from cell to cell."),
        "stride_of_stage.right": _("%(side)s pixels shared by %(cells)s cells: %(stride)s each."),
        "stride_of_stage.stride-is-the-maps-side": _(
            "%(cells)s is how many cells the map has a side. The stride is what it takes to go from one to the next,"
            " %(stride)s."
        ),
        "stride_of_stage.strides-are-added": _(
            "The side was halved %(halvings)s times, and halvings multiply: 2 to the power of %(halvings)s is %(stride)s."
        ),
        "stride_of_stage.stride-is-forgotten": _(
            "%(before)s is the stride before the stage. Its own step comes on top: %(stride)s."
        ),
        "stride_of_stage.every-stage-halves": _("That is one halving too many: the map still has %(cells)s cells a side."),
        "stride_of_stage.stride-is-of-one-layer": _(
            "2 is the step of one layer, in cells of the map it works on. In pixels of the photo it is %(stride)s by now."
        ),
        # what one cell sees
        "receptive_field.stem": _(
            "%(network)s is made of stages of %(stages)s convolutions, 3 × 3 with stride 1, and each stage ends in"
            " a 2 × 2 max"
            " pool with stride 2. How wide is the part of the photo that one cell sees after convolution %(nth)s of stage"
            " `%(stage)s`, padding left aside?"
        ),
        "receptive_field.hint": _("After a pool, neighbouring cells are twice as far apart in the photo."),
        "receptive_field.step-rule": _("A layer with kernel k adds (k − 1) × the stride so far. A 2 × 2 pool adds it once."),
        "receptive_field.step-before": _(
            "Everything before the stage (pools: %(pools)s) comes to %(earlier)s px, at a stride of %(jump)s."
        ),
        "receptive_field.step-here": _(
            "Up to here the stage adds %(nth)s × 2 × %(jump)s: %(earlier)s + %(added)s = %(field)s."
        ),
        "receptive_field.right": _(
            "Convolutions: %(convolutions)s, pools: %(pools)s. Each adds its reach at its own stride: %(field)s px in all."
        ),
        "receptive_field.kernels-are-added": _(
            "%(convolutions)s × 3 = %(said)s. But kernels overlap, and behind a pool a cell spans more."
        ),
        "receptive_field.stride-is-forgotten": _("%(said)s counts every step as one pixel. Here a step is %(jump)s px."),
        "receptive_field.field-is-the-stride": _(
            "%(said)s is how far apart neighbouring cells are. What they see overlaps, so it is more."
        ),
        "receptive_field.field-is-the-kernel": _(
            "3 cells of the map before. Each of those has seen a part of the photo itself."
        ),
        "receptive_field.field-is-the-whole-photo": _(
            "A convolution looks at neighbours only. By here that makes %(field)s px, not the photo’s whole side."
        ),
        # the parameters of a layer
        "layer_parameters.stem-with-bias": _(
            "The last layer of %(network)s is replaced by `nn.Linear(%(width_raw)s, %(classes_raw)s)`. How many"
            " parameters does the new layer have?"
        ),
        "layer_parameters.stem-without-bias": _(
            "The last layer of %(network)s is replaced by `nn.Linear(%(width_raw)s, %(classes_raw)s, bias=False)`. How many"
            " parameters does the new layer have?"
        ),
        "layer_parameters.hint": _("One weight for each pair of an input and an output. And then?"),
        "layer_parameters.step-weights": _("Weights: %(width)s × %(classes)s = %(weights)s."),
        "layer_parameters.step-with-bias": _(
            "One bias for each output, %(classes)s of them: %(weights)s + %(classes)s = %(count)s."
        ),
        "layer_parameters.step-without-bias": _("`bias=False` leaves it at that: %(count)s."),
        "layer_parameters.right-with-bias": _("%(width)s × %(classes)s weights and %(classes)s biases."),
        "layer_parameters.right-without-bias": _("%(width)s × %(classes)s weights, and no bias."),
        "layer_parameters.bias-per-input": _("A bias belongs to an output. There are %(classes)s of those, not %(width)s."),
        "layer_parameters.sizes-are-added": _("Every input meets every output: the two sizes are multiplied, not added."),
        "layer_parameters.width-is-the-classes": _(
            "What enters is a feature vector of %(width)s numbers, and not the scores of the classes the network knew before."
        ),
        "layer_parameters.old-head-counts": _("That is the layer that was taken out. The new one has %(classes)s outputs."),
        "layer_parameters.bias-is-forgotten": _("Those are the weights. Each of the %(classes)s outputs has a bias besides."),
        "layer_parameters.bias-is-always-there": _("`bias=False` says that there is none: %(weights)s it stays."),
        # what the head takes
        "head_input.stem": _(
            "You want %(network)s to tell %(classes)s classes apart, so you replace its last linear layer. What is the new"
            " layer’s `in_features`?"
        ),
        "head_input.hint": _("Ask the layer that you take out what it took."),
        "head_input.step-what": _(
            "`in_features` is what arrives: the features of one photo, as the layer before hands them on."
        ),
        "head_input.step-find": _(
            "The old layer says `in_features=%(width_raw)s, out_features=%(outputs_raw)s`. The first stays."
        ),
        "head_input.right": _("%(width)s numbers arrive, however many classes you ask for."),
        "head_input.width-is-the-classes": _(
            "%(outputs)s is what the old layer gave, one score a class. What arrives stays: %(width)s numbers."
        ),
        "head_input.in-and-out-are-swapped": _("%(classes)s is what comes out: `out_features`. %(width)s go in."),
        "head_input.width-is-the-photos-side": _(
            "%(side)s is the photo’s side in pixels. By the end no pixel is left, but %(width)s features."
        ),
        "head_input.pooling-is-forgotten": _(
            "%(said)s is the last map laid out flat. Before the last layer it has become %(width)s numbers."
        ),
        # what a strategy trains
        "trained_parameters.stem-frozen": _(
            "%(network)s has %(total)s parameters, and its last layer takes %(width)s features. You train it for %(classes)s"
            " classes with a new last layer. Everything else is frozen. How many parameters are trained?"
        ),
        "trained_parameters.stem-finetune": _(
            "The last layer of %(network)s takes %(width)s features. You train the network for %(classes)s classes: a new last"
            " layer, and `%(names)s` with %(opened)s parameters, from their trained weights. Everything else is frozen. How"
            " many parameters are trained?"
        ),
        "trained_parameters.stem-scratch": _(
            "%(network)s has %(total)s parameters, %(old)s of them in its last layer, which takes %(width)s features. You train"
            " it for %(classes)s classes from scratch, with a last layer of that size. How many parameters are trained?"
        ),
        "trained_parameters.hint": _("Count the new last layer first, its biases too. What does the optimizer change besides?"),
        "trained_parameters.step-head": _("The new layer: %(width)s × %(classes)s + %(classes)s = %(new)s."),
        "trained_parameters.step-frozen": _("Frozen means that nothing else changes: %(count)s."),
        "trained_parameters.step-finetune": _("`%(names)s`: %(opened)s more. %(opened)s + %(new)s = %(count)s."),
        "trained_parameters.step-scratch": _(
            "All the rest is trained too: %(total)s − %(old)s of the old last layer + %(new)s = %(count)s."
        ),
        "trained_parameters.right-frozen": _("The new layer alone: %(count)s."),
        "trained_parameters.right-finetune": _("%(opened)s in `%(names)s` and %(new)s in the new layer."),
        "trained_parameters.right-scratch": _("The whole network with its new last layer: %(count)s."),
        "trained_parameters.frozen-still-trains": _("%(said)s is the whole network. What is frozen gets no gradient."),
        "trained_parameters.old-head-counts": _("That counts the old last layer (%(old)s). The new one has %(new)s."),
        "trained_parameters.bias-is-forgotten": _("Those are the weights. Each of the %(classes)s outputs has a bias besides."),
        "trained_parameters.loaded-is-trained": _("%(said)s is what was loaded. Loading is not training: %(count)s change."),
        "trained_parameters.new-head-is-forgotten": _("The new last layer is missing: %(new)s that no weights file holds."),
        "trained_parameters.only-the-head-trains": _("%(said)s is the new layer alone. Here more than that is trained."),
        # what another size costs
        "cost_by_side.stem": _(
            "%(network)s gets photos with a side of %(side)s pixels in place of %(native)s. About how much does one pass"
            " compute then?"
        ),
        "cost_by_side.hint": _("A convolution is computed at every cell of a map. How many cells are there now?"),
        "cost_by_side.step-side": _("The side is %(side)s / %(native)s = %(times)s times what it was."),
        "cost_by_side.step-area": _("A map has two sides, so it has %(times)s × %(times)s = %(square)s times the cells."),
        "cost_by_side.step-check": _("%(macs)s multiply-adds become about %(grown)s. The head’s stay as they are."),
        "cost_by_side.right": _("Each cell costs what it did, and there are %(square)s times as many."),
        "cost_by_side.cost-grows-with-the-side": _("%(times)s is for one side alone. A map has two, which makes %(square)s."),
        "cost_by_side.cost-is-the-parameters": _(
            "The parameters stay the same, but each filter is applied at %(square)s times as many cells."
        ),
        "cost_by_side.channels-grow-too": _("Channels are filters, and their number stays. Only height and width change."),
        "cost_by_side.cost-grows-with-pairs": _(
            "That would be so if every cell were compared with every other, as attention does. A convolution looks at"
            " neighbours."
        ),
        # what weights expect
        "preprocessing.stem": _("How do the weights `%(weights)s` of %(network)s expect a photo?"),
        "preprocessing.hint": _("The weights say it themselves: `weights.transforms()`."),
        "preprocessing.step-look": _("Ask the weights, and not your memory: each set comes with its own recipe."),
        "preprocessing.step-size": _("Shorter side to %(resize)s, then the middle: %(crop)s × %(crop)s."),
        "preprocessing.step-values": _("From 0 to 1, minus %(mean)s, divided by %(std)s, channel by channel."),
        "preprocessing.right": _("That is what the record of these weights says, and how their accuracy was measured."),
        "preprocessing.one-recipe-fits-all": _(
            "Those figures are another recipe’s. These weights expect mean %(mean)s and deviation %(std)s."
        ),
        "preprocessing.squashing-is-cropping": _(
            "That changes proportions. These weights expect a square of %(crop)s, cut out of a photo whose shorter side is"
            " %(resize)s."
        ),
        "preprocessing.dividing-is-normalising": _(
            "Dividing brings values to 0 to 1. These weights expect them around 0: minus %(mean)s, divided by %(std)s."
        ),
        "preprocessing.floats-are-floats": _(
            "The mean %(mean)s is meant for values from 0 to 1. From bytes, everything comes out hundreds of times too large."
        ),
        "preprocessing.all-networks-prepare-alike": _(
            "That is how weights of %(other)s expect it. `%(weights)s` wants %(resize)s, %(crop)s, %(mean)s and %(std)s."
        ),
        # which mistake made this output
        "mistake_behind.shape-stem": _(
            "A photo, %(width)s pixels wide and %(height)s high, is prepared for %(network)s. A tensor of shape %(seen_shape)s"
            " reaches the network, where it should be %(right_shape)s. Which mistake was made?"
        ),
        "mistake_behind.shape-hint": _("Which axis is missing, moved, or of another length?"),
        "mistake_behind.shape-step": _("Compare axis by axis: %(seen_shape)s with %(right_shape)s."),
        "mistake_behind.shape-right": _("It alone turns %(right_shape)s into %(seen_shape)s."),
        "mistake_behind.shape-wrong": _("That would have given %(would_be_shape)s, and not %(seen_shape)s."),
        "mistake_behind.colour-stem": _(
            "A photo of one plain colour, (red, green, blue) = %(colour)s, is prepared for %(network)s. Each pixel arrives as"
            " %(seen_values)s, where it should be %(right_values)s. Which mistake was made?"
        ),
        "mistake_behind.colour-hint": _("Is it the range, the order of the channels, or a step too few or too many?"),
        "mistake_behind.colour-step": _(
            "Go the right way by hand: %(colour)s becomes %(right_values)s. What gives %(seen_values)s?"
        ),
        "mistake_behind.colour-right": _("It alone turns %(colour)s into %(seen_values)s."),
        "mistake_behind.colour-wrong": _("That would have given %(would_be_values)s, and not %(seen_values)s."),
        "mistake_behind.probability-stem": _(
            "The right run of %(network)s gives class %(right_index_raw)s a probability of %(right_percent)s%%, and"
            " the rest is spread"
            " evenly over the other classes. A wrong run on the same photo names class %(seen_index_raw)s, with"
            " %(seen_percent)s%%. Which mistake was made?"
        ),
        "mistake_behind.probability-hint": _("Did the class change, or the probability?"),
        "mistake_behind.probability-step": _(
            "The class: %(right_index_raw)s in the right run, %(seen_index_raw)s in the wrong one. Its probability:"
            " %(right_percent)s%% and %(seen_percent)s%%. There are %(classes)s classes."
        ),
        "mistake_behind.probability-right": _("Exactly that class and that probability follow from it."),
        "mistake_behind.probability-none": _("That ends in an error, so no class would be named."),
        "mistake_behind.probability-wrong": _(
            "That would have named class %(would_be_index_raw)s, with %(would_be_percent)s%%."
        ),
    }
)
"""Code → what is said, with the figures of its phrase; `…_raw` writes a figure as code has it."""

MISCONCEPTIONS: Mapping[str, tuple[Promise, Promise, Promise]] = MappingProxyType(
    {
        "size-is-fixed": (
            _("A map’s size is fixed"),
            _("A stage gives the map that its documentation shows, whatever comes in."),
            _("Convolutions slide over whatever they are given. A larger photo gives a larger map."),
        ),
        "stride-is-forgotten": (
            _("A stage keeps the size"),
            _("What leaves a layer is as large as what entered it."),
            _("A layer with stride 2 writes a cell for every second place. From there on every step spans twice the pixels."),
        ),
        "features-are-pooled": (
            _("Every stage gives a vector"),
            _("Features are a list of numbers, so that is what a stage gives."),
            _("Until the pool near the end, features are maps: a number for each channel and each place."),
        ),
        "channels-never-change": (
            _("Channels stay what they were"),
            _("The number of channels that enter a stage also leaves it."),
            _("The number of channels that leave is the number of filters, and most networks double it as maps shrink."),
        ),
        "every-stage-halves": (
            _("Every stage halves"),
            _("Each stage halves the map, so counting stages is enough."),
            _("Some stages keep the size and some begin with more than one halving. Only the strides tell."),
        ),
        "stride-is-the-maps-side": (
            _("The stride is the map’s side"),
            _("A map of 7 × 7 has a stride of 7."),
            _("The side counts cells. The stride is how many pixels of the photo it takes from one cell to the next."),
        ),
        "strides-are-added": (
            _("Strides add up"),
            _("Five layers with stride 2 make a stride of 10."),
            _("Each step is taken on what the one before has left, so strides multiply: 2 × 2 × 2 × 2 × 2 = 32."),
        ),
        "stride-is-of-one-layer": (
            _("The stride is the last layer’s"),
            _("A stage whose layer has stride 2 has a stride of 2."),
            _("A layer’s stride counts cells of the map before. In pixels of the photo all strides before it count too."),
        ),
        "kernels-are-added": (
            _("Kernels add up"),
            _("Two 3 × 3 convolutions see 6 pixels."),
            _("The second looks at three overlapping cells: together they see 5. Each further one adds kernel − 1 steps."),
        ),
        "field-is-the-stride": (
            _("A cell sees its stride"),
            _("If cells are 8 pixels apart, each sees 8 pixels."),
            _("What neighbours see overlaps. The stride says how far apart they are, not how far each sees."),
        ),
        "field-is-the-kernel": (
            _("A cell sees its kernel"),
            _("A 3 × 3 convolution sees 3 × 3 pixels of the photo, wherever it stands."),
            _("Behind other layers its 3 × 3 cells have each seen a part of the photo themselves."),
        ),
        "field-is-the-whole-photo": (
            _("Every layer sees everything"),
            _("The photo went in as a whole, so every layer sees the whole."),
            _("A convolution reaches its neighbours only. How far a cell sees grows layer by layer."),
        ),
        "bias-is-forgotten": (
            _("Biases don’t count"),
            _("A layer has inputs × outputs parameters."),
            _("Unless it is made without, a layer also learns one bias for each output."),
        ),
        "bias-per-input": (
            _("A bias for each input"),
            _("Every input has its bias."),
            _("The bias is added to the sum that makes an output, so there is one for each output."),
        ),
        "bias-is-always-there": (
            _("There is always a bias"),
            _("Every layer has biases."),
            _("`bias=False` makes a layer without, as convolutions before a BatchNorm are."),
        ),
        "sizes-are-added": (
            _("Inputs plus outputs"),
            _("A layer has as many parameters as inputs and outputs together."),
            _("Each output weighs every input, so there is a weight for every pair: the sizes multiply."),
        ),
        "width-is-the-classes": (
            _("Features are classes"),
            _("What enters the last layer are the 1,000 classes of ImageNet."),
            _("The classes are what the last layer gives. What enters it are features, whose number the architecture sets."),
        ),
        "in-and-out-are-swapped": (
            _("In and out swapped"),
            _("`in_features` is how many classes I want."),
            _("`in_features` is what arrives and can’t be chosen. The classes are `out_features`."),
        ),
        "width-is-the-photos-side": (
            _("The head takes the photo’s side"),
            _("A network for 224 × 224 photos has a head with 224 inputs."),
            _("The head takes features. Their number is the number of channels, and no side of the photo."),
        ),
        "pooling-is-forgotten": (
            _("The head takes the whole map"),
            _("The last map is flattened, so the last layer takes channels × height × width."),
            _("Most networks average each channel to one number first. Where they don’t, other layers stand in between."),
        ),
        "old-head-counts": (
            _("The old head still counts"),
            _("A new head is added to what is there."),
            _("It takes the old one’s place, with as many outputs as you have classes."),
        ),
        "frozen-still-trains": (
            _("Frozen parameters train too"),
            _("Training a network trains all of it."),
            _("With `requires_grad=False` a parameter gets no gradient, and the optimizer leaves it as it is."),
        ),
        "loaded-is-trained": (
            _("What is loaded is trained"),
            _("All parameters that were loaded are trained."),
            _("Loading fills them with numbers. Only those given to the optimizer and not frozen change."),
        ),
        "new-head-is-forgotten": (
            _("The new head trains for free"),
            _("Only parameters of the loaded network count."),
            _("The new layer begins at random, so it has to be trained, whatever else is."),
        ),
        "only-the-head-trains": (
            _("Training means the head"),
            _("With a pre-trained network only the head is trained."),
            _("That is the frozen strategy. Fine-tuning opens stages as well, and from scratch everything is trained."),
        ),
        "cost-grows-with-the-side": (
            _("Twice the side, twice the work"),
            _("A photo with twice the side costs twice as much."),
            _("It has four times the pixels, and a convolution is computed at each place."),
        ),
        "cost-is-the-parameters": (
            _("Same parameters, same work"),
            _("The network is the same, so it computes the same."),
            _("Parameters are used again at every place. More places are more work with the same parameters."),
        ),
        "channels-grow-too": (
            _("Channels grow with the photo"),
            _("In a larger photo everything is larger, the channels too."),
            _("Channels are filters, which the architecture counts. A larger photo only has more places."),
        ),
        "cost-grows-with-pairs": (
            _("Everything meets everything"),
            _("Each place is compared with every other."),
            _("Attention does that. A convolution looks at as many neighbours as before, however large the photo."),
        ),
        "one-recipe-fits-all": (
            _("One mean and deviation for all"),
            _("The same mean and deviation go with every network."),
            _("They belong to the weights. Others shift and stretch every value that the first layer sees."),
        ),
        "squashing-is-cropping": (
            _("Resizing to a square is cropping"),
            _("The network takes a square, so the photo is made square."),
            _("Squashing changes proportions. The weights expect a square that was cut out of the photo."),
        ),
        "dividing-is-normalising": (
            _("Dividing by 255 is normalising"),
            _("From 0 to 1 is normalised."),
            _("Normalising also subtracts the mean and divides by the deviation, so that values lie around 0."),
        ),
        "floats-are-floats": (
            _("Any floats will do"),
            _("The range doesn’t matter, as long as the values are floats."),
            _("Mean and deviation are meant for values from 0 to 1. From 0 to 255 everything is hundreds of times too large."),
        ),
        "all-networks-prepare-alike": (
            _("All networks are fed alike"),
            _("ImageNet networks all take the same 224 pixels, prepared in the same way."),
            _("Each set of weights comes with sizes and figures of its own. `weights.transforms()` says which."),
        ),
    }
)
"""Slug → title, belief and why it fails, of the misconceptions that come with the templates."""
