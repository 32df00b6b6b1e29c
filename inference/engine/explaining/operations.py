"""What a network does in one pass, operation by operation: recorded while it runs, and the same for every photograph.

Modules don't say how their parts are put together: a residual sum, a squeeze-and-excitation scale, a shuffle of channels
or a roll of windows is code in some `forward`. The operations that torch executes show all of it, in every network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import nn
from torch.backends import mha
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map
from torch.utils.weak import WeakIdKeyDictionary

from inference.contracts import EngineError, Failure, Stage
from inference.engine import stages

if TYPE_CHECKING:
    from inference.engine.tracing import LoadedNetwork

Shape = tuple[int, ...]
Index = tuple[int, ...]

# They only move numbers about: each number that comes out is one that went in, or the filling of a pad.
MOVES = frozenset(
    {
        *(
            "alias",
            "cat",
            "chunk",
            "clone",
            "contiguous",
            "detach",
            "dropout",
            "expand",
            "expand_as",
            "flatten",
            "pad",
            "permute",
        ),
        *("reshape", "roll", "select", "slice", "split", "squeeze", "stack", "swapaxes", "transpose", "unflatten", "unsqueeze"),
        *("view",),
    }
)


# They take a tensor for its shape and device alone.
BLANK = frozenset({"new_zeros", "new_ones", "new_full", "new_empty", "zeros_like", "ones_like", "full_like", "empty_like"})


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of the pass that depends on the photograph: the input, or one of an operation's outputs."""

    number: int
    shape: Shape
    maker: int | None  # the operation; none made the input
    output: int = 0


@dataclass(frozen=True, slots=True)
class Constant:
    """A tensor that is the same for every photograph; `name` is its path in the network, or empty if it was computed."""

    name: str
    shape: Shape
    tensor: torch.Tensor | None  # of a parameter or a running statistic


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of the pass. Tensors among the arguments are Values and Constants."""

    number: int
    turn: int  # its place among all that torch is told to do in a pass, with what doesn't depend on the photograph
    name: str  # as torch calls it, without the underscore of what is done in place
    path: str  # of the innermost module that ran it
    function: Callable[..., Any]
    positional: tuple[Any, ...]
    keywords: Mapping[str, Any]
    arguments: Mapping[str, Any]  # all of them by their names, with the defaults
    outputs: tuple[Value, ...]

    @property
    def inputs(self) -> list[Value]:
        """What it takes that depends on the photograph."""
        return [part for part in tree_flatten((self.positional, dict(self.keywords)))[0] if isinstance(part, Value)]


@dataclass(frozen=True, slots=True)
class Operations:
    """A network's operations in order, and the value with which each of its stages ends."""

    input: Value
    steps: tuple[Operation, ...]
    ends: tuple[Value, ...]
    takers: Mapping[int, tuple[int, ...]] = field(repr=False)  # value → the operations that take it

    def maker(self, value: Value) -> Operation | None:
        """The operation that made a value; None for the input."""
        return None if value.maker is None else self.steps[value.maker]

    def leads_to(self, start: Value, end: Value) -> bool:
        """Whether the number at `end` was made from what is at `start`."""
        waiting, seen = [end], set()
        while waiting:
            value = waiting.pop()
            if value.number == start.number:
                return True
            if value.number in seen or value.number < start.number:
                continue
            seen.add(value.number)
            if (maker := self.maker(value)) is not None:
                waiting += maker.inputs
        return False


@dataclass(frozen=True, slots=True)
class Place:
    """A number in a tensor of the pass."""

    value: Value
    at: Index


@dataclass(frozen=True, slots=True)
class Windows:
    """How a convolution or pool goes over its input's grid; rows, then columns."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]


def windows_of(step: Operation) -> Windows:
    """The windows of a convolution or pool; a pool without a stride has its window's sides for one."""
    arguments = step.arguments
    kernel = pair(arguments["kernel_size"] if "kernel_size" in arguments else arguments["weight"].shape[2:])
    stride = pair(arguments["stride"]) if arguments["stride"] not in ([], None) else kernel
    return Windows(kernel, stride, pair(arguments["padding"]), pair(arguments.get("dilation", 1)))


def pair(value: Any) -> tuple[int, int]:
    """A size as torch's operations take it, for rows and for columns: one number may stand for both."""
    return (int(value[0]), int(value[-1])) if isinstance(value, (list, tuple)) else (int(value), int(value))


_recorded: WeakKeyDictionary[nn.Module, Operations] = WeakKeyDictionary()


def operations_of(loaded: LoadedNetwork) -> Operations:
    """What the network does, recorded once while it is loaded. The caller has the network to itself."""
    if (known := _recorded.get(loaded.model)) is None:
        size = loaded.weights.preprocessing.crop_size
        known = _recorded[loaded.model] = recorded(loaded.model, loaded.plan, loaded.batch(torch.zeros(1, 3, size, size)))
    return known


def recorded(model: nn.Module, plan: stages.Plan, batch: torch.Tensor) -> Operations:
    """The operations of one pass over the batch."""
    mode = _Recording(model, batch)
    ends: dict[int, Value] = {}

    def reached(index: int, output: torch.Tensor) -> None:
        known = mode.known(output)
        if isinstance(known, Value):
            ends[index] = known

    with stages.stopping_at(model, plan.boundaries, reached):
        _run(model, batch, mode)
    takers: dict[int, tuple[int, ...]] = {}
    for step in mode.steps:
        for value in step.inputs:
            takers[value.number] = (*takers.get(value.number, ()), step.number)
    return Operations(mode.input, tuple(mode.steps), tuple(ends[index] for index in range(len(plan.boundaries))), takers)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Numbers to read while a pass runs: an operation's argument, or its result where `argument` is empty."""

    operation: int
    argument: str
    at: tuple[Index, ...]


def read(loaded: LoadedNetwork, batch: torch.Tensor, operations: Operations, wanted: Sequence[Wanted]) -> list[list[float]]:
    """The numbers that a pass over the batch has at these places. Arguments are read before they are overwritten."""
    mode = _Reading(operations, wanted)
    _run(loaded.model, batch, mode)
    return [mode.found[number] for number in range(len(wanted))]


def place_in(stage: Stage, end: Value, *, channel: int, y: int, x: int) -> Place:
    """Where a unit of a stage stands in the tensor with which the stage ends. EngineError: not there."""
    channels, height, width = grid_of(stage)
    for what, number, count in (("channel", channel, channels), ("y", y, height), ("x", x, width)):
        if not 0 <= number < count:
            raise EngineError(Failure.NOT_THERE, what=what, count=count)
    match stage.layout:
        case "NHWC":
            return Place(end, (0, y, x, channel))
        case "NLC":
            return Place(end, (0, int(str(stage.details["extra_tokens"])) + y * width + x, channel))
        case "NC":
            return Place(end, (0, channel, *(0 for _ in end.shape[2:])))
    return Place(end, (0, channel, y, x))


def grid_of(stage: Stage) -> tuple[int, int, int]:
    """Channels, height and width of a stage's output; a vector's grid is 1 × 1, tokens lie as their patches do."""
    shape = stage.output_shape
    match stage.layout:
        case "NHWC":
            return shape[3], shape[1], shape[2]
        case "NLC":
            side = math.isqrt(shape[1] - int(str(stage.details["extra_tokens"])))
            return shape[2], side, side
        case "NC":
            return math.prod(shape[1:]), 1, 1
    return shape[1], shape[2], shape[3]


def stage_named(loaded: LoadedNetwork, name: str) -> tuple[int, Stage]:
    """The network's stage of that name, and its number. EngineError: not there."""
    for number, stage in enumerate(loaded.plan.stages):
        if stage.name == name:
            return number, stage
    raise EngineError(Failure.NOT_THERE, what="stage", count=len(loaded.plan.stages))


# --- how a pass is watched ----------------------------------------------------------------------------------------------


@contextmanager
def _whole_attention() -> Iterator[None]:
    """Attention as the operations it is made of: the fused one is a single operation that shows none of them."""
    before = mha.get_fastpath_enabled()
    mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        mha.set_fastpath_enabled(before)


def _run(model: nn.Module, batch: torch.Tensor, mode: TorchDispatchMode) -> None:
    # In inference mode torch hands out whole operations (a linear layer, a batch normalisation), not their pieces.
    with _whole_attention(), _single_precision(), torch.inference_mode(), mode:
        model(batch)


def _single_precision() -> AbstractContextManager[object]:
    """A GPU's convolutions with all digits: it would round their factors to 10 bits, and no sum of what is told would fit."""
    return torch.backends.cudnn.flags(enabled=torch.backends.cudnn.enabled, allow_tf32=False)


class _Recording(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes down every operation that depends on the photograph."""

    def __init__(self, model: nn.Module, batch: torch.Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.input = Value(0, tuple(batch.shape), None)
        self.steps: list[Operation] = []
        self._values = 1
        self._turn = -1
        self._known: WeakIdKeyDictionary = WeakIdKeyDictionary()
        self._known[batch] = self.input
        self._modules: list[str] = [""]
        self._handles: list[Any] = []
        self._model = model
        for name, tensor in (*model.named_parameters(), *model.named_buffers()):
            self._known[tensor] = Constant(name, tuple(tensor.shape), tensor)

    def __enter__(self) -> _Recording:
        for path, module in self._model.named_modules():
            self._handles.append(module.register_forward_pre_hook(self._entering(path), prepend=True))
            self._handles.append(module.register_forward_hook(self._leaving))
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *exception: object) -> None:
        for handle in self._handles:
            handle.remove()
        super().__exit__(*exception)  # type: ignore[no-untyped-call]

    def _entering(self, path: str) -> Callable[[nn.Module, Any], None]:
        return lambda _module, _inputs: self._modules.append(path)

    def _leaving(self, _module: nn.Module, _inputs: Any, _output: Any) -> None:
        self._modules.pop()

    def known(self, tensor: torch.Tensor) -> Value | Constant:
        """What is known of a tensor; one that nobody has seen is a constant that the code made."""
        found: Value | Constant | None = self._known.get(tensor)  # type: ignore[no-untyped-call]
        return found if found is not None else Constant("", tuple(tensor.shape), None)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        keywords = kwargs or {}
        self._turn += 1
        positional, named = tree_map(self._told, (args, keywords))
        result = func(*args, **keywords)
        made = [part for part in tree_flatten(result)[0] if isinstance(part, torch.Tensor)]
        told = tree_flatten((positional, named))[0]
        if _name(func) not in BLANK and any(isinstance(part, Value) for part in told):
            self._write(func, positional, named, made)
        else:
            self._name_after([part.name for part in told if isinstance(part, Constant)], made)
        return result

    def _told(self, argument: Any) -> Any:
        return self.known(argument) if isinstance(argument, torch.Tensor) else argument

    def _write(self, function: Any, positional: Any, named: Any, made: list[torch.Tensor]) -> None:
        number = len(self.steps)
        outputs = []
        for output, tensor in enumerate(made):
            value = Value(self._values, tuple(tensor.shape), number, output)
            self._values += 1
            self._known[tensor] = value
            outputs.append(value)
        arguments = {argument.name: argument.default_value for argument in function._schema.arguments}
        arguments |= dict(zip(arguments, positional, strict=False)) | named
        path = self._modules[-1]
        self.steps.append(
            Operation(number, self._turn, _name(function), path, function, positional, named, arguments, tuple(outputs))
        )

    def _name_after(self, names: list[str], made: list[torch.Tensor]) -> None:
        """A view or a copy of one parameter keeps its name."""
        for tensor in made:
            if tensor not in self._known:
                self._known[tensor] = Constant(names[0] if len(names) == 1 else "", tuple(tensor.shape), None)


class _Reading(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Runs the recorded operations once more and reads numbers on the way."""

    def __init__(self, operations: Operations, wanted: Sequence[Wanted]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: dict[int, list[float]] = {}
        self._steps = {step.turn: step for step in operations.steps}
        self._wanted: dict[int, list[tuple[int, Wanted]]] = {}
        for number, want in enumerate(wanted):
            self._wanted.setdefault(operations.steps[want.operation].turn, []).append((number, want))
        self._turn = -1

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        keywords = kwargs or {}
        self._turn += 1
        wanted = self._wanted.get(self._turn, [])
        if wanted and func is not self._steps[self._turn].function:
            raise EngineError(Failure.INTERNAL, operation=str(func))  # another pass than the one that was recorded
        names = [argument.name for argument in func._schema.arguments] if wanted else []
        arguments = dict(zip(names, args, strict=False)) | keywords
        for number, want in wanted:
            if want.argument:
                self.found[number] = _numbers(arguments[want.argument], want.at)
        result = func(*args, **keywords)
        for number, want in wanted:
            if not want.argument:
                self.found[number] = _numbers(result, want.at)
        return result


def _name(function: Any) -> str:
    """As torch calls the operation; what is done in place has the same name as what is not."""
    name: str = function._schema.name
    return name.partition("::")[2].rstrip("_")


def _numbers(tensor: torch.Tensor, at: Sequence[Index]) -> list[float]:
    if not at:
        return []
    index = torch.tensor(at, device=tensor.device).T
    found: list[float] = tensor[tuple(index)].double().cpu().tolist()
    return found
