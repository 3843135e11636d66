"""Draws docs/assets/dashboard.svg from the JSON of a synthesised ApplicationDashboard: where what is, without data.

python scripts/draw_dashboard.py
"""

import json
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from aws_cdk import App, Stack
from aws_cdk.assertions import Template

from constructs_emrs import Application, ApplicationDashboard, JobMode, ReleaseLabel, SparkJob

PICTURE = Path(__file__).parent.parent / "docs" / "assets" / "dashboard.svg"
_ENTRY_POINT = str(Path(__file__).parent.parent / "jobs" / "flight_delays.py")
_COLUMN, _ROW, _GAP = 40, 26, 3
_COLUMNS = 24
_FONTS = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
# What CloudWatch takes for metrics without a colour of their own.
_COLORS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f")

Json = dict[str, Any]


def picture() -> str:
    """The dashboard as SVG."""
    widgets = _widgets()
    height = max(widget["y"] + widget["height"] for widget in widgets) * _ROW
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_COLUMNS * _COLUMN} {height}" role="img" '
            f'aria-labelledby="title" font-family="{_FONTS}">',
            '  <title id="title">The widgets of a dashboard of an application with two jobs</title>',
            f'  <rect width="{_COLUMNS * _COLUMN}" height="{height}" fill="#fff"/>',
            *(f"  {line}" for widget in widgets for line in _drawn(widget)),
            "</svg>",
            "",
        ]
    )


def _widgets() -> list[Json]:
    stack = Stack(App(), "Lake")
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0, application_name="lake")
    etl = SparkJob(stack, "Etl", application=application, entry_point=_ENTRY_POINT)
    clicks = SparkJob(stack, "Clicks", application=application, entry_point=_ENTRY_POINT, mode=JobMode.STREAMING)
    ApplicationDashboard(stack, "Dashboard", application=application, jobs=[etl, clicks])
    (resource,) = Template.from_stack(stack).find_resources("AWS::CloudWatch::Dashboard").values()
    body = resource["Properties"]["DashboardBody"]
    text = "".join(part if isinstance(part, str) else "…" for part in body["Fn::Join"][1])
    return list(json.loads(text)["widgets"])


def _drawn(widget: Json) -> Iterator[str]:
    left, top = widget["x"] * _COLUMN + _GAP, widget["y"] * _ROW + _GAP
    width, height = widget["width"] * _COLUMN - 2 * _GAP, widget["height"] * _ROW - 2 * _GAP
    properties = widget["properties"]
    if widget["type"] == "text":
        for number, line in enumerate(properties["markdown"].splitlines()):
            is_heading = line.startswith("#")
            style = 'font-size="16" font-weight="600"' if is_heading else 'font-size="12"'
            yield _text(left + 4, top + 16 + 18 * number, line.lstrip("# "), style)
        return
    yield f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="4" fill="none" stroke="#bdbdbd"/>'
    yield _text(left + 8, top + 18, properties["title"], 'font-size="13" font-weight="600"')
    labels = list(_labels(properties["metrics"]))
    if properties["view"] == "singleValue":
        share = width // len(labels)
        for number, (label, color) in enumerate(labels):
            yield _text(left + 8 + number * share, top + 58, "0", f'font-size="22" fill="{color}"')
            yield _text(left + 8 + number * share, top + 80, label, 'font-size="11"')
        return
    each = max(len(label) for label, _ in labels) * 6 + 30
    side_by_side = max(1, (width - 16) // each)
    bottom = top + height - 16 * -(-len(labels) // side_by_side) - 6
    for y in range(bottom, top + 26, -16):
        yield f'<path d="M{left + 8} {y} H{left + width - 8}" stroke="#eeeeee"/>'
    for number, (label, color) in enumerate(labels):
        x, y = left + 8 + each * (number % side_by_side), bottom + 16 * (number // side_by_side + 1)
        yield f'<rect x="{x}" y="{y - 9}" width="9" height="9" fill="{color}"/>'
        yield _text(x + 14, y, label, 'font-size="11"')


def _labels(metrics: list[list[Any]]) -> Iterator[tuple[str, str]]:
    for number, row in enumerate(metrics):
        options = row[-1] if isinstance(row[-1], dict) else {}
        label = re.sub(r"\$\{PROP\('Dim\.(\w+)'\)\}", r"\1", options.get("label", ""))
        yield label, options.get("color", _COLORS[number % len(_COLORS)])


def _text(x: int, y: int, text: str, style: str) -> str:
    return f'<text x="{x}" y="{y}" {style}>{escape(text)}</text>'


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
