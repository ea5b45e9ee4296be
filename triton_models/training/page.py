# SPDX-License-Identifier: Apache-2.0
"""A page of words, tables and charts, as Markdown and as HTML that needs nothing else."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Pixels of a chart's side, and of the margin in it.
_CHART, _MARGIN = 220, 30

_STYLE = """\
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { border-bottom: 1px solid #ccc; padding: .2rem .7rem; text-align: left; font-variant-numeric: tabular-nums; }
figure { display: inline-block; margin: .5rem; text-align: center; vertical-align: top; max-width: 15rem; }"""


@dataclass(frozen=True, slots=True)
class Table:
    """Cells are plain text."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """How often answers were right against how sure they were; both from 0 to 1. On the diagonal they agree."""

    title: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo with a line below it."""

    jpeg: bytes
    caption: str


Block = str | Table | Chart | Picture


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands below it: paragraphs, tables, charts, pictures."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """The whole."""

    title: str
    lead: str
    sections: tuple[Section, ...]


def as_markdown(page: Page) -> str:
    """Charts are lists of their points there, and pictures the lines below them."""
    sections = ("\n".join((f"## {part.title}", *_markdown_blocks(part.blocks), "")) for part in page.sections)
    return "\n".join((f"# {page.title}\n{page.lead}\n", *sections))


def table_lines(table: Table) -> list[str]:
    """The lines of a Markdown table."""
    return [
        f"| {' | '.join(table.header)} |",
        "|---" * len(table.header) + "|",
        *(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in table.rows),
    ]


def _markdown_blocks(blocks: Sequence[Block]) -> Iterator[str]:
    for number, block in enumerate(blocks):
        if number:
            yield ""
        match block:
            case Table():
                yield from table_lines(block)
            case Chart():
                yield f"{block.title}: " + ", ".join(f"{sure:.2f} -> {right:.2f}" for sure, right in block.points)
            case Picture():
                yield block.caption
            case _:
                yield block


def as_html(page: Page) -> str:
    """One file without scripts, fonts or pictures from elsewhere. All text is escaped: labels may be a stranger's."""
    body = [f"<h1>{escape(page.title)}</h1>", f"<p>{escape(page.lead)}</p>"]
    for section in page.sections:
        body.append(f"<h2>{escape(section.title)}</h2>")
        body += map(_html_block, section.blocks)
    head = f'<meta charset="utf-8"><title>{escape(page.title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(body) + "\n</body></html>\n"


def _html_block(block: Block) -> str:
    match block:
        case Table():
            rows = [_html_row("th", block.header), *(_html_row("td", row) for row in block.rows)]
            return "<table>\n" + "\n".join(rows) + "\n</table>"
        case Chart():
            return f"<figure>{_svg(block)}<figcaption>{escape(block.title)}</figcaption></figure>"
        case Picture():
            source = f"data:image/jpeg;base64,{b64encode(block.jpeg).decode()}"
            return f'<figure><img src="{source}" alt=""><figcaption>{escape(block.caption)}</figcaption></figure>'
        case _:
            return f"<p>{escape(block)}</p>"


def _html_row(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def _svg(chart: Chart) -> str:
    inner = _CHART - 2 * _MARGIN

    def at(sure: float, right: float) -> tuple[float, float]:
        return _MARGIN + sure * inner, _CHART - _MARGIN - right * inner

    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in chart.points))
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in (at(*point) for point in chart.points))
    low, high = _MARGIN, _CHART - _MARGIN
    return (
        f'<svg width="{_CHART}" height="{_CHART}" role="img" font-size="11">'
        f'<rect x="{low}" y="{low}" width="{inner}" height="{inner}" fill="none" stroke="#999"/>'
        f'<line x1="{low}" y1="{high}" x2="{high}" y2="{low}" stroke="#999" stroke-dasharray="4"/>'
        f'<polyline points="{line}" fill="none" stroke="#06c"/><g fill="#06c">{dots}</g>'
        f'<text x="{_CHART / 2:.0f}" y="{_CHART - 8}" text-anchor="middle">how sure</text>'
        f'<text x="12" y="{_CHART / 2:.0f}" text-anchor="middle" transform="rotate(-90 12 {_CHART / 2:.0f})">'
        "how often right</text></svg>"
    )
