# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from triton_models.training.card import _views
from triton_models.training.view_rules import VIEW_TYPES
from triton_models.training.view_types import judge_views


def test_kinds_of_view_stand_with_their_examples_and_figures() -> None:
    figures = judge_views([*VIEW_TYPES], [*VIEW_TYPES])
    examples = {kind.value: 1_200 for kind in VIEW_TYPES}

    rows = [*_views({"view_types": {"examples": examples} | figures})]

    assert "| `on_model` | 1,200 | 1.000 (1; 0.207-1.000) | 1.000 (1; 0.207-1.000) |" in rows
    assert len(rows) == 4 + len(VIEW_TYPES)


def test_a_bundle_without_the_head_says_so() -> None:
    for run in ({}, {"view_types": None}):
        assert [*_views(run)] == ["This bundle has no head for it: events say UNKNOWN."]
