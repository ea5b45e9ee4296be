# SPDX-License-Identifier: Apache-2.0
"""Writes the generated pages: `python docs/reference.py`. A test fails when they are stale.

`docs/settings.md` comes from `consumer/settings/` and `consumer/kafka/properties.py`, `docs/metrics.md` from
`consumer/observability/metrics.py`, `docs/ontology.md` from `triton_models/ontology/v1.json`.
"""

from __future__ import annotations

import json
from enum import Enum
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from consumer.enrichment.ontology import Ontology
from consumer.kafka.broker import Limits
from consumer.kafka.properties import consumer_rows, producer_rows
from consumer.kafka.topics import DEAD_LETTER_BYTES, OUTPUT_BYTES
from consumer.observability.metrics import Metrics
from consumer.settings import CLASSIC_KAFKA_PROPERTIES, FIXED_KAFKA_PROPERTIES, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

DOCS = Path(__file__).parent
#: Branches of the category tree that a line of the ontology's table names; the rest is counted.
MAX_BRANCHES = 4

SETTINGS_INTRO = """\
A setting is looked for in three places, and the first that has it decides:

1. **Environment variables**, named as below. An empty one counts as unset. Lists and maps are written as JSON:
   `HANGTAG_IMAGES__PORTS='[80, 443]'`.
2. **`hangtag.toml` in the folder that the command is started in**, with the same names (`[kafka]`, `slot = "1"`). It is
   looked for nowhere else, and need not be there: a worker that is started elsewhere runs without what stands in it,
   lists of hosts included. `hangtag run` logs which file it read (`settings_read`), and the first line of
   `hangtag doctor` names it. What stands in its place and cannot be read is refused.
3. **Files in the folder `HANGTAG_SECRETS_DIR`**, one a setting (`triton__read_key`), lists and maps as JSON.

A list is taken whole from one place. Maps are merged key by key: with `HANGTAG_IMAGES__ALLOWED_HOSTS='{}'` the vendors
in the file keep their hosts.

Unknown names and unsafe values are refused at start, all at once. This page is generated: `make docs`."""

KAFKA_INTRO = """\
## Kafka properties

What the clients of `hangtag run` are given, here with the default settings. `kafka.properties` sets any librdkafka
property for all clients, for example `HANGTAG_KAFKA__PROPERTIES='{"security.protocol": "SASL_SSL"}'`; the ones that
may not be set are refused at start. `client.id` is `<group>-<slot>`.

- Where each slot has a process of its own that comes back under its name (a StatefulSet), set `group.instance.id` to
  the slot: a restart within the session then moves no partitions.
- `group.protocol=consumer` (KIP-848, brokers from 4.0 on) and `partition.assignment.strategy=cooperative-sticky` work.
  With the first, session and heartbeats are the broker's settings, and static members are refused.
- `hangtag doctor` tries these properties on the real broker, with a group and a transactional id of its own."""

ONTOLOGY_INTRO = """\
# Ontology v1

The words that Hangtag may say: `triton_models/ontology/v1.json`. Categories and attributes are those of Shopify's
Standard Product Taxonomy, release 2025-01, under its ids; what it lacks has ids that begin with `x-`. Every category
has the id of Google's product taxonomy (2021-09-21), its own or that of its nearest ancestor. This page is generated:
`make docs`.

| policy | a value that clears its threshold is |
|---|---|
| `auto` | accepted |
| `agree` | accepted when title or vendor says the same, else suggested |
| `text` | accepted on the evidence of text or vendor; from a photo alone suggested |
| `suggest` | suggested |

An attribute applies to the branches that `applies_to` names and not to those of `not_below`; of several on the way to
the root the nearest decides. A category that an attribute does not apply to has no value of it, whatever a model says.

## To add a word

1. Write it into `triton_models/ontology/decisions.toml`: a category of ours, a shade, a value of an `x-` attribute, an
   attribute of the taxonomy by its handle, an override with its reason.
2. `python -m triton_models.ontology.build FOLDER`, where FOLDER holds the taxonomy's `aa_apparel_accessories.yml`,
   `attributes.yml` and `values.yml`; then `make docs`. Ids of the taxonomy are never typed.
3. Name it in the crosswalks beside it (`fpi`, `clothing`) where a data set has it. What no data set has a label for
   comes from text and vendor only.
4. A word that goes, or changes its meaning, needs a new version of the ontology and bundles that were made for it. One
   that comes does not: older bundles never answer it.
"""


def settings_page() -> str:
    """Every setting as Markdown: variable, default, what it is."""
    lines = [
        "# Settings",
        "",
        SETTINGS_INTRO,
        "",
        "| variable | default | what |",
        "|---|---|---|",
    ]
    for section, slice_field in Settings.model_fields.items():
        for name, field in slice_field.annotation.model_fields.items():  # type: ignore[union-attr]  # sections are models
            variable = f"HANGTAG_{section}__{name}".upper()
            lines.append(f"| `{variable}` | {_default(field)} | {field.description} |")
    return "\n".join([*lines, "", KAFKA_INTRO, *_kafka_tables()]) + "\n"


def _kafka_tables() -> Iterator[str]:
    """What each client is given with the defaults, then the rules of `kafka.properties`."""
    defaults = Settings.model_construct()  # not those of this process's environment
    limits = Limits(message_bytes={"outputs": OUTPUT_BYTES, "dead letters": DEAD_LETTER_BYTES})
    tables = {"Consumer": consumer_rows(defaults), "Producer": producer_rows(defaults, limits)}
    for title, rows in tables.items():
        yield from ("", f"### {title}", "", "| property | value | may be set | why |", "|---|---|---|---|")
        for row in rows:
            value = str(row.value).lower() if isinstance(row.value, bool) else row.value
            may_be_set = "no" if row.name in FIXED_KAFKA_PROPERTIES else "yes"
            yield f"| `{row.name}` | `{value}` | {may_be_set} | {row.why} |"
    yield from ("", "### Refused beside `group.protocol=consumer`", "", "| property | why |", "|---|---|")
    for name, why in CLASSIC_KAFKA_PROPERTIES.items():
        yield f"| `{name}` | {why} |"


def metrics_page() -> str:
    """Every metric as Markdown: name, type, labels, what it counts."""
    lines = [
        "# Metrics",
        "",
        "Served at `/metrics`. No label carries a URL, host, vendor or id. This page is generated: `make docs`.",
        "",
        "| metric | type | labels | what |",
        "|---|---|---|---|",
    ]
    for collector in Metrics().registry._collector_to_names:  # noqa: SLF001  # the library lists them nowhere else
        for family in collector.describe():
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = ", ".join(f"`{label}`" for label in getattr(collector, "_labelnames", ()))
            lines.append(f"| `{name}` | {family.type} | {labels} | {family.documentation} |")
    return "\n".join(lines) + "\n"


def ontology_page() -> str:
    """The words of ontology v1 as Markdown: attributes, where each applies, overrides, our own categories."""
    tree = json.loads((resources.files("triton_models") / "ontology" / "v1.json").read_text(encoding="utf-8"))
    ontology = Ontology.load(tree["version"])
    ours = [node for node in ontology.categories.values() if node.id.startswith("x-")]
    lines = [
        ONTOLOGY_INTRO,
        "## Attributes",
        "",
        "| attribute | id | values | at most | policy | applies to |",
        "|---|---|---|---|---|---|",
    ]
    for entry in tree["attributes"]:
        kind = ontology.attribute(entry["handle"])
        shades = f" and {len(kind.shades)} shades" if kind.shades else ""
        lines.append(
            f"| `{kind.handle}` | `{kind.id}` | {len(kind.labels)}{shades} | {kind.max_values} | `{kind.policy}` "
            f"| {_branches(ontology, entry)} |"
        )
    lines += ["", "## Overrides", "", "Where the taxonomy is silent and the products are not.", ""]
    lines += [f"- `{override['handle']}`: {override['reason']}" for override in tree["overrides"]]
    lines += ["", "## Categories of ours", "", "| id | breadcrumb | Google id |", "|---|---|---|"]
    lines += [f"| `{node.id}` | {node.breadcrumb} | {node.google_id} |" for node in ours]
    return "\n".join(lines) + "\n"


def _branches(ontology: Ontology, entry: dict[str, Any]) -> str:
    """How many categories an attribute applies to, and the largest branches where it begins to."""
    if entry["applies_to"] == "all":
        return "all"
    branches = sorted(entry["applies_to"], key=lambda node: -len(ontology.leaves_below(node)))
    labels = [ontology.categories[node].label for node in branches]
    if len(labels) > MAX_BRANCHES:
        labels[MAX_BRANCHES:] = [f"{len(labels) - MAX_BRANCHES} more"]
    return f"{len(ontology.attribute(entry['handle']).applies_to)} categories: {'; '.join(labels)}"


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is PydanticUndefined:
        return "empty" if field.default_factory is dict else "computed"
    if value is None or SecretStr in get_args(field.annotation):
        return ""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, tuple | dict) and not value:
        return "empty"
    return f"`{json.dumps(value) if isinstance(value, tuple | bool) else value}`"


def main() -> None:
    """Write all pages."""
    (DOCS / "settings.md").write_text(settings_page())
    (DOCS / "metrics.md").write_text(metrics_page())
    (DOCS / "ontology.md").write_text(ontology_page())


if __name__ == "__main__":
    main()
