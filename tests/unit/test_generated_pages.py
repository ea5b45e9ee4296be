# SPDX-License-Identifier: Apache-2.0
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["settings", "metrics", "ontology"])
def test_a_generated_page_is_fresh(reference: ModuleType, page: str) -> None:
    written = (DOCS / f"{page}.md").read_text()

    assert written == getattr(reference, f"{page}_page")(), "stale: run `make docs`"
