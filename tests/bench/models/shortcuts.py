# SPDX-License-Identifier: Apache-2.0
"""The shipped bundle, asked about photos of which a part is hidden."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from consumer.enrichment.ontology import Ontology
from tests.bench.models import tables
from triton_models.training.datasets import read_folder
from triton_models.training.examine import select
from triton_models.training.page import table_lines
from triton_models.training.shortcuts import Hidden, against_whole, among, ask
from triton_models.training.spaces import load_space
from triton_models.training.split import Split

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.bundle import Bundle
    from triton_models.training.progress import Progress

SPACE = "A"


def report(bundle: Bundle, catalogue: Path, count: int, progress: Progress) -> list[str]:
    """Of all products, and of clothes, which most photos show on somebody."""
    folder = read_folder(catalogue)
    validation, _ = select(folder.products, Split.VALIDATION)
    with_photo = [product for product in validation if product.photo]
    products = sorted(with_photo, key=lambda product: hashlib.sha256(product.key.encode()).digest())[:count]
    said = {hidden: ask(bundle, products, hidden, progress.of(f"hidden: {hidden}")) for hidden in Hidden}
    space = load_space(SPACE, folder.dataset, Ontology.load(bundle.manifest.ontology))
    clothes = {row for row, product in enumerate(products) if product.labels.get("masterCategory") == "Apparel"}
    lines = [f"Bundle {bundle.manifest.bundle}, space {SPACE}, photo alone, {len(products):,} of the validation split"]
    for name, rows in (("All of them", set(range(len(products)))), ("Clothes", clothes)):
        kept = {hidden: among(answers, rows) for hidden, answers in said.items()}
        whole = kept.pop(Hidden.NOTHING)
        found = {
            str(hidden): against_whole(bundle, space, products, whole, answers) for hidden, answers in kept.items()
        }
        lines += ["", f"{name}, differences in points:", "", *table_lines(tables.changes(found, "without "))]
    return lines
