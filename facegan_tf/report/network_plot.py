"""`facegan info --plot`: a picture of both nets, layer by layer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from facegan_tf.common.files import atomic_file

KINDS = {
    "Dense": "dense",
    "Conv2D": "conv",
    "GroupedConv2D": "conv",
    "DepthwiseConv2D": "depthwise",
    "Conv2DTranspose": "deconv",
    "Upsample": "upsample",
    "Downsample": "downsample",
}
"""Layers that are drawn as blocks, and their names in the picture."""

COLOURS = {
    "input": "#b8bcc4",
    "dense": "#59a89c",
    "conv": "#5b84b8",
    "depthwise": "#5b84b8",
    "residual": "#8a72b0",
    "deconv": "#e0944e",
    "upsample": "#e0c04e",
    "downsample": "#e0c04e",
}
INK, FAINT_INK, WHITE = "#2b2f36", "#767c87", "#ffffff"
DPI = 100

# All lengths are in inches, which are also the units of the axes.
WIDTH, PANEL_HEIGHT = 16.0, 5.0
MARGIN, SLOT = 0.25, 1.7
TALLEST, WIDEST, THINNEST = 1.9, 0.8, 0.05
DEPTH = 0.22  # as a share of the height, to the right and upwards


@dataclass(frozen=True)
class Block:
    """One block of the picture: the net's input, or a layer with the small layers that follow it."""

    kind: str
    """`input`, `residual` for a residual block, or one of KINDS."""
    setting: str
    """Kernel and stride, such as `k4 s2`; for several equal residual blocks, their number, such as `x2`."""
    shape: tuple[int, ...]
    """Shape of the output for one image: (height, width, channels), or (values,)."""
    captions: tuple[str, ...] = ()
    """Normalisation, activation and dropout that follow it, in order."""

    @property
    def side(self) -> int:
        """Height of the output in pixels; 1 for a vector."""
        return self.shape[0] if len(self.shape) == 3 else 1


def network_blocks(layers: Sequence[dict[str, Any]]) -> list[Block]:
    """Return a block for the input, then one for each dense or convolution layer.

    layers: those of `describe_network`. A reshaped block has the shape after reshaping. Layers that only
    flatten, or only change the type, are left out. A residual block becomes one block, and so do several
    equal ones in a row.
    """
    blocks = [Block("input", "", tuple(layers[0]["output"]))]
    for layer in layers[1:]:
        if layer["type"] in KINDS:
            blocks.append(Block(KINDS[layer["type"]], layer["detail"], tuple(layer["output"])))
        elif layer["type"] == "Add":
            _fold_residual(blocks, tuple(layer["output"]))
        elif layer["type"] in ("Reshape", "Basis"):
            blocks[-1] = replace(blocks[-1], shape=tuple(layer["output"]))
        elif layer["type"] != "Flatten" and layer["detail"] != "linear":
            blocks[-1] = replace(blocks[-1], captions=(*blocks[-1].captions, _caption(layer)))
    return blocks


def _fold_residual(blocks: list[Block], shape: tuple[int, ...]) -> None:
    """Replace the blocks inside a residual block, whose output has this shape, with a single one.

    Its input is the nearest block before its last one that has this shape; if there is none, nothing changes.
    """
    before = [place for place, block in enumerate(blocks[:-1]) if block.shape == shape]
    if not before:
        return
    inside = blocks[before[-1] + 1 :]
    del blocks[before[-1] + 1 :]
    captions = dict.fromkeys(caption for block in inside for caption in block.captions)
    folded = Block("residual", "", shape, (*(block.setting for block in inside), *captions))
    if replace(blocks[-1], setting="") == folded:
        repeats = int(blocks.pop().setting.removeprefix("x") or 1) + 1
        folded = replace(folded, setting=f"x{repeats}")
    blocks.append(folded)


def _caption(layer: dict[str, Any]) -> str:
    kind, detail = layer["type"], layer["detail"]
    if kind == "Activation":
        return detail
    if kind == "BatchNormalization":
        return "BatchNorm"
    if (kind, detail) == ("LeakyReLU", "slope 0"):
        return "ReLU"
    return f"{kind} {detail.rpartition(' ')[2]}".strip()


def save_network_plot(path: str | Path, facts: dict[str, Any]) -> None:
    """Draw the generator above the discriminator, from input to output, as a PNG file.

    facts: what `facegan_tf.describe` returns. The picture has 1600 x 1000 pixels, and is wider for nets with
    many layers. A block's height shows its resolution, its width the number of channels. A file at `path` is
    replaced; raises OSError if writing fails.
    """
    nets = {key: network_blocks(facts[key]["layers"]) for key in ("generator", "discriminator")}
    width = max(WIDTH, 2 * MARGIN + SLOT * max(map(len, nets.values())))
    figure = Figure(figsize=(width, 2 * PANEL_HEIGHT), facecolor=WHITE)  # without pyplot: needs no display
    all_blocks = [block for blocks in nets.values() for block in blocks]
    scales = (
        TALLEST / math.sqrt(max(block.side for block in all_blocks)),
        WIDEST / math.sqrt(max(block.shape[-1] for block in all_blocks)),
    )
    for row, (name, blocks) in enumerate(nets.items()):
        axes = figure.add_axes((0, (1 - row) / 2, 1, 0.5), xlim=(0, width), ylim=(0, PANEL_HEIGHT))
        axes.set_axis_off()
        _title(axes, f"{name} of {facts['name']}", facts[name])
        _draw_blocks(axes, blocks, scales)
    scale = "height: resolution; width: channels; both on a square-root scale"
    figure.text(1 - MARGIN / width, 0.955, scale, ha="right", size=11, color=FAINT_INK)
    with atomic_file(Path(path)) as partial:
        figure.savefig(partial, format="png", dpi=DPI)


def _title(axes: Axes, title: str, network: dict[str, Any]) -> None:
    top = PANEL_HEIGHT - 0.45
    axes.text(MARGIN, top, title, size=20, weight="bold", color=INK)
    facts = f"{network['trainable_parameters']:,} parameters, {network['flops'] / 1e9:,.2f} GFLOPs an image"
    axes.text(MARGIN, top - 0.32, facts, size=13, color=FAINT_INK)


def _draw_blocks(axes: Axes, blocks: Sequence[Block], scales: tuple[float, float]) -> None:
    """Draw boxes in a row with arrows between them, and their captions below in aligned lines."""
    middle, captions_top = 2.75, 1.45
    slot = (axes.get_xlim()[1] - 2 * MARGIN) / len(blocks)
    end = None
    for place, block in enumerate(blocks):
        centre = MARGIN + slot * (place + 0.5)
        left, right = _draw_box(axes, block, scales, centre, middle)
        if end is not None:
            arrow = {"arrowstyle": "-|>", "color": FAINT_INK, "shrinkA": 3, "shrinkB": 3}
            axes.annotate("", (left, middle), (end, middle), arrowprops=arrow)
        end = right
        name = f"{block.kind} {block.setting}".strip()
        lines = [(name, INK, "bold"), ("x".join(map(str, block.shape)), INK, "normal")]
        lines += [(caption, FAINT_INK, "normal") for caption in block.captions]
        for row, (line, colour, weight) in enumerate(lines):
            axes.text(
                centre,
                captions_top - 0.24 * row,
                line,
                size=12,
                color=colour,
                weight=weight,
                ha="center",
                va="top",
            )


def _draw_box(
    axes: Axes, block: Block, scales: tuple[float, float], centre: float, middle: float
) -> tuple[float, float]:
    """Draw the front, top and right side around (centre, middle); return the left and right end there."""
    height = max(THINNEST, scales[0] * math.sqrt(block.side))
    width = max(THINNEST, scales[1] * math.sqrt(block.shape[-1]))
    depth = DEPTH * height
    left, low = centre - (width + depth) / 2, middle - (height + depth) / 2
    right, high = left + width, low + height
    front = [(left, low), (right, low), (right, high), (left, high)]
    top = [(left, high), (right, high), (right + depth, high + depth), (left + depth, high + depth)]
    side = [(right, low), (right + depth, low + depth), (right + depth, high + depth), (right, high)]
    colour = to_rgb(COLOURS[block.kind])
    for corners, towards, share in ((front, WHITE, 0.0), (top, WHITE, 0.35), (side, INK, 0.3)):
        shade = [(1 - share) * a + share * b for a, b in zip(colour, to_rgb(towards), strict=True)]
        x, y = zip(*corners, strict=True)
        axes.fill(x, y, facecolor=shade, edgecolor=WHITE, linewidth=0.8, joinstyle="round")
    return left, right + depth
