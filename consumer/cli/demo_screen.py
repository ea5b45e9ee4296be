# SPDX-License-Identifier: Apache-2.0
"""What the demo shows at its end: a table of products with their tags, then where to look next."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from consumer.cli.local import state_option
from consumer.enrichment.text import clean
from consumer.local import parts
from consumer.local.demo_answers import likeliest
from consumer.settings import Delivery

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.catalogue.products import Product
    from consumer.local.demo import Report

#: Products in trouble, and others, that the table shows.
SHOWN_TROUBLED, SHOWN_OTHERS = 8, 10

#: Width of the table where there is no terminal to ask.
PIPE_COLUMNS = 120

#: Columns of the table with their widest content. Those that are short anyway never give way to the others, whose
#: content goes on in the next line: a breadcrumb ends in what matters most, and so does a conflict.
_COLUMNS = {"sku": 8, "title": 26, "category": 30, "gender": 8, "colour": 22, "photos": 6, "trouble": 16}
_SHORT = 8

_MARKS = {"ACCEPTED": "", "SUGGESTED": " ?", "ABSTAINED": " ??", "CONFLICT": " !", "NOT_APPLICABLE": ""}


def print_report(report: Report, state: Path) -> None:
    """Table, figures, and the commands that show more; on standard output."""
    console = Console()
    if not console.is_terminal:
        console.width = PIPE_COLUMNS
    console.print(_table(report))
    console.print(
        "? suggested, ?? left open (the likeliest is shown), ! the vendor says otherwise; the rest was accepted. "
        "Further colours follow +, shades stand in brackets\n",
        style="dim",
    )
    for line in (*_figures(report), "", *_next(report, state)):
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def _table(report: Report) -> Table:
    table = Table(title="What the vendor sent, and the tags", title_justify="left")
    for column, width in _COLUMNS.items():
        is_short = width <= _SHORT
        least = width if is_short else None
        table.add_column(column, no_wrap=is_short, overflow="fold", min_width=least, max_width=width)
    answers = report.answers.by_key()
    for key in _chosen(report):
        product = report.sent[key]
        fields = answers.get(key)
        tags = _tags(fields) if fields else ("", "", "", "")
        title = Text(clean(product.title).text or "-", no_wrap=True, overflow="ellipsis")
        table.add_row(product.sku, title, *tags, _trouble(report, key, product))
    return table


def _chosen(report: Report) -> list[str]:
    """Of everything a little, a product of several colours too; in the order of the feed."""
    answers = report.answers.by_key()
    troubled = [key for key, product in report.sent.items() if product.trouble][:SHOWN_TROUBLED]
    others = [key for key, product in report.sent.items() if not product.trouble][:SHOWN_OTHERS]
    tagged = [(key, fields) for key in report.sent if (fields := answers.get(key))]
    colourful = [key for key, fields in tagged if len(_attribute(fields, "color")["values"]) > 1][:1]
    return sorted({*troubled, *others, *colourful}, key=list(report.sent).index)


def _attribute(fields: dict[str, Any], handle: str) -> dict[str, Any]:
    (attribute,) = (entry for entry in fields["attributes"] if entry["handle"] == handle)
    return dict(attribute)


def _tags(fields: dict[str, Any]) -> tuple[str, str, str, str]:
    category = fields["category"]
    # Nearly all products have the root in common.
    place = (category["breadcrumb"] or "-").removeprefix("Apparel & Accessories > ") + _MARKS[category["status"]]
    used = sum(image["status"] == "OK" for image in fields["images"])
    return place, _word(fields, "target-gender"), _word(fields, "color"), f"{used} of {len(fields['images'])}"


def _word(fields: dict[str, Any], handle: str) -> str:
    attribute, value = _attribute(fields, handle), likeliest(fields, handle)
    if value is None:
        return "-"
    mark = _MARKS[attribute["status"]]
    if attribute["status"] == "CONFLICT":
        return f"{_shaded(value)} or {_shaded(attribute['alternatives'][-1])}{mark}"
    return " + ".join(map(_shaded, attribute["values"] or [value])) + mark


def _shaded(value: dict[str, Any]) -> str:
    return f"{value['label']} ({value['shade_label']})" if value["shade_label"] else str(value["label"])


def _trouble(report: Report, key: str, product: Product) -> str:
    if key in report.answers.dead_letters:
        return "dead-lettered"
    if key not in (answers := report.answers.by_key()):
        return ""
    if (fields := answers[key]) is None:
        return "deleted"
    words = [product.trouble.replace("_", " ")] if product.trouble else []
    return ", ".join([*words, "degraded"] if fields["status"] == "DEGRADED" else words)


def _figures(report: Report) -> list[str]:
    figures = report.summary
    right, silent = figures["accuracy"], figures["accuracy"]["untitled"]
    flow = (
        f"{figures['events_in']} events in, {figures['events_out']} out ({figures['degraded']} degraded), "
        f"{figures['dead_lettered']} dead-lettered, in {figures['seconds']} s ({figures['products_per_s']} a second)"
    )
    parts_used = (
        f"Kafka {figures['kafka_version']} ({figures['delivery']}), Triton {figures['triton_version']}, "
        f"bundle {figures['bundle']}"
    )
    quality = (
        f"right of {right['n']}: category {_percent(right['category'])}, gender {_percent(right['gender'])}, "
        f"colour {_percent(right['color'])}; of {right['n_untitled']} with a silent title: "
        f"{_percent(silent['category'])}, {_percent(silent['gender'])}, {_percent(silent['color'])}"
    )
    worth = (
        "The model learnt from photographs, and these are drawings: it says that the flow works, not how well it tags."
    )
    lines = [flow, parts_used, quality, worth]
    if figures["delivery"] != Delivery.EXACTLY_ONCE:
        lines.append("There is no Java here: librdkafka's mock cluster took Kafka's place, which has no transactions.")
    return lines


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _next(report: Report, state: Path) -> list[str]:
    option = state_option(state)
    if parts.status(state).kafka is None:
        command = "hangtag" if shutil.which("hangtag") else sys.argv[0]  # `make demo` has not put it on the path
        return [
            f"Next: {command} demo --keep lets the parts run on, to look into the topics.",
            "      docs/ and README.md",
        ]
    topics = report.topics
    tagged = next((f" --key {key}" for key in _chosen(report) if report.answers.by_key().get(key)), "")
    return [
        "Next:",
        f'  eval "$(hangtag local env{option})"',
        f"  hangtag events tail --topic {topics.attributes}{tagged} --output json",
        f"  hangtag events tail --topic {topics.dead_letters}",
        f"  hangtag local down{option}",
    ]
