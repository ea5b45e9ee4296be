# SPDX-License-Identifier: Apache-2.0
"""What a golden record may expect of its answer, and whether the answer holds it.

An answer is a ProductAttributes as `hangtag tag --output json` prints it. `records/README.md` explains each word.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

RECORDS = Path(__file__).parent / "records"
#: The file whose lines may be read (`records/README.md`).
READ = "tuning"

Answer = dict[str, Any]
Claim = dict[str, Any]


class UnknownClaim(ValueError):
    """A claim that the vocabulary does not have."""


@dataclass(frozen=True, slots=True)
class Golden:
    """A product, and what must, must not, and cannot be said of it."""

    name: str
    why: str
    product: dict[str, Any]
    must: tuple[Claim, ...]
    must_not: tuple[Claim, ...]
    abstain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer did not hold, in words."""

    must_failed: tuple[str, ...]
    broken: tuple[str, ...]
    """Things said that must not be said."""


def read_records(name: str) -> list[Golden]:
    """The records of `records/<name>.jsonl`, in order."""
    lines = (RECORDS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [_record(json.loads(line)) for line in lines]


def judge(golden: Golden, answer: Answer) -> Verdict:
    """Hold an answer against all that its record expects."""
    return Verdict(
        must_failed=tuple(_words(golden, claim, answer) for claim in golden.must if not holds(claim, answer)),
        broken=(
            *(f"not {_words(golden, claim, answer)}" for claim in golden.must_not if holds(claim, answer)),
            *(
                f"abstain {_words(golden, {'attribute': handle}, answer)}"
                for handle in golden.abstain
                if _part(handle, answer)["status"] == "accepted"
            ),
        ),
    )


def shown(name: str, lines: Sequence[str]) -> str:
    """The failed lines of a file that may be read while tuning; of any other only how many there are."""
    return "\n".join(lines) if name == READ else f"{len(lines)} lines of {name}, which nobody who tunes reads"


def holds(claim: Claim, answer: Answer) -> bool:
    """Whether the answer says what the claim says. Raises UnknownClaim."""
    given = dict(claim)
    handle = given.pop("attribute", None)
    known: Mapping[str, Callable[[Any, Any], bool]] = _OF_RECORD if handle is None else _OF_ATTRIBUTE
    if len(given) != 1 or not given.keys() <= known.keys():
        raise UnknownClaim(f"not in the vocabulary: {json.dumps(claim, ensure_ascii=False)}")
    ((word, expected),) = given.items()
    return known[word](answer if handle is None else attribute(handle, answer), expected)


def attribute(handle: str, answer: Answer) -> dict[str, Any]:
    """The answer's entry of an attribute; each attribute of the ontology has exactly one."""
    (entry,) = (entry for entry in answer["attributes"] if entry["handle"] == handle)
    return dict(entry)


def _record(fields: dict[str, Any]) -> Golden:
    lists = {name: tuple(fields[name]) for name in ("must", "must_not", "abstain")}
    return Golden(**(fields | lists))


def _part(handle: str, answer: Answer) -> dict[str, Any]:
    return dict(answer["category"]) if handle == "category" else attribute(handle, answer)


def _any_of(expected: str | list[str]) -> set[str]:
    return {expected} if isinstance(expected, str) else set(expected)


def _first(entry: Answer) -> Answer | None:
    """The first value, else the first alternative."""
    ranked = [*entry["values"], *entry["alternatives"]]
    return ranked[0] if ranked else None


def _top(entry: Answer, expected: str | list[str]) -> bool:
    first = _first(entry)
    return first is not None and first["id"] in _any_of(expected)


def _shade(entry: Answer, expected: str | list[str]) -> bool:
    first = _first(entry)
    return first is not None and first["shade_id"] in _any_of(expected)


def _value(entry: Answer, expected: str | list[str]) -> bool:
    return not _any_of(expected).isdisjoint(value["id"] for value in entry["values"])


def _accepted(entry: Answer, expected: str | list[str]) -> bool:
    return entry["status"] == "accepted" and _value(entry, expected)


def _primary(entry: Answer, expected: str | list[str]) -> bool:
    return entry["status"] == "accepted" and entry["values"][0]["id"] in _any_of(expected)


def _among(entry: Answer, expected: str | list[str]) -> bool:
    return not _any_of(expected).isdisjoint(value["id"] for value in (*entry["values"], *entry["alternatives"]))


def _status(entry: Answer, expected: list[str]) -> bool:
    return entry["status"] in {status.lower() for status in expected}


def _path_contains(answer: Answer, expected: str | list[str]) -> bool:
    return not _any_of(expected).isdisjoint(answer["category"]["path"])


def _within(answer: Answer, expected: str | list[str]) -> bool:
    """Whether the node that cleared its threshold is one of these or lies below one."""
    node, path = answer["category"]["id"], answer["category"]["path"]
    return node is not None and not _any_of(expected).isdisjoint(path[: path.index(node) + 1])


def _language(answer: Answer, expected: str) -> bool:
    found = answer["text"]["language"]
    return found is not None and found.lower().partition("-")[0] == expected.lower()


_OF_ATTRIBUTE: dict[str, Callable[[Any, Any], bool]] = {
    "top": _top,
    "shade": _shade,
    "value": _value,
    "accepted": _accepted,
    "primary": _primary,
    "among": _among,
    "status": _status,
    "any_value": lambda entry, expected: bool(entry["values"]) is expected,
    "vendor_raw": lambda entry, expected: bool(entry["vendor_raw"] == expected),
}

_OF_RECORD: dict[str, Callable[[Any, Any], bool]] = {
    "category_path_contains": _path_contains,
    "category_within": _within,
    "category_status": lambda answer, expected: _status(answer["category"], expected),
    "review_needed": lambda answer, expected: bool(answer["review"]["needed"] is expected),
    "review_reason": lambda answer, expected: expected in answer["review"]["reasons"],
    "text_flag": lambda answer, expected: expected in answer["text"]["flags"],
    "language": _language,
}


def _words(golden: Golden, claim: Claim, answer: Answer) -> str:
    """The claim, and what the answer says instead."""
    handle = claim.get("attribute")
    said = _said(attribute(handle, answer)) if handle and handle != "category" else _said_of_record(answer)
    return f"{golden.name}: {json.dumps(claim, ensure_ascii=False)}; said: {said}"


def _said(entry: Answer) -> str:
    values, others = (
        ", ".join(f"{value['label']} {value['confidence']:.2f}" for value in entry[part])
        for part in ("values", "alternatives")
    )
    return f"{entry['status']} [{values}] else [{others}], vendor {entry['vendor_raw']!r}"


def _said_of_record(answer: Answer) -> str:
    category = answer["category"]
    path = " > ".join(category["path"])
    return f"category {category['status']} {category['id']} of {path}; {answer['text']}; {answer['review']['reasons']}"
