# SPDX-License-Identifier: Apache-2.0
"""`docs/examples.md`: golden records and the whole events that come of them.

`eval "$(hangtag local env)" && python -m tests.golden.examples` writes it anew with the server that runs.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consumer.feeds.rows import EventRow, Row, read_events
from consumer.registry.printed import printed_attributes
from consumer.settings import load_settings
from consumer.tagging import Product, tag
from tests.golden.expectations import Golden, read_records
from tests.support.branches import written

if TYPE_CHECKING:
    from consumer.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "examples.md"
TIMEOUT_S = 30

#: From `records/tuning.jsonl`, and what each shows.
SHOWN = {
    "navy-slim-jeans": """## Plain words

The model answers category, colour, gender and age; the words agree, so all are accepted. Fit and the like have no head:
they are suggestions without a confidence.
""",
    "black-title-red-attribute": """## Title against attribute

The vendor's own field says red, the title black. Neither is published: the colour is a conflict with both sides in
`alternatives`, and `review` asks for a person.
""",
    "french-linen-shirt": """## A language that the text tower never learnt

The text is not shown to the model (`language_not_learnt`), and there is no photo: all that is said comes from the
vendor's fields and the lexicon, as suggestions.
""",
}

_HEAD = """# Three events, whole

What `hangtag run` publishes for three made-up products without photos (`hangtag tag --record FILE` prints the same).
Every attribute of the ontology has its line in every event. Numbers may differ a little on another processor.
"""


def answer(settings: Settings, golden: Golden) -> dict[str, Any]:
    """The golden product's ProductAttributes, as it is printed."""
    fields = {"sku": golden.name} | golden.product
    (row,) = read_events([Row(1, fields)], datetime(2026, 1, 1, tzinfo=UTC), "golden")
    assert isinstance(row, EventRow), row
    return dict(printed_attributes(tag(settings, Product(row.event), TIMEOUT_S)))


def page(settings: Settings) -> str:
    """The text of the page."""
    records = {golden.name: golden for golden in read_records("tuning")}
    parts = [_HEAD]
    for name, words in SHOWN.items():
        product = json.dumps(records[name].product, ensure_ascii=False, indent=2)
        event = written(answer(settings, records[name]))
        parts.append(f"{words}\n```json\n{product}\n```\n\n```json\n{event}```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(load_settings()), encoding="utf-8")
