# SPDX-License-Identifier: Apache-2.0
"""What `hangtag tag` shows: the category, a table of attributes with what speaks for them, and what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from consumer.cli.output import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Fields = Mapping[str, Any]

#: Width of the table where there is no terminal to ask.
PIPE_COLUMNS = 120

_SOURCES = ("image", "text", "vendor")


def print_tags(fields: Fields) -> None:
    """A product's attributes, as `events tail` prints them in JSON, for people; on standard output."""
    console = Console()
    if not console.is_terminal:
        console.width = PIPE_COLUMNS
    category = fields["category"]
    console.print(visible(f"{category['breadcrumb'] or '-'} ({category['status']})"), markup=False, highlight=False)
    console.print(_table(fields))
    for line in _notes(fields):
        console.print(visible(line), highlight=False, soft_wrap=True, markup=False)


def _table(fields: Fields) -> Table:
    table = Table()
    for column in ("attribute", "value", "status", "confidence", *_SOURCES):
        table.add_column(column, no_wrap=True, overflow="ellipsis", max_width=48)
    for name, entry in (("category", _as_attribute(fields["category"])), *_spoken(fields)):
        likely = (entry["values"] or entry["alternatives"])[:1]
        # Nobody measured what vendors and lexicons are worth: their suggestions have no confidence.
        confidence = f"{likely[0]['confidence']:.2f}" if likely and likely[0]["confidence"] else ""
        evidence = ("" if (share := entry["evidence"][source]) is None else f"{share:.2f}" for source in _SOURCES)
        table.add_row(name, escape(visible(_words(entry))), entry["status"], confidence, *evidence)
    return table


def _as_attribute(category: Fields) -> Fields:
    """The category with its deepest safe level as its value."""
    label = (category["breadcrumb"] or "").rpartition(" > ")[2]
    depth = (category["breadcrumb"] or "").count(" > ")
    values = [{"label": label, "confidence": category["confidences"][depth]}] if label else []
    return {**category, "values": values}


def _spoken(fields: Fields) -> Iterator[tuple[str, Fields]]:
    """The attributes of which there is something to say."""
    for attribute in fields["attributes"]:
        if attribute["status"] != "not_applicable" and (attribute["values"] or attribute["alternatives"]):
            yield attribute["handle"], attribute


def _words(entry: Fields) -> str:
    """The values; in brackets, with a question mark, what is likeliest where none is named."""
    if entry["values"]:
        return ", ".join(map(_word, entry["values"]))
    return f"({_word(entry['alternatives'][0])}?)" if entry["alternatives"] else "-"


def _word(value: Fields) -> str:
    shade = f" ({value['shade_label']})" if value.get("shade_label") else ""
    role = " secondary" if value.get("role") == "secondary" else ""
    return f"{value['label']}{shade}{role}"


def _notes(fields: Fields) -> Iterator[str]:
    spoken = {handle for handle, _ in _spoken(fields)}
    silent = [
        attribute["handle"]
        for attribute in fields["attributes"]
        if attribute["status"] != "not_applicable" and attribute["handle"] not in spoken
    ]
    if silent:
        yield f"nothing said of: {', '.join(silent)}"
    for image in fields["images"]:
        yield f"image {image['url']}: {image['reason'] or image['status']}"
    if fields["review"]["needed"]:
        yield f"review: {', '.join(fields['review']['reasons'])}"
    provenance = fields["provenance"]
    yield f"{fields['status']}; bundle {provenance['bundle']}, ontology {provenance['ontology']}"
