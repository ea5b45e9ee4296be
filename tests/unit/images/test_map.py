# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from pathlib import Path

from consumer import images


def test_the_map_of_the_image_path_names_every_module() -> None:
    tree = images.__doc__ or ""
    heads = re.findall(r"(?:── |^)(\w+)  ", tree, re.MULTILINE)
    named = {*heads, *re.findall(r"\w+", " ".join(re.findall(r"\([^)]*\)", tree)))}
    modules = {file.stem for file in Path(images.__path__[0]).glob("*.py")} - {"__init__"}

    assert len(modules) > 30
    assert modules - named == set()
