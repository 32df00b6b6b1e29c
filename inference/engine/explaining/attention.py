"""What one token of a transformer attends to: the weights of a layer's heads, as the network computes them in a pass.

In a vision transformer every patch, and the class token, may attend to all others. In Swin and MaxViT a cell of the grid
attends within its window only (in every second layer a shifted one, or cells that lie apart), and there is no class token.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle
from torchvision.models.maxvit import PartitionAttentionLayer
from torchvision.models.swin_transformer import ShiftedWindowAttention

from inference.contracts import Asked, Cancelled, Emit, EngineError, Failure, Picture, Result
from inference.engine import pictures, preprocessing

if TYPE_CHECKING:
    from PIL import Image

    from inference.engine.tracing import LoadedNetwork

NAME = "attention"
MEAN = "mean"
CLASS = "class"
ROLLOUT = "rollout"
ALL, WINDOW, SHIFTED_WINDOW = "all", "window", "shifted_window"
NO_CELL = -1  # a class token, or a cell that only fills a window up


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of attention: where it is, and how it cuts the grid of tokens: "all" of it, in a "window", or on a "grid"."""

    path: str
    heads: int
    cut: str


@dataclass(frozen=True, slots=True)
class Weights:
    """What a layer's tokens attend to on one photograph, on the host."""

    weights: torch.Tensor  # windows × heads × tokens × tokens; a row, one token's, sums to one
    cells: torch.Tensor  # windows × tokens: which cell of the grid each token is, counted row by row, or NO_CELL
    grid: tuple[int, int]
    window: tuple[int, int] | None = None  # the sides of windows that may be shifted
    reach: str = ALL  # what a token may attend to: "all", "window", "shifted_window" or "grid"

    def within_reach(self, window: int, query: str | list[int]) -> torch.Tensor:
        """For each token of a window, whether the one that is asked about may attend to it.

        A window that was shifted over an edge holds cells of both edges, and those don't see each other: they lie further
        apart than a window is wide.
        """
        cells = self.cells[window]
        if self.window is None or isinstance(query, str):
            return torch.ones(len(cells), dtype=torch.bool)
        rows, columns = cells // self.grid[1], cells % self.grid[1]
        near = ((rows - query[0]).abs() < self.window[0]) & ((columns - query[1]).abs() < self.window[1])
        return near | (cells == NO_CELL)

    @property
    def has_class_token(self) -> bool:
        return self.cells.shape[0] == 1 and bool(self.cells[0, 0] == NO_CELL)

    def of_class_token(self) -> torch.Tensor:
        """What the class token attends to, heads × tokens. EngineError: there is none."""
        if not self.has_class_token:
            raise EngineError(Failure.NOT_THERE, what="query", count=math.prod(self.grid))
        return self.weights[0, :, 0]

    def on_grid(self, rows: torch.Tensor, window: int) -> torch.Tensor:
        """Rows of weights of that window's tokens, heads × tokens, laid out as heads × height × width."""
        cells = self.cells[window]
        inside = cells != NO_CELL
        laid_out = rows.new_zeros(rows.shape[0], math.prod(self.grid))
        laid_out[:, cells[inside]] = rows[:, inside]
        return laid_out.view(-1, *self.grid)


def layers_of(model: nn.Module) -> list[Layer]:
    """The layers of attention in the order in which they run; none in a convolutional network. Also on the meta device."""
    return [Layer(path, *told) for path, module in model.named_modules() if (told := _heads_and_cut(module)) is not None]


def _heads_and_cut(module: nn.Module) -> tuple[int, str] | None:
    if isinstance(module, nn.MultiheadAttention):
        return module.num_heads, ALL
    if isinstance(module, ShiftedWindowAttention):
        return module.num_heads, WINDOW
    if isinstance(module, PartitionAttentionLayer):
        return module.n_heads, module.partition_type
    return None


def look(loaded: LoadedNetwork, image: Image.Image, options: Mapping[str, Any], emit: Emit, cancelled: Asked) -> None:
    """What one token attends to.

    `layer` counts from 0 (else the last); `head` too, or is "mean"; `query` is "class", or row and column of a cell (else the
    class token or, where there is none, the middle). With "rollout" for a layer all are followed. EngineError: not there.
    """
    layers = layers_of(loaded.model)
    if not layers:
        raise EngineError(Failure.NOT_THERE, what="layer", count=0)
    followed = options.get("layer") == ROLLOUT
    if followed and layers[0].cut != ALL:
        raise EngineError(Failure.NOT_THERE, what="layer", count=len(layers))
    number = (
        len(layers) - 1 if followed else _chosen(options.get("layer"), len(layers), what="layer", otherwise=len(layers) - 1)
    )
    _cropped, prepared = preprocessing.prepared(image, loaded.weights.preprocessing)
    if cancelled():
        raise Cancelled
    with loaded.alone():
        wanted = range(len(layers)) if followed else [number]
        seen = weights_of(loaded.model, loaded.batch(prepared), [layers[one].path for one in wanted])
    weights = rolled_out(seen) if followed else seen[0]
    size = loaded.weights.preprocessing.crop_size
    emit(_result(weights, layers, ROLLOUT if followed else number, options, size=size))


def _result(weights: Weights, layers: Sequence[Layer], layer: int | str, options: Mapping[str, Any], *, size: int) -> Result:
    heads = weights.weights.shape[1]
    head = MEAN if options.get("head", MEAN) == MEAN else _chosen(options["head"], heads, what="head", otherwise=0)
    window, rows, query = _asked(weights, options.get("query"))
    row = rows.mean(0, keepdim=True) if head == MEAN else rows[int(head) : int(head) + 1]
    cells = weights.on_grid(row, window)[0]
    maximum = float(cells.max())
    within_reach = weights.within_reach(window, query)
    here = layers[-1] if layer == ROLLOUT else layers[int(layer)]
    figures = {
        "layer": layer,
        "path": "" if layer == ROLLOUT else here.path,
        "reach": weights.reach,
        "head": head,
        "heads": here.heads,
        "query": query,
        "grid": list(weights.grid),
        "attended": int((within_reach & (weights.cells[window] != NO_CELL)).sum()),  # cells that it may attend to
        "maximum": maximum,
        "peak": list(divmod(int(cells.argmax()), weights.grid[1])),
        "to_class_token": float(row[0, 0]) if weights.has_class_token else None,
        "entropy": float(-(row * row.clamp_min(torch.finfo(row.dtype).tiny).log2()).sum()),  # bits
        "entropy_of_even": math.log2(int(within_reach.sum())),
        "layers": [asdict(one) for one in layers],
    }
    files: dict[str, Picture] = {"heat": pictures.heat(cells, size=size)} if maximum > 0 else {}
    asked = query if isinstance(query, str) else "-".join(str(part) for part in query)
    return Result(f"{NAME}:{layer}:{head}:{asked}", figures, files)


def _asked(weights: Weights, query: Any) -> tuple[int, torch.Tensor, str | list[int]]:
    """The window of the token that is asked about, its rows of weights (heads × tokens), and its name."""
    height, width = weights.grid
    if query == CLASS or (query is None and weights.has_class_token):
        return 0, weights.of_class_token(), CLASS
    row, column = (height // 2, width // 2) if query is None else query
    if not (0 <= row < height and 0 <= column < width):
        raise EngineError(Failure.NOT_THERE, what="query", count=height * width)
    ((window, token),) = (weights.cells == row * width + column).nonzero().tolist()
    return window, weights.weights[window, :, token], [row, column]


def _chosen(wanted: Any, count: int, *, what: str, otherwise: int) -> int:
    if wanted is None:
        return otherwise
    if not 0 <= int(wanted) < count:
        raise EngineError(Failure.NOT_THERE, what=what, count=count)
    return int(wanted)


def rolled_out(layers: Sequence[Weights]) -> Weights:
    """Attention followed through all layers, each head alike and each token also passing itself on: one head.

    S. Abnar, W. Zuidema, "Quantifying Attention Flow in Transformers", https://arxiv.org/abs/2005.00928, equation 1.
    """
    tokens = layers[0].weights.shape[-1]
    itself = torch.eye(tokens)
    flow = itself
    for layer in layers:
        flow = (0.5 * layer.weights[0].mean(0) + 0.5 * itself) @ flow
    return Weights(flow[None, None], layers[0].cells, layers[0].grid)


# --- reading the weights in a pass --------------------------------------------------------------------------------------------


def weights_of(model: nn.Module, batch: torch.Tensor, paths: Sequence[str]) -> list[Weights]:
    """What the tokens of these layers attend to in one pass over a photograph, 1 × 3 × H × W. No hook stays."""
    found: dict[str, Weights] = {}
    with ExitStack() as inside:
        softmax = inside.enter_context(_Softmax())
        for path in paths:
            for handle in _reading(path, model.get_submodule(path), softmax, found):
                inside.callback(handle.remove)
        inside.enter_context(torch.inference_mode())
        model(batch)
    return [found[path] for path in paths]


def _reading(path: str, module: nn.Module, softmax: _Softmax, found: dict[str, Weights]) -> Iterator[RemovableHandle]:
    """The hooks that put a layer's weights where they are looked for."""

    def told(_module: nn.Module, _inputs: Any, output: tuple[torch.Tensor, torch.Tensor]) -> None:
        found[path] = _all(output[1])

    def cut(module: nn.Module, inputs: tuple[torch.Tensor, ...], _output: torch.Tensor) -> None:
        found[path] = _in_windows(module, inputs[0], softmax.last)

    if isinstance(module, nn.MultiheadAttention):
        yield module.register_forward_pre_hook(_ask_for_weights, with_kwargs=True)
        yield module.register_forward_hook(told)
    else:
        yield module.register_forward_hook(cut)


def _ask_for_weights(_module: nn.Module, inputs: Any, named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    return inputs, named | {"need_weights": True, "average_attn_weights": False}


class _Softmax(TorchFunctionMode):
    """Keeps the last softmax: where there are windows, attention is written out in a function that has no place for a hook."""

    def __init__(self) -> None:
        super().__init__()
        self.last = torch.empty(0)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is torch.nn.functional.softmax:
            self.last = result
        return result


def _all(weights: torch.Tensor) -> Weights:
    """Of 1 × heads × tokens × tokens, where the tokens before the patches stand for none."""
    tokens = weights.shape[-1]
    side = math.isqrt(tokens)
    cells = torch.arange(tokens) - (tokens - side * side)
    return Weights(weights.float().cpu(), cells.clamp_min(NO_CELL)[None], (side, side))


def _in_windows(module: nn.Module, taken: torch.Tensor, probabilities: torch.Tensor) -> Weights:
    """Of a layer with windows: its own way of cutting the grid, done to the cells' numbers, says which token is which cell."""
    window: tuple[int, int] | None = None
    if isinstance(module, PartitionAttentionLayer):
        height, width = taken.shape[2:]
        reach = module.partition_type
        numbers = torch.arange(height * width, dtype=torch.float).view(1, 1, height, width)
        cells = module.partition_swap(module.partition_op(numbers, module.p))[0, :, :, 0].long()
    elif isinstance(module, ShiftedWindowAttention):
        height, width = taken.shape[1:3]
        window = (module.window_size[0], module.window_size[1])
        shift = _shift(module, height, width)
        cells = _cut(torch.arange(height * width).view(height, width), window, shift)
        reach = SHIFTED_WINDOW if any(shift) else WINDOW
    else:
        raise TypeError(type(module).__name__)
    heads, tokens = probabilities.shape[-3:-1]
    if len(cells) == 1:  # a window as large as the grid holds nobody back, whatever its layer is called
        reach = ALL
    return Weights(probabilities.float().cpu().reshape(-1, heads, tokens, tokens), cells, (height, width), window, reach)


def _shift(module: ShiftedWindowAttention, *grid: int) -> list[int]:
    """By how many rows and columns the windows are shifted: not at all along a side that one window covers."""
    sides = zip(grid, module.window_size, module.shift_size, strict=True)
    return [0 if side <= length else by for side, length, by in sides]


def _cut(numbers: torch.Tensor, window: Sequence[int], shift: Sequence[int]) -> torch.Tensor:
    """The cells' numbers, H × W, as windows × tokens, cut as torchvision's `shifted_window_attention` cuts the grid."""
    height, width = numbers.shape
    padded = nn.functional.pad(numbers, (0, -width % window[1], 0, -height % window[0]), value=NO_CELL)
    rolled = padded.roll([-by for by in shift], (0, 1))
    rows, columns = (side // length for side, length in zip(padded.shape, window, strict=True))
    cut = rolled.view(rows, window[0], columns, window[1])
    return cut.permute(0, 2, 1, 3).reshape(rows * columns, window[0] * window[1])
