"""The trace document "forward-pass-trace/1": one JSON file that holds a whole trace, its pictures included.

docs/content-format.md describes it. A document comes from anywhere: every field is typed and bounded, an unknown one is an
error. What it must never hold: tokens, ids of people, addresses, places in a storage.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from django.utils.translation import gettext as _
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from inference.contracts import StageKind

FORMAT: Literal["forward-pass-trace/1"] = "forward-pass-trace/1"
FAMILY = "forward-pass-trace/"

MAXIMUM_STAGES = 100
MAXIMUM_CLASSES = 20
MAXIMUM_RESULTS = 20
MAXIMUM_PICTURE_BASE64 = 700_000
LARGEST = 10**15

Text = Annotated[str, StringConstraints(max_length=200)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+(?:-[A-Za-z0-9_]+)*$", max_length=80)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]*$", max_length=60)]
Path = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.]*$", max_length=200)]
Network = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$", max_length=80)]
Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.+_-]*$", max_length=40)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^(?:[0-9a-f]{64})?$")]
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Figure = Annotated[float, Field(ge=-1e30, le=1e30)]
Milliseconds = Annotated[float, Field(ge=0, le=1e9)]
Side = Annotated[int, Field(ge=1, le=20_000)]
Shape = Annotated[list[Count], Field(max_length=8)]
LISTS = ("kernel", "stride", "mean", "std")
"""The details that sentences are made of as lists."""

Detail = str | bool | int | float | list[int | float]


class Part(BaseModel):
    """A part of the document in which an unknown field, a value of another type, or a number that is none is an error."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class PictureFile(Part):
    """An encoded picture: what it holds is checked when it is read, not here."""

    media_type: Literal["image/webp", "image/jpeg", "image/png"]
    content: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]+={0,2}$", max_length=MAXIMUM_PICTURE_BASE64)]  # base64
    width: Side
    height: Side


class DrawnPicture(PictureFile):
    """What the data looks like at one point, and how to read it; the fields of contracts.Picture."""

    scale: Code
    maximum: Figure = 0.0
    channels_shown: Annotated[list[Count], Field(max_length=64)] = []
    maxima: Annotated[list[Figure], Field(max_length=64)] = []


class StatisticsPart(Part):
    """The fields of contracts.Statistics."""

    mean: Figure
    std: Figure
    minimum: Figure
    maximum: Figure
    silent_channels: Count = 0
    channels: Count = 0


class StagePart(Part):
    """One stage that ran: the fields of contracts.Stage, its time, statistics and picture."""

    index: Count
    name: Name
    kind: Literal["preprocessing", "features", "head", "output"]
    operation: Code
    title: Text = ""
    layout: Annotated[str, StringConstraints(pattern=r"^[A-Z]*$", max_length=8)] = ""
    input_shape: Shape
    output_shape: Shape
    parameters: Count = 0
    macs: Count = 0
    flops: Count = 0
    blocks: Count = 0
    layer_paths: Annotated[list[Path], Field(max_length=300)] = []
    details: Annotated[dict[Code, Detail], Field(max_length=30)] = {}
    milliseconds: Milliseconds
    statistics: StatisticsPart | None
    picture: DrawnPicture | None

    @model_validator(mode="after")
    def _details_can_be_said(self) -> StagePart:
        for name, value in self.details.items():
            if isinstance(value, str | list) and len(value) > 200:
                raise ValueError(_("the detail “%(name)s” is too long") % {"name": name})
            if any(abs(number) > LARGEST for number in _numbers_in(value)):
                raise ValueError(_("the detail “%(name)s” is too large") % {"name": name})
            if name in LISTS and not (value and isinstance(value, list)):
                raise ValueError(_("the detail “%(name)s” must be a list of numbers") % {"name": name})
        return self


def _numbers_in(value: Detail) -> list[int | float]:
    if isinstance(value, list):
        return value
    return [] if isinstance(value, str) else [value]


class PredictionPart(Part):
    """The fields of contracts.Prediction."""

    rank: Annotated[int, Field(ge=1, le=MAXIMUM_CLASSES)]
    class_index: Count
    label: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    probability: Annotated[float, Field(ge=0, le=1)]


class EvidenceFigures(Part):
    """What speaks for a class, and at which layer it was looked for."""

    class_index: Count
    label: Text
    target: Path
    target_shape: Shape
    grid: Annotated[list[Count], Field(min_length=2, max_length=2)]  # rows × columns of cells
    positive: bool
    maximum: Figure
    peak: Annotated[list[Count], Field(min_length=2, max_length=2)] | None = None  # none without positive evidence
    share_above_half: Annotated[float, Field(ge=0, le=1)] | None = None


class EvidenceFiles(Part):
    heat: DrawnPicture | None = None


class EvidencePart(Part):
    """A result "grad_cam:<class index>": the only kind of result that this version of the format carries."""

    name: Annotated[str, StringConstraints(pattern=r"^grad_cam:[0-9]{1,6}$")]
    figures: EvidenceFigures
    files: EvidenceFiles


class MadeByPart(Part):
    """The fields of contracts.MadeBy: with these the same figures come out again."""

    engine: Version
    network: Network
    weights: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]*$", max_length=80)]
    weights_sha256: Sha256
    torch: Version
    torchvision: Version
    device: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9:_ -]*$", max_length=80)]
    dtype: Version
    threads: Count
    seed: Count | None = None
    batch: Annotated[int, Field(ge=1, le=10_000)] = 1


class PhotoPart(Part):
    """The photo that was traced. `picture` only where it is its owner's wish; a sample is known by its hash."""

    title: Text = ""
    credit: Text = ""
    sample: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]*$", max_length=80)] = ""
    sha256: Sha256 = ""  # of a sample's file; never of somebody's own photo
    width: Side
    height: Side
    picture: PictureFile | None = None


def _is_a_time(value: str) -> str:
    try:
        datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError(_("it is no time such as 2026-03-01T12:00:00Z")) from error
    return value


class TraceDocument(Part):
    """The whole document."""

    format: Literal["forward-pass-trace/1"]
    written_by: Text  # the program that wrote the file: "Forward Pass 0.1.0"
    ran_at: Annotated[
        str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|\+00:00)$"), AfterValidator(_is_a_time)
    ]
    network: Network
    network_title: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    prediction: Text = ""  # what was said before the run
    photo: PhotoPart
    stages: Annotated[list[StagePart], Field(min_length=1, max_length=MAXIMUM_STAGES)]
    top_k: Annotated[list[PredictionPart], Field(min_length=1, max_length=MAXIMUM_CLASSES)]
    results: Annotated[list[EvidencePart], Field(max_length=MAXIMUM_RESULTS)] = []
    made_by: MadeByPart
    milliseconds: Milliseconds

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> TraceDocument:
        problems = [*_problems_of_stages(self.stages), *_problems_of_classes(self.top_k)]
        if self.made_by.network != self.network:
            problems.append(_("“network” and “made_by.network” name two networks"))
        if len({result.name for result in self.results}) < len(self.results):
            problems.append(_("two results have the same name"))
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _problems_of_stages(stages: list[StagePart]) -> list[str]:
    problems = []
    if [stage.index for stage in stages] != list(range(len(stages))):
        problems.append(_("the stages’ “index” must count from 0 without a gap"))
    if len({stage.name for stage in stages}) < len(stages):
        problems.append(_("two stages have the same name"))
    order = [list(StageKind).index(StageKind(stage.kind)) for stage in stages]
    if order != sorted(order):
        problems.append(_("the stages must stand in the order preprocessing, features, head, output"))
    return problems


def _problems_of_classes(top_k: list[PredictionPart]) -> list[str]:
    problems = []
    if [row.rank for row in top_k] != list(range(1, len(top_k) + 1)):
        problems.append(_("the ranks of “top_k” must count from 1 without a gap"))
    probabilities = [row.probability for row in top_k]
    if probabilities != sorted(probabilities, reverse=True):
        problems.append(_("the classes of “top_k” must stand with the most probable first"))
    if sum(probabilities) > 1.001:
        problems.append(_("the probabilities of “top_k” sum to more than 1"))
    return problems
