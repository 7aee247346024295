"""Plots of systems' results, as self-contained SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from semsig.errors import OptionError
from semsig.evaluate.measures import RECALL
from semsig.evaluate.results import Evaluation

_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#332288", "#666666")
"""Okabe and Ito's colours, which colour-blind people can tell apart; reused after the eighth."""

_DASHES = ("", "7 4", "2 3", "9 3 2 3")
_SIDE, _LEFT, _TOP, _BELOW = 360, 52, 16, 48
_KEY = 18
_TEXT = 'font-family="sans-serif" font-size="12" fill="#222"'


def precision_recall_plot(results: Mapping[str, Evaluation]) -> str:
    """Return a plot of interpolated precision against recall, one line per system.

    Parameters
    ----------
    results : mapping of str to Evaluation
        By the systems' names.
    """
    height = _TOP + _SIDE + _BELOW + _KEY * len(results)
    parts = [_axes()]
    for number, (name, result) in enumerate(results.items()):
        points = " ".join(
            f"{_LEFT + _SIDE * x:.2f},{_TOP + _SIDE * (1 - y):.2f}"
            for x, y in zip(RECALL, result.curve, strict=True)
        )
        dash = _DASHES[number // len(_COLORS) % len(_DASHES)]
        parts.append(
            f'<polyline fill="none" stroke="{_color(number)}" stroke-width="2" '
            f'stroke-dasharray="{dash}" points="{points}"/>'
        )
        parts.append(_key(number, name, _TOP + _SIDE + _BELOW + _KEY * number))
    return _svg(_LEFT + _SIDE + 24, height, parts)


def class_plot(results: Mapping[str, Evaluation], measure: str = "map") -> str:
    """Return bars of one measure, one group per class and one bar per system.

    Parameters
    ----------
    results : mapping of str to Evaluation
        By the systems' names; classes are those of the first.
    measure : str
        One that all were measured by.

    Raises
    ------
    OptionError
        If the first system has no classes, or one lacks the measure.
    """
    classes = list(next(iter(results.values())).per_class)
    if not classes or any(measure not in result.measures for result in results.values()):
        raise OptionError(f"Expected classes measured by {measure!r}; there are none.")
    bar, gap, names = 12, 10, 150
    group = bar * len(results) + gap
    parts = []
    for row, class_ in enumerate(classes):
        top = _TOP + row * group
        middle = top + (group - gap) / 2 + 4
        parts.append(f'<text x="{names - 6}" y="{middle}" text-anchor="end" {_TEXT}>')
        parts.append(f"{escape(_short(class_))}</text>")
        parts += _bars(results, class_, measure, (names, top), bar)
    below = _TOP + group * len(classes)
    parts += [_key(number, name, below + _KEY * number) for number, name in enumerate(results)]
    return _svg(names + _SIDE + 60, below + _KEY * len(results) + 8, parts)


def _bars(
    results: Mapping[str, Evaluation],
    class_: str,
    measure: str,
    corner: tuple[float, float],
    height: int,
) -> list[str]:
    left, top = corner
    parts = []
    for number, result in enumerate(results.values()):
        value = result.per_class.get(class_, {}).get(measure, 0.0)
        y = top + number * height
        parts.append(
            f'<rect x="{left}" y="{y}" width="{_SIDE * value:.2f}" height="{height - 1}" '
            f'fill="{_color(number)}"/><text x="{left + _SIDE * value + 4:.2f}" y="{y + 10}" '
            f'font-size="10" font-family="sans-serif" fill="#222">{value:.3f}</text>'
        )
    return parts


def _axes() -> str:
    lines = []
    for tenth in np.arange(0, 11, 2) / 10:
        x, y = _LEFT + _SIDE * tenth, _TOP + _SIDE * (1 - tenth)
        lines.append(
            f'<path d="M{_LEFT} {y:.1f}h{_SIDE}M{x:.1f} {_TOP}v{_SIDE}" stroke="#ddd"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" {_TEXT}>{tenth:.1f}</text>'
            f'<text x="{x:.1f}" y="{_TOP + _SIDE + 18}" text-anchor="middle" {_TEXT}>{tenth:.1f}'
            "</text>"
        )
    middle = _TOP + _SIDE / 2
    lines.append(
        f'<text x="{_LEFT + _SIDE / 2}" y="{_TOP + _SIDE + 36}" text-anchor="middle" {_TEXT}>recall'
        f'</text><text x="14" y="{middle}" text-anchor="middle" '
        f'transform="rotate(-90 14 {middle})" {_TEXT}>precision</text>'
    )
    return "".join(lines)


def _key(number: int, name: str, y: float) -> str:
    return (
        f'<rect x="{_LEFT}" y="{y + 3}" width="14" height="8" fill="{_color(number)}"/>'
        f'<text x="{_LEFT + 20}" y="{y + 12}" {_TEXT}>{escape(name)}</text>'
    )


def _color(number: int) -> str:
    return _COLORS[number % len(_COLORS)]


def _short(name: str) -> str:
    return name if len(name) <= 22 else name[:21] + "…"


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}"><rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'
    )
