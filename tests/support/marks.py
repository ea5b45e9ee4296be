# SPDX-License-Identifier: Apache-2.0
"""Which tests carry a mark. Read from the files, so that it holds when a part of the suite runs."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]


def marks_of(source: str, name: str) -> list[tuple[object, ...]]:
    """The arguments of each such mark that a test of this file carries, alone or with its whole file."""
    marks = []
    for node in ast.walk(ast.parse(source)):
        for holder in _holders(node):
            calls = (call for call in ast.walk(holder) if isinstance(call, ast.Call))
            marks += [_arguments(call) for call in calls if ast.unparse(call.func) == f"pytest.mark.{name}"]
    return marks


@cache
def marks_by_file(name: str) -> dict[str, list[tuple[object, ...]]]:
    """By file below `tests`, of those that mention the name."""
    sources = {str(file.relative_to(TESTS)): file.read_text(encoding="utf-8") for file in TESTS.rglob("test_*.py")}
    return {file: marks_of(source, name) for file, source in sorted(sources.items()) if name in source}


def _holders(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
        return node.decorator_list
    if isinstance(node, ast.Assign) and "pytestmark" in map(ast.unparse, node.targets):
        return [node.value]
    return []


def _arguments(call: ast.Call) -> tuple[object, ...]:
    return tuple(argument.value if isinstance(argument, ast.Constant) else argument for argument in call.args)
