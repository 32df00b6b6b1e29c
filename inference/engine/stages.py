"""Stages of any classification network, found by running it without data: no table per network.

1. Run it on the meta device, counting its operations, and again with a larger photograph: the axes that change are spatial.
2. Open containers (and a wrapper that holds most parameters) into units, ordered by their call.
3. Group consecutive units of one container and one grid; what has no parameters joins the group before it.
4. Split off a plain convolution before and after runs of blocks; cut a long run of one shape (a transformer's) into four.
5. What comes after the last spatial unit is the head: whatever leads to its first linear layer is the pool.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import Any

import torch
from torch import nn
from torch.backends import mha
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import shufflenetv2

from inference.contracts import Stage, StageKind

Shape = tuple[int, ...]

_CONTAINERS = (nn.Sequential, nn.ModuleList)
_POOLS = (nn.AdaptiveAvgPool2d, nn.AvgPool2d)
_FLATTENS = (nn.AdaptiveAvgPool2d, nn.Flatten, nn.Linear)
_FEWEST, _MOST = 5, 10  # feature stages that a page shows well
_TINY = 0.25  # of the parameters that follow: a down-sampling layer before a run of blocks


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where a stage ends: after the layer at `path` has run, or `before` it; the empty path is the whole network."""

    path: str
    before: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The stages of one network for one input size, each with the place where it ends, and softmax after them."""

    stages: tuple[Stage, ...]
    boundaries: tuple[Boundary, ...]
    softmax: Stage


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a run without data showed of one layer."""

    started: int
    calls: int
    shape: Shape  # of what it first returned
    takes: Shape  # of what it first took in
    flops_before: int = 0  # counted when it first started, and when it first ended
    flops_after: int = 0


@dataclass(frozen=True, slots=True)
class _Unit:
    """A layer or block that is not opened further."""

    path: str
    module: nn.Module
    parameters: int
    calls: int
    layout: str
    grid: Shape  # height and width, or the number of tokens; empty when flat

    @property
    def container(self) -> str:
        return self.path.rpartition(".")[0]

    @property
    def spatial(self) -> bool:
        return math.prod(self.grid) > 1


Group = list[_Unit]


@contextmanager
def stopping_at(
    model: nn.Module, boundaries: Sequence[Boundary], reached: Callable[[int, torch.Tensor], None]
) -> Iterator[None]:
    """While inside, each run of the model calls `reached(i, output)` where stage i ends. The hooks go, whatever happens."""
    handles = []
    try:
        for index, boundary in enumerate(boundaries):
            module = model.get_submodule(boundary.path)
            if boundary.before:
                handles.append(module.register_forward_pre_hook(_before(index, reached)))
            else:
                handles.append(module.register_forward_hook(_after(index, reached)))
        yield
    finally:
        for handle in handles:
            handle.remove()


class _Met(Exception):
    """The pass came to where it was wanted: the rest of it is not needed."""


def met(
    model: nn.Module, batch: torch.Tensor, boundary: Boundary, taken: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """What is `taken` of the tensor that passes the boundary, in a pass that ends there: nothing overwrites it."""
    found: list[torch.Tensor] = []

    def reached(_index: int, output: torch.Tensor) -> None:
        found.append(taken(output))
        raise _Met

    with suppress(_Met), stopping_at(model, [boundary], reached):
        model(batch)
    return found[0]


def _before(index: int, reached: Callable[[int, torch.Tensor], None]) -> Callable[[nn.Module, Any], None]:
    def hook(_module: nn.Module, inputs: Any) -> None:
        reached(index, _tensor_of(inputs))

    return hook


def _after(index: int, reached: Callable[[int, torch.Tensor], None]) -> Callable[[nn.Module, Any, Any], None]:
    def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
        reached(index, _tensor_of(output))

    return hook


def _tensor_of(value: Any) -> torch.Tensor:
    """The first tensor in what a layer takes or returns."""
    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, (tuple, list)):
        return _tensor_of(next(part for part in value if part is not None))
    raise TypeError(type(value).__name__)


def plan(model: nn.Module, *, size: int, classes: int) -> Plan:
    """The stages of a network on the meta device, for a photograph of size × size pixels."""
    seen = _dry_run(model, size)
    units = _units(model, seen, _larger(model, size))
    features, head = _features_and_head(units)
    groups = _feature_groups(features)
    drafts = [_Draft(group, StageKind.FEATURES, _ends_after(group)) for group in groups]
    drafts += _head_drafts(head)
    drafts[-1] = replace(drafts[-1], boundary=Boundary(""))
    stages = _described_stages(model, drafts, units, seen)
    softmax = Stage(
        name="softmax",
        title="softmax",
        kind=StageKind.OUTPUT,
        operation="softmax",
        input_shape=(1, classes),
        output_shape=(1, classes),
        layout="NC",
    )
    return Plan(stages, tuple(draft.boundary for draft in drafts), softmax)


@dataclass(frozen=True, slots=True)
class _Draft:
    units: Group
    kind: StageKind
    boundary: Boundary
    pools: bool = False

    @property
    def parts(self) -> list[str]:
        """The paths that name it: of its layers with weights and, in a numbered run of features, of all its layers."""
        named = [unit.path for unit in self.units if unit.parameters]
        if self.kind is StageKind.FEATURES and all(_is_numbered(path) for path in named):
            named = [unit.path for unit in self.units if _is_numbered(unit.path)]
        return named


# --- 1. what a run without data shows ---------------------------------------------------------------------------------------


def _dry_run(model: nn.Module, size: int) -> dict[str, _Seen]:
    """Every layer that ran on a photograph of size × size pixels, with the shapes and operations of its first call."""
    started: dict[str, tuple[int, Shape, int]] = {}
    ended: dict[str, tuple[Shape, int]] = {}
    calls: Counter[str] = Counter()
    flops = FlopCounterMode(display=False)
    handles = []

    def watch(path: str, module: nn.Module) -> None:
        def starts(_module: nn.Module, inputs: Any) -> None:
            if path not in started:
                started[path] = (len(started), tuple(_tensor_of(inputs).shape), flops.get_total_flops())

        def ends(_module: nn.Module, _inputs: Any, output: Any) -> None:
            calls[path] += 1
            if path not in ended:
                ended[path] = (tuple(_tensor_of(output).shape), flops.get_total_flops())

        handles.append(module.register_forward_pre_hook(starts))
        handles.append(module.register_forward_hook(ends))

    fast_path = mha.get_fastpath_enabled()
    mha.set_fastpath_enabled(False)  # the fused attention is one operator that the counter does not know
    try:
        for path, module in model.named_modules():
            watch(path, module)
        with torch.no_grad(), flops:
            model(torch.empty(1, 3, size, size, device="meta"))
    finally:
        mha.set_fastpath_enabled(fast_path)
        for handle in handles:
            handle.remove()
    return {
        path: _Seen(order, calls[path], ended[path][0], takes, before, ended[path][1])
        for path, (order, takes, before) in started.items()
    }


def _larger(model: nn.Module, size: int) -> dict[str, Shape]:
    """What every layer returns for a larger photograph; empty where the network takes a single size."""
    for more in (64, 32):
        shapes: dict[str, Shape] = {}
        handles = [module.register_forward_hook(_noting(path, shapes)) for path, module in model.named_modules()]
        try:
            with torch.no_grad():
                model(torch.empty(1, 3, size + more, size + more, device="meta"))
        except (AssertionError, RuntimeError, ValueError):
            continue
        else:
            return shapes
        finally:
            for handle in handles:
                handle.remove()
    return {}


def _noting(path: str, shapes: dict[str, Shape]) -> Callable[[nn.Module, Any, Any], None]:
    def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
        shapes.setdefault(path, tuple(_tensor_of(output).shape))

    return hook


def _layout(shape: Shape, larger: Shape | None) -> tuple[str, Shape]:
    """Which axes mean what, and the grid: height × width or number of tokens, empty for a flat output."""
    if len(shape) == 4:
        if larger and len(larger) == 4:
            if [axis for axis in range(4) if larger[axis] != shape[axis]] == [1, 2]:
                return "NHWC", shape[1:3]
        elif shape[1] == shape[2] != shape[3]:  # the network takes a single size: square grids come before the channels
            return "NHWC", shape[1:3]
        return "NCHW", shape[2:4]
    if len(shape) == 3:
        return "NLC", shape[1:2]
    return "NC", ()


# --- 2. units -----------------------------------------------------------------------------------------------------------------


def _units(model: nn.Module, seen: dict[str, _Seen], larger: dict[str, Shape]) -> list[_Unit]:
    """The network's units in the order of their calls."""
    units = []
    for path, module in _opened(model, "", parameters_of(model), seen):
        layout, grid = _layout(seen[path].shape, larger.get(path))
        units.append(_Unit(path, module, parameters_of(module), seen[path].calls, layout, grid))
    return sorted(units, key=lambda unit: seen[unit.path].started)


def _opened(module: nn.Module, path: str, total: int, seen: dict[str, _Seen]) -> Iterator[tuple[str, nn.Module]]:
    children = [(f"{path}.{name}" if path else name, child) for name, child in module.named_children()]
    if children and (not path or path not in seen or _is_chain(module) or _is_wrapper(module, total)):
        for child_path, child in children:
            yield from _opened(child, child_path, total, seen)
    elif path in seen:
        yield path, module


def layers_outside_blocks(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Path and module of every unit that is a single layer."""
    seen = {path: _Seen(0, 1, (), ()) for path, _ in model.named_modules()}
    for path, module in _opened(model, "", parameters_of(model), seen):
        if not list(module.children()):
            yield path, module


def _is_chain(module: nn.Module) -> bool:
    """Whether the module only calls its children one after the other, and is more than one convolution with its trimmings."""
    if not isinstance(module, _CONTAINERS):
        return False
    if isinstance(module, nn.Sequential) and type(module).forward is not nn.Sequential.forward:
        return False
    return not _is_one_convolution(module)


def _is_one_convolution(module: nn.Module) -> bool:
    children = list(module.children())
    return (
        sum(isinstance(child, nn.Conv2d) for child in children) == 1
        and all(not list(child.children()) for child in children)
        and not any(isinstance(child, _FLATTENS) for child in children)
    )


def _is_wrapper(module: nn.Module, total: int) -> bool:
    """Whether it only wraps a container, or most of the network, as the vision transformer's Encoder does."""
    children = list(module.children())
    if len(children) == 1 and isinstance(children[0], nn.ModuleList):
        return True
    return parameters_of(module) > total / 2 and any(isinstance(child, _CONTAINERS) for child in children)


def parameters_of(module: nn.Module) -> int:
    """How many numbers are learned in the module."""
    return sum(parameter.numel() for parameter in module.parameters())


# --- 3. and 4. groups ---------------------------------------------------------------------------------------------------------


def _features_and_head(units: list[_Unit]) -> tuple[Group, Group]:
    """The units before the pool, and the pool with all that follows it."""
    spatial = [index for index, unit in enumerate(units) if unit.parameters and unit.spatial]
    flat = [index for index, unit in enumerate(units) if unit.parameters and index > spatial[-1]]
    if not flat:  # SqueezeNet: its last convolution makes one map per class, and the pool comes after it
        return units[: spatial[-1]], units[spatial[-1] :]
    end = spatial[-1] + 1
    while units[end].spatial and not units[end].parameters and not isinstance(units[end].module, _POOLS):
        end += 1
    return units[:end], units[end:]


def _feature_groups(units: Group) -> list[Group]:
    groups = _split_at_convolutions(_by_container_and_grid(units))
    groups = _joined_stem(groups)
    groups = _folded_transitions(groups)
    while len(groups) > _MOST:
        pairs = range(len(groups) - 1)
        at = min(pairs, key=lambda index: _weight(groups[index]) + _weight(groups[index + 1]))
        groups[at : at + 2] = [groups[at] + groups[at + 1]]
    return _cut_runs(groups)


def _by_container_and_grid(units: Group) -> list[Group]:
    groups: list[Group] = []
    for unit in units:
        last = groups[-1] if groups else None
        if last is None:
            groups.append([unit])
        elif not unit.parameters or (unit.grid == last[-1].grid and not _blocks_of([unit])):
            last.append(unit)  # a pool, a nonlinearity, a normalisation: it ends what came before it
        elif any(same(unit, other) for other in last if other.parameters):
            last.append(unit)
        else:
            groups.append([unit])
    return groups


def same(one: _Unit, other: _Unit) -> bool:
    """Whether two units belong together: the same container, the same grid."""
    return one.container == other.container and one.grid == other.grid


def _split_at_convolutions(groups: list[Group]) -> list[Group]:
    """A plain convolution before or after a run of blocks stands alone; one that down-samples may open the run."""
    split: list[Group] = []
    for number, group in enumerate(groups):
        plain = [_is_plain(unit) for unit in group]
        blocks = [index for index, unit in enumerate(group) if unit.parameters and not plain[index]]
        if not blocks:
            split.append(group)
            continue
        first = blocks[0] if number == 0 else 0
        last = next((index for index in range(blocks[-1] + 1, len(group)) if _convolves(group[index].module)), len(group))
        split += [part for part in (group[:first], group[first:last], group[last:]) if part]
    return split


def _is_plain(unit: _Unit) -> bool:
    """Whether the unit is a single layer: a convolution, a normalisation, a nonlinearity."""
    return not list(unit.module.children()) or _is_one_convolution(unit.module) or _convolves(unit.module)


def _convolves(module: nn.Module) -> bool:
    return _operation(module) == "convolution"


def _joined_stem(groups: list[Group]) -> list[Group]:
    """The plain convolutions that lead to the first block are one stem. A network of nothing else (VGG) has none."""
    first = next((index for index, group in enumerate(groups) if not all(_is_plain(unit) for unit in group)), 0)
    return [list(chain.from_iterable(groups[:first])), *groups[first:]] if first > 1 else groups


def _folded_transitions(groups: list[Group]) -> list[Group]:
    """A small down-sampling layer joins the run of blocks that follows it on the same grid."""
    folded: list[Group] = []
    carried: Group = []
    for index, group in enumerate(groups):
        following = groups[index + 1] if index + 1 < len(groups) else None
        if (
            index
            and following
            and len([unit for unit in group if unit.parameters]) <= 3
            and _end_grid(group) == _start_grid(following)
            and _weight(group) < _TINY * _weight(following)
            and _main_operation(group) != _main_operation(following)
        ):
            carried += group
        else:
            folded.append(carried + group)
            carried = []
    return folded


def _cut_runs(groups: list[Group]) -> list[Group]:
    """Cuts the longest run of one shape until there are enough stages to watch; a network of few convolutions shows each."""
    while len(groups) < _FEWEST:
        at = max(range(len(groups)), key=lambda index: len(_places_to_cut(groups[index])))
        run, places = groups[at], _places_to_cut(groups[at])
        plain = _is_plain(run[places[0]]) if places else True
        if len(places) < (2 if plain else 4):
            break
        pieces = len(places) if plain else 4 if len(places) >= 8 else 2
        length = math.ceil(len(places) / pieces)
        cuts = [0, *(places[index] for index in range(length, len(places), length)), len(run)]
        groups = groups[:at] + [run[start:end] for start, end in pairwise(cuts)] + groups[at + 1 :]
    return groups


def _places_to_cut(group: Group) -> list[int]:
    """Where the group's blocks are or, in a network of plain layers, its convolutions; a stem is not cut."""
    blocks = [index for index, unit in enumerate(group) if unit.parameters and not _is_plain(unit)]
    return blocks or [index for index, unit in enumerate(group) if isinstance(unit.module, nn.Conv2d)]


def _weight(group: Group) -> int:
    return sum(unit.parameters for unit in group)


def _end_grid(group: Group) -> Shape:
    return group[-1].grid


def _start_grid(group: Group) -> Shape:
    return next(unit.grid for unit in group if unit.parameters)


# --- 5. the head --------------------------------------------------------------------------------------------------------------


def _head_drafts(units: Group) -> list[_Draft]:
    """The pool and one stage for each layer with weights; a small normalisation on the way belongs to the pool."""
    main = [index for index, unit in enumerate(units) if isinstance(unit.module, (nn.Linear, nn.Conv2d))]
    if units[main[0]].spatial:
        head = main[0]
        return [
            _Draft(units[: head + 1], StageKind.HEAD, Boundary(units[head].path)),
            _Draft(units[head + 1 :], StageKind.HEAD, Boundary(""), pools=True),
        ]
    drafts = [_Draft(units[: main[0]], StageKind.HEAD, Boundary(units[main[0]].path, before=True), pools=True)]
    for start, end in zip(main, [*main[1:], len(units)], strict=True):
        group = units[start:end]
        drafts.append(_Draft(group, StageKind.HEAD, _ends_after(group)))
    return drafts


def _ends_after(group: Group) -> Boundary:
    """After the group's last unit that runs once: one that is called again elsewhere marks no place."""
    return Boundary(next(unit.path for unit in reversed(group) if unit.calls == 1))


# --- names, operations, figures -----------------------------------------------------------------------------------------------


def _operation(module: nn.Module) -> str:
    """A code for what a unit does: "convolution", "linear", or its class in lower case: "bottleneck", "mbconv"."""
    if isinstance(module, nn.Conv2d) or _is_one_convolution(module) or _convolution_in(module) is not None:
        return "convolution"
    if isinstance(module, nn.Linear):
        return "linear"
    if isinstance(module, shufflenetv2.InvertedResidual):
        return "shuffle_unit"  # called as MobileNet's block, which it is not: it splits and shuffles, and widens nothing
    name = type(module).__name__.lstrip("_")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _convolution_in(module: nn.Module) -> nn.Conv2d | None:
    """The only layer that convolves, where nothing but a normalisation or nonlinearity stands beside it."""
    leaves = [leaf for leaf in module.modules() if not list(leaf.children())]
    convolutions = [leaf for leaf in leaves if isinstance(leaf, nn.Conv2d)]
    trimmings = all(leaf in convolutions or not isinstance(leaf, (nn.Linear, nn.MultiheadAttention)) for leaf in leaves)
    return convolutions[0] if len(convolutions) == 1 and trimmings and len(leaves) <= 3 else None


def _blocks_of(group: Group) -> list[tuple[str, int]]:
    """Operation and parameters of each block; a unit whose children are all alike (a dense block) counts as its children."""
    blocks = []
    for unit in group:
        if not unit.parameters:
            continue
        children = list(unit.module.children())
        kinds = {type(child) for child in children}
        if len(children) > 1 and len(kinds) == 1 and not kinds & set(_CONTAINERS) and not _convolves(children[0]):
            blocks += [(_operation(child), parameters_of(child)) for child in children]
        elif list(unit.module.children()) or isinstance(unit.module, (nn.Conv2d, nn.Linear)):
            blocks.append((_operation(unit.module), unit.parameters))
    return blocks


def _main_operation(group: Group) -> str:
    """The operation that holds most of the group's parameters."""
    held: Counter[str] = Counter()
    for operation, parameters in _blocks_of(group):
        held[operation] += parameters
    return held.most_common(1)[0][0] if held else ""


def _family(operation: str) -> str:
    """What variants of one block share: Inception's modules A to E differ in the letter that ends their names."""
    return re.sub(r"_[a-z]$", "", operation)


def _described_stages(model: nn.Module, drafts: list[_Draft], units: list[_Unit], seen: dict[str, _Seen]) -> tuple[Stage, ...]:
    """The drafts with the shapes and operations that the run without data showed where each ends."""
    names = _names(drafts, units)
    loose = _loose_parameters(model, units)
    layouts = {unit.path: unit.layout for unit in units}
    stages: list[Stage] = []
    shape, counted = seen[""].takes, 0
    for draft, name in zip(drafts, names, strict=True):
        output_shape, total = _at(draft.boundary, seen)
        layout = layouts.get(draft.boundary.path, "NC") if not draft.boundary.before and len(output_shape) > 2 else "NC"
        operation, blocks, details = _described(draft, stages[-1].layout if stages else "NCHW", shape, output_shape, layout)
        stages.append(
            Stage(
                name=name,
                title=name if draft.pools else _title(_cover(draft, units)),
                kind=draft.kind,
                operation=operation,
                input_shape=shape,
                output_shape=output_shape,
                parameters=_weight(draft.units) + sum(loose[unit.path] for unit in draft.units),
                flops=total - counted,
                macs=(total - counted) // 2,
                layer_paths=tuple(unit.path for unit in draft.units),
                blocks=blocks,
                layout=layout,
                details=details,
            )
        )
        shape, counted = output_shape, total
    return tuple(stages)


def _at(boundary: Boundary, seen: dict[str, _Seen]) -> tuple[Shape, int]:
    """The shape that passes a boundary, and the operations counted until then."""
    layer = seen[boundary.path]
    return (layer.takes, layer.flops_before) if boundary.before else (layer.shape, layer.flops_after)


def _loose_parameters(model: nn.Module, units: list[_Unit]) -> Counter[str]:
    """Parameters that belong to no unit, by the first unit of their module: a class token, an embedding of positions."""
    loose: Counter[str] = Counter()
    for path, parameter in model.named_parameters():
        if not any(_is_inside(path, unit.path) for unit in units):
            owner = path.rpartition(".")[0]
            first = next((unit.path for unit in units if not owner or _is_inside(unit.path, owner)), None)
            if first is not None:  # an auxiliary head that only training runs belongs to no stage
                loose[first] += parameter.numel()
    return loose


def _described(
    draft: _Draft, layout_in: str, shape_in: Shape, shape_out: Shape, layout_out: str
) -> tuple[str, int, dict[str, Any]]:
    """The stage's operation, how many of its main block and its variants it holds, and what a sentence about it needs."""
    if draft.pools:  # SqueezeNet's last convolution has made a map for each class: what it pools are the scores
        return _pooling(layout_in, shape_in, shape_out), 0, {"scores": True} if draft.boundary == Boundary("") else {}
    operation = _main_operation(draft.units)
    variants = [block for block, _ in _blocks_of(draft.units) if _family(block) == _family(operation)]
    blocks = len(variants)
    details: dict[str, Any] = {} if not blocks or variants[0] == operation else {"opens_with": variants[0]}
    if operation == "convolution" and blocks == 1:
        convolution = next(layer for unit in draft.units for layer in unit.module.modules() if isinstance(layer, nn.Conv2d))
        details = {"kernel": list(convolution.kernel_size), "stride": list(convolution.stride)}
        if convolution.kernel_size == convolution.stride and convolution.stride[0] > 1:
            operation = "patch_embedding"
    elif operation == "linear":
        layer = next(unit.module for unit in draft.units if isinstance(unit.module, nn.Linear))
        details = {"in_features": layer.in_features, "out_features": layer.out_features}
    if layout_out == "NLC":
        side = math.isqrt(shape_out[1])
        details |= {"grid": [side, side], "extra_tokens": shape_out[1] - side * side}
    return operation, blocks, details


def _pooling(layout_in: str, shape_in: Shape, shape_out: Shape) -> str:
    """How the features become a vector: the mean over the grid, the class token, or the grid laid out flat."""
    if layout_in == "NLC":
        return "class_token"
    if math.prod(shape_out) == math.prod(shape_in) and math.prod(shape_in) != max(shape_in):
        return "flatten"
    return "average_pool"


def _names(drafts: list[_Draft], units: list[_Unit]) -> list[str]:
    names: list[str] = []
    for draft in drafts:
        name = "pool" if draft.pools else _name(_cover(draft, units), draft.units, first=not names)
        same_before = sum(re.fullmatch(re.escape(name) + r"(_\d+)?", earlier) is not None for earlier in names)
        names.append(f"{name}_{same_before + 1}" if same_before else name)
    return names


def _cover(draft: _Draft, units: list[_Unit]) -> list[str]:
    """The shortest paths that hold the draft's layers and no other with weights: "layer3", not "layer3.0" to "layer3.5"."""
    inside = {unit.path for unit in draft.units}
    outside = [unit.path for unit in units if unit.parameters and unit.path not in inside]
    cover: list[str] = []
    for path in draft.parts:
        parts = path.split(".")
        prefixes = (".".join(parts[:length]) for length in range(1, len(parts) + 1))
        shortest = next(prefix for prefix in prefixes if not any(_is_inside(other, prefix) for other in outside))
        if shortest not in cover:
            cover.append(shortest)
    return cover


def _is_inside(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}.")


def _is_numbered(path: str) -> bool:
    return path.rpartition(".")[2].isdigit()


def _name(cover: list[str], group: Group, *, first: bool) -> str:
    """A short name without a dot, from PyTorch's: "features.7" to "features.13" are "features7-13"."""
    last = _last_beside(cover)
    if number := _number_after(_short(cover[0]), _short(last)):
        return f"{_short(cover[0])}-{number}"
    if first and len(cover) > 1:
        return "stem"
    return _short(max(cover, key=lambda path: _held_by(path, group)))


def _number_after(start: str, end: str) -> str:
    """The number or letter that ends the second of two names which differ in nothing else; empty where they do not."""
    if start == end:
        return ""
    one, other = (re.fullmatch(r"(.*?)(\d*[a-z]?)", name) for name in (start, end))
    return other[2] if one and other and one[1] == other[1] and one[2] else ""


def _last_beside(cover: list[str]) -> str:
    """The last path in the same container as the first."""
    container = cover[0].rpartition(".")[0]
    return [path for path in cover if path.rpartition(".")[0] == container][-1]


def _held_by(path: str, group: Group) -> int:
    return sum(unit.parameters for unit in group if _is_inside(unit.path, path))


def _short(path: str) -> str:
    parts = path.split(".")
    return parts[-2] + parts[-1] if _is_numbered(path) and len(parts) > 1 else parts[-1]


def _title(cover: list[str]) -> str:
    """The stage in PyTorch's own words: where its layers are found in the network."""
    number = _number_after(cover[0], _last_beside(cover))
    return f"{cover[0]}–{number}" if number else ", ".join(cover)
