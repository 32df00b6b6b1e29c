"""What is said of each mistake: what people do, what they believe, why it fails, and by what one could have told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from inference.contracts import MistakeName

Words = str | Promise


@dataclass(frozen=True, slots=True)
class Telling:
    """A mistake in words. clue says what gives it away; it is shown only to those who know which mistake it was."""

    title: Words
    what: Words
    belief: Words
    why: Words
    clue: Words


TELLINGS: Mapping[MistakeName, Telling] = MappingProxyType(
    {
        MistakeName.NEAREST: Telling(
            _("Resized by the nearest pixel"),
            _("The photo is resized by taking the nearest pixel, as one does for a mask, and not by averaging."),
            _("Resizing is resizing: the method doesn’t matter."),
            _("Dropping pixels leaves jagged edges that no training photo had, and early layers are made to see edges."),
            _("Whiskers and outlines are jagged in the picture that the network was handed."),
        ),
        MistakeName.SQUASHED: Telling(
            _("Squashed to a square"),
            _("Height and width are each brought to the input’s side, so that what is wide becomes narrow."),
            _("The network takes a square, so the photo has to be made square."),
            _("The weights expect a square cut out of the photo, in which things keep their proportions."),
            _("The whole photo is there, and everything in it is too narrow or too flat."),
        ),
        MistakeName.NOT_CROPPED: Telling(
            _("Resized but not cropped"),
            _("The shorter side is resized, and the whole picture is handed over, without cutting out its middle."),
            _("A convolution takes any size, so cropping only throws pixels away."),
            _(
                "A convolution takes any size, but the average pool then averages over another field: more border, and things"
                " at another share of the picture. A vision transformer, whose patches have fixed places, refuses."
            ),
            _("The input isn’t square, and shows more of the photo’s sides than it should."),
        ),
        MistakeName.WRONG_SIZE: Telling(
            _("Half the input size"),
            _("The photo is prepared at half the side that the weights expect."),
            _("A smaller picture holds the same things, so the network sees the same."),
            _(
                "Filters have a fixed size in pixels. In a smaller picture everything is too small for the filters that"
                " learned it. A vision transformer refuses it at once."
            ),
            _("The input’s sides are half of what they should be."),
        ),
        MistakeName.BGR: Telling(
            _("Blue and red swapped (BGR)"),
            _("The photo is read with blue first, as OpenCV does, and handed over as if red came first."),
            _("An image is an image, whichever library read it."),
            _(
                "The first filters know colours by their place. Shapes survive, so the answer is often nearly right, which is"
                " why this goes unnoticed."
            ),
            _("What is warm in the photo is blue in the picture that the network was handed."),
        ),
        MistakeName.ZERO_TO_255: Telling(
            _("Values from 0 to 255"),
            _("The bytes are turned into floats without dividing by 255, then normalised."),
            _("Floats are floats: the range doesn’t matter, the network is normalised anyway."),
            _(
                "The mean and the deviation are meant for values from 0 to 1. Everything that comes out is hundreds of times"
                " too large, far from anything the first layer was trained on."
            ),
            _("The input’s largest value is in the hundreds; in the right run it is about 1 or 2."),
        ),
        MistakeName.NO_NORMALISATION: Telling(
            _("Not normalised"),
            _("The values are left between 0 and 1: the mean is not subtracted, and nothing is divided by the deviation."),
            _("To normalise is to bring values between 0 and 1, and that has been done."),
            _(
                "The weights expect values around 0, many of them negative. How much it harms depends on the photo, so one that"
                " comes out right proves nothing."
            ),
            _("No value of the input is below 0."),
        ),
        MistakeName.OTHER_MEAN_STD: Telling(
            _("Another recipe’s mean and deviation"),
            _("The photo is normalised with figures that belong to other weights."),
            _("Every network trained on ImageNet takes the same mean and deviation."),
            _("They belong to the weights. Look them up in the weights’ own record, and never type them from memory."),
            _("The range of the input’s values is another one, and the colours are a little off."),
        ),
        MistakeName.NORMALISED_TWICE: Telling(
            _("Normalised twice"),
            _("The photo is normalised by hand, and once more by the transforms that come with the weights."),
            _("Normalising what is normalised already changes nothing."),
            _(
                "The second time subtracts the mean from values that are around 0 already and divides once more: what is dark"
                " turns black, and the contrast grows."
            ),
            _("The input’s mean lies far below 0, and of the picture only what is bright is left."),
        ),
        MistakeName.CHANNELS_LAST: Telling(
            _("Reshaped instead of permuted"),
            _("Height × width × channels is reshaped to channels × height × width. The shape is right, the pixels are not."),
            _("If the shape fits, the data is right."),
            _(
                "reshape reads the same numbers in the same order: three neighbouring colours of a pixel become three"
                " neighbouring pixels. Only permute moves an axis."
            ),
            _(
                "The picture that the network was handed is striped and in wrong colours: the photo’s upper, middle and lower"
                " third lie over each other."
            ),
        ),
        MistakeName.NOT_PERMUTED: Telling(
            _("Channels left at the end"),
            _("The batch is handed over as images × height × width × channels, as NumPy keeps it."),
            _("An image batch has its channels last, as in most image libraries."),
            _("PyTorch’s layers take images × channels × height × width. In another order the height is read as the channels."),
            _("The error names the height where it expected 3 channels."),
        ),
        MistakeName.NO_BATCH: Telling(
            _("No batch dimension"),
            _("One photo is handed over as channels × height × width, without the axis that counts photos."),
            _("One photo needs no batch."),
            _("The layers expect a batch. One photo is a batch of one: unsqueeze(0) makes it."),
            _("The error counts dimensions: there are three where there should be four."),
        ),
        MistakeName.TRAIN_MODE: Telling(
            _("train() left on"),
            _("The network predicts in training mode: nobody called eval()."),
            _("Without an optimizer nothing is trained, so the mode doesn’t matter. no_grad() is enough."),
            _(
                "In training mode BatchNorm normalises with the statistics of this one batch, dropout removes features by"
                " chance, and BatchNorm’s running statistics change with every photo."
            ),
            _("The input is right and the difference begins in the first layers; run it again and the answer is another one."),
        ),
        MistakeName.SOFTMAX_TWICE: Telling(
            _("Softmax twice"),
            _("The softmax is taken of what already are probabilities."),
            _("Softmax makes probabilities, so one more does no harm."),
            _(
                "Values between 0 and 1 differ by at most 1, so the second softmax makes them nearly equal. The order stays,"
                " which is why accuracy doesn’t show it; confidences and losses do."
            ),
            _("The order is right, and every probability is about 1 divided by the number of classes."),
        ),
        MistakeName.LABEL_OFFSET: Telling(
            _("Labels off by one"),
            _("Each class is looked up one place beside its own, as with a list that begins with “background”."),
            _("The list of labels can be taken from anywhere: ImageNet is ImageNet."),
            _("The numbers are all right; only the names are another list’s. The weights’ own record has the right list."),
            _("Every probability is right, to the last digit, and stands beside another name."),
        ),
    }
)


def title(name: MistakeName) -> str:
    """The mistake in a few words."""
    return str(TELLINGS[name].title)
