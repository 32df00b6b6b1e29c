"""What is trained: a head on the network as it is, the network's last stages as well, or all of it from random numbers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from inference.contracts import EngineError, Failure, MadeBy, Result, Stage, StageKind
from inference.engine import networks, stages
from inference.engine.cache import NetworkCache
from inference.engine.clock import Clock
from inference.engine.making import made_by_untrained
from inference.engine.tracing import LoadedNetwork
from inference.engine.training.body import (
    Body,
    batch_norms,
    entering,
    sharing,
    shortcut,
    stages_with_parameters,
    without_head,
)
from inference.engine.training.data import DataSet
from inference.engine.training.division import Division
from inference.engine.training.features import Features, Standards, standards
from inference.engine.training.learner import BATCH, Learner, Lessons, Stop, as_it_is
from inference.engine.training.pixels import Preparation, all_pixels
from inference.engine.weights import Preprocessing, WeightsRecord
from inference.training_contracts import (
    ALL_BLOCKS,
    FLOOR,
    TRAINABLE_PARAMETERS,
    BatchNorm,
    DataName,
    Standardisation,
    Strategy,
    TrainingOptions,
)

SIDE = 128  # pixels that a trained network is shown: a third of the work of 224
SCRATCH_SIDE = 64  # the shipped pictures have no more
SCRATCH_BATCH = 16  # so that few examples still make some steps an epoch
KEPT_INPUTS = 512 * 1024**2  # bytes: what enters the trained stages is kept for all epochs if it is no more


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked for, and what it is done with."""

    network: str
    weights: str
    options: TrainingOptions
    data: DataSet
    division: Division
    warm: NetworkCache
    stop_if_cancelled: Stop


@dataclass(frozen=True, slots=True)
class Exported:
    """The numbers of a trained head: what it says of plain features, and what of the network was trained along with it."""

    weight: torch.Tensor
    bias: torch.Tensor
    state: Mapping[str, torch.Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trainees:
    """One learner for each fold, and the one whose head is kept; what they stand on, and how their work is handed over."""

    folds: tuple[Learner, ...]
    kept: Learner
    side: int
    how: Preprocessing
    made_by: MadeBy
    export: Callable[[], Exported]
    results: tuple[Result, ...] = ()
    trained_stages: tuple[str, ...] = ()
    standardisation: Mapping[str, Any] = field(default_factory=dict)

    @property
    def learners(self) -> tuple[Learner, ...]:
        return self.folds if self.kept in self.folds else (*self.folds, self.kept)


def side_of(task: Task) -> int:
    """The side, in pixels, of what the network will see. EngineError: too large to be trained, unknown, weights missing."""
    if task.options.strategy is not Strategy.FROZEN:
        _refuse_large(task)
    if task.options.strategy is not Strategy.SCRATCH:
        loaded = task.warm.get(task.network, weights=task.weights)
        with loaded.alone():
            return _shared(loaded).side
    weights = _record(task)
    model = networks.build(task.network, weights)
    return without_head(model, sides=_scratch_sides(task, weights), device=torch.device("meta")).side


def frozen(task: Task, features: Features) -> Trainees:
    """A linear head on features that are computed once."""
    loaded = task.warm.get(task.network, weights=task.weights)
    began = Clock(torch.device("cpu"))
    with loaded.alone():
        cached = features.holds(loaded, task.data)
        body = _shared(loaded)
        seen = features.of(loaded, body, task.data, task.stop_if_cancelled)
    seconds = Clock(torch.device("cpu")).since(began) / 1000
    options = task.options
    labels = torch.from_numpy(task.data.examples.labels)

    def learner(training: torch.Tensor, held_out: torch.Tensor) -> tuple[Learner, Standards]:
        measured = standards(seen[training], options.standardisation)
        head = nn.Linear(body.dimension, len(task.data.classes))
        taught = Lessons(measured.applied(seen[training]), labels[training])
        asked = Lessons(measured.applied(seen[held_out]), labels[held_out])
        return _learner(head, taught, asked, options), measured

    folds = [learner(torch.from_numpy(fold.training), torch.from_numpy(fold.held_out)) for fold in task.division.folds]
    training = torch.from_numpy(task.division.training)
    kept, measured = learner(training, training) if task.division.is_cross_validation else folds[0]

    def export() -> Exported:
        head = kept.model.state_dict()
        return Exported(*measured.folded(head["weight"], head["bias"]))

    deviation = seen[training].std(0, unbiased=False)
    figures = {
        "count": len(seen),
        "dimension": body.dimension,
        "barely_varying": int((deviation < FLOOR).sum()),
        "floor": FLOOR,
        "smallest_deviation": float(deviation.min()),
        "standardisation": str(options.standardisation),
        "seconds": round(seconds, 3),
        "cached": cached,
    }
    return Trainees(
        folds=tuple(each for each, _ in folds),
        kept=kept,
        side=body.side,
        how=loaded.weights.preprocessing,
        made_by=replace(loaded.made_by, seed=options.seed),
        export=export,
        results=(Result("features", figures),),
        standardisation={
            "how": str(options.standardisation),
            "floor": FLOOR,
            "mean": measured.mean,
            "deviation": measured.deviation,
        },
    )


def finetune(task: Task) -> Trainees:
    """A new head, and the network's last stages or all of it, from their trained weights, on a copy."""
    loaded = task.warm.get(task.network, weights=task.weights)
    with loaded.alone():
        copied = copy.deepcopy(loaded.model)
    body = without_head(copied, sides=(SIDE, loaded.weights.preprocessing.crop_size), device=loaded.device)
    trained = _trained_stages(loaded, task.options.blocks)
    preparation = Preparation.at(loaded.weights.preprocessing, body.side)
    pixels = _pixels(task, preparation).to(loaded.device)
    fed = _Fed(body.model, pixels, preparation.numbers)
    if trained is not None:
        fed = _from_first_trained(loaded, body, trained, fed, task)
        _require_gradients(fed.model, trained)
    else:
        fed.model.requires_grad_(True)

    def settle(model: nn.Module) -> None:
        model.eval()
        _in_training(model[0], trained)  # type: ignore[index]
        if task.options.batch_norm is BatchNorm.FIXED:
            for layer in batch_norms(model):
                layer.eval()

    before = {name: tensor.detach().clone() for name, tensor in fed.model.state_dict().items()}
    return _whole(
        task,
        body,
        fed,
        settle=settle,
        how=loaded.weights.preprocessing,
        made_by=loaded.made_by,
        before=before,
        trained_stages=tuple(stage.name for stage in trained or stages_with_parameters(loaded.plan.stages)),
    )


def scratch(task: Task) -> Trainees:
    """The whole network from random numbers: the honest baseline, with running statistics that keep up with it."""
    weights = _record(task)
    device = torch.device(task.warm.device)
    structure = networks.build(task.network, weights)
    planned = stages.plan(structure, size=weights.preprocessing.crop_size, classes=len(weights.categories))
    model = networks.untrained(task.network, weights, num_classes=len(task.data.classes))
    model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    for layer in batch_norms(model):
        layer.momentum = None  # an even mean over the epoch's batches; with EfficientNet's 0.01 a short training ends first
    body = without_head(model, sides=_scratch_sides(task, weights), device=device)
    preparation = Preparation.at(weights.preprocessing, body.side)
    pixels = _pixels(task, preparation).to(device)
    return _whole(
        task,
        body,
        _Fed(body.model, pixels, preparation.numbers),
        settle=_anew,
        how=weights.preprocessing,
        made_by=made_by_untrained(task.network, device=device, threads=task.warm.threads),
        before={},
        trained_stages=tuple(stage.name for stage in stages_with_parameters(planned.stages)),
    )


def _record(task: Task) -> WeightsRecord:
    """What the weights' record says, of their transforms above all; their file need not be there."""
    record = networks.record(task.network)
    return record.weights_named(task.weights or record.default_weights)


def _scratch_sides(task: Task, weights: WeightsRecord) -> tuple[int, ...]:
    wanted = SIDE if task.data.name is DataName.OWN else SCRATCH_SIDE
    return wanted, SIDE, weights.preprocessing.crop_size


def _anew(model: nn.Module) -> None:
    """In training mode, with the running statistics of the coming epoch alone: those of a younger network are misleading."""
    model.train()
    for layer in batch_norms(model):
        layer.reset_running_stats()


@dataclass(frozen=True, slots=True)
class _Fed:
    """A network without head, what it is fed with, and what makes a batch of that ready."""

    model: nn.Module
    inputs: torch.Tensor
    prepare: Callable[[torch.Tensor], torch.Tensor]


def _whole(
    task: Task,
    body: Body,
    fed: _Fed,
    *,
    settle: Callable[[nn.Module], object],
    how: Preprocessing,
    made_by: MadeBy,
    before: Mapping[str, torch.Tensor],
    trained_stages: tuple[str, ...],
) -> Trainees:
    """One learner of a network with a new head. What differs from `before` is exported."""
    (fold,) = task.division.folds
    labels = torch.from_numpy(task.data.examples.labels)
    device, taught = fed.inputs.device, len(fold.training)
    head = nn.Linear(body.dimension, len(task.data.classes)).to(device)
    learner = _learner(
        nn.Sequential(fed.model, head),
        Lessons(fed.inputs[:taught], labels[fold.training].to(device), fed.prepare),
        Lessons(fed.inputs[taught:], labels[fold.held_out].to(device), fed.prepare),
        task.options,
        settle,
        from_scratch=not before,
    )

    def export() -> Exported:
        state = {
            name: tensor.detach().cpu().clone()
            for name, tensor in fed.model.state_dict().items()
            if name not in before or not torch.equal(tensor, before[name])
        }
        return Exported(head.weight.detach().cpu().clone(), head.bias.detach().cpu().clone(), state)

    return Trainees(
        folds=(learner,),
        kept=learner,
        side=body.side,
        how=how,
        made_by=replace(made_by, seed=task.options.seed),
        export=export,
        trained_stages=trained_stages,
        standardisation={"how": str(Standardisation.NONE)},
    )


def _pixels(task: Task, preparation: Preparation) -> torch.Tensor:
    """What the network sees of the training examples and then of the held-out ones; of the others nothing is needed."""
    (fold,) = task.division.folds
    used = task.data.examples.chosen([*fold.training, *fold.held_out])
    return all_pixels(preparation, used.pictures, task.stop_if_cancelled)


def _learner(
    model: nn.Module,
    training: Lessons,
    held_out: Lessons,
    options: TrainingOptions,
    settle: Callable[[nn.Module], object] = nn.Module.train,
    *,
    from_scratch: bool = False,
) -> Learner:
    return Learner(
        model,
        training=training,
        held_out=held_out,
        learning_rate=options.learning_rate,
        seed=options.seed,
        settle=settle,
        batch=SCRATCH_BATCH if from_scratch else BATCH,
        during=from_scratch,
    )


def _shared(loaded: LoadedNetwork) -> Body:
    return without_head(sharing(loaded.model), sides=(SIDE, loaded.weights.preprocessing.crop_size), device=loaded.device)


def _refuse_large(task: Task) -> None:
    if stages.parameters_of(networks.build(task.network, _record(task))) > TRAINABLE_PARAMETERS:
        raise EngineError(Failure.TRAINING_REFUSED, option="strategy", value=str(task.options.strategy), network=task.network)


def _trained_stages(loaded: LoadedNetwork, blocks: int | str) -> list[Stage] | None:
    """The last stages, so many of them; None for all of the network, with what belongs to no stage."""
    trainable = stages_with_parameters(loaded.plan.stages)
    if blocks == ALL_BLOCKS or int(blocks) >= len(trainable):
        return None
    return trainable[-int(blocks) :]


def _from_first_trained(loaded: LoadedNetwork, body: Body, trained: list[Stage], fed: _Fed, task: Task) -> _Fed:
    """Fed with what enters the first trained stage, computed once, where the network allows it."""
    features = [stage for stage in loaded.plan.stages if stage.kind is StageKind.FEATURES]
    fixed = features[: features.index(trained[0])]
    probe = fed.prepare(fed.inputs[:2])
    short = shortcut(body, fixed, trained[0], probe)
    if short is None:
        return fed
    with torch.inference_mode():
        one = entering(body.model, trained[0], probe)
    if one.nbytes // 2 * len(fed.inputs) > KEPT_INPUTS:
        return fed
    entered = []
    with torch.inference_mode():
        for batch in fed.inputs.split(BATCH):  # type: ignore[no-untyped-call]
            task.stop_if_cancelled()
            entered.append(entering(body.model, trained[0], fed.prepare(batch)))
    return _Fed(short, torch.cat(entered).clone(), as_it_is)


def _require_gradients(model: nn.Module, trained: list[Stage]) -> None:
    model.requires_grad_(False)
    for stage in trained:
        for path in stage.layer_paths:
            model.get_submodule(path).requires_grad_(True)


def _in_training(model: nn.Module, trained: list[Stage] | None) -> None:
    if trained is None:
        model.train()
        return
    for stage in trained:
        for path in stage.layer_paths:
            model.get_submodule(path).train()
