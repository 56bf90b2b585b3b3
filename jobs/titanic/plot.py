"""The chart as a PNG. A node of the cluster has no screen: `plt.show()` would find none."""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Mapping

# The container's home cannot be written to; matplotlib keeps its list of fonts here instead.
os.environ.setdefault("MPLCONFIGDIR", tempfile.gettempdir())

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLORS = ("#1b4965", "#5fa8d3", "#c9dfec")
DPI = 120


def draw(bands: Mapping[str, Mapping[str, int]]) -> bytes:
    """Bars by age band, the classes stacked in each, the numbers on them.

    The numbers go into the file as text too, as PNG allows, so that a check can compare them.
    """
    figure = Figure(figsize=(8, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    names = list(bands)
    totals = [sum(bands[name].values()) for name in names]
    bottom = [0] * len(names)
    for color, class_name in zip(COLORS, next(iter(bands.values())), strict=True):
        heights = [bands[name][class_name] for name in names]
        bars = axes.bar(names, heights, bottom=bottom, color=color, width=0.6, label=f"{class_name} class")
        labels = [str(height) if height > 0.03 * max(totals) else "" for height in heights]
        axes.bar_label(
            bars, labels, label_type="center", color="white" if color != COLORS[-1] else "#333333", fontsize=9
        )
        bottom = [low + height for low, height in zip(bottom, heights, strict=True)]
    for place, total in enumerate(totals):
        axes.text(place, total + 0.015 * max(totals), str(total), ha="center", fontweight="bold")
    axes.set_title(f"{sum(totals)} passengers by age", loc="left", fontweight="bold")
    axes.set_ylabel("passengers")
    axes.set_ylim(0, 1.12 * max(totals))
    axes.spines[["top", "right"]].set_visible(False)
    axes.yaxis.grid(visible=True, color="#e5e5e5")
    axes.set_axisbelow(True)
    axes.legend(frameon=False, loc="upper right", reverse=True)  # in the order of the stack, from the top
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=DPI, metadata={"Description": json.dumps(bands)})
    return picture.getvalue()
