# SPDX-License-Identifier: Apache-2.0
"""Writes the generated pages: `python docs/reference.py`. A test fails when they are stale.

`docs/settings.md` comes from `consumer/settings/`, `docs/metrics.md` from `consumer/observability/metrics.py`.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from consumer.observability.metrics import Metrics
from consumer.settings import FIXED_KAFKA_PROPERTIES, Settings

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

DOCS = Path(__file__).parent


def settings_page() -> str:
    """Every setting as Markdown: variable, default, what it is."""
    lines = [
        "# Settings",
        "",
        'Environment variables, or the same names in `hangtag.toml` (`[kafka]`, `slot = "1"`), or files in',
        "the folder `HANGTAG_SECRETS_DIR` (`triton__read_key`). Unknown names and unsafe values are refused at start,",
        "all at once.",
        "Lists and maps are written as JSON. This page is generated: `make docs`.",
        "",
        "| variable | default | what |",
        "|---|---|---|",
    ]
    for section, slice_field in Settings.model_fields.items():
        for name, field in slice_field.annotation.model_fields.items():  # type: ignore[union-attr]  # sections are models
            variable = f"HANGTAG_{section}__{name}".upper()
            lines.append(f"| `{variable}` | {_default(field)} | {field.description} |")
    lines += ["", "## Kafka properties that cannot be overridden", "", "| property | why |", "|---|---|"]
    lines += [f"| `{name}` | {why} |" for name, why in FIXED_KAFKA_PROPERTIES.items()]
    return "\n".join(lines) + "\n"


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
    return f"`{value}`"


def main() -> None:
    """Write both pages."""
    (DOCS / "settings.md").write_text(settings_page())
    (DOCS / "metrics.md").write_text(metrics_page())


if __name__ == "__main__":
    main()
