# SPDX-License-Identifier: Apache-2.0
"""From the model's probabilities to an attribute that a shop can use: a value, or ranked candidates. Pure functions.

Heads answer for the finest labels (category leaves, colour shades); whatever is coarser is a sum of them, so the levels
of one answer never contradict each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.attributes import Attribute, Role, Status, Value
from consumer.enrichment.categories import reachable
from consumer.enrichment.conflicts import disputed_value, families
from consumer.enrichment.ontology import Policy
from consumer.enrichment.question import MAX_ALTERNATIVES, Ranked, by_mass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.enrichment.ontology import AttributeKind
    from consumer.enrichment.question import Question

#: A title whose words name no value speaks through the text head alone, and must be more sure than not: the head's
#: first answer to a silent title is what most products are.
TEXT_HEAD_SAYS = 0.5


def decide_attribute(kind: AttributeKind, question: Question) -> Attribute:
    """Values when the first is accepted or suggested, else none; the other candidates stand in `alternatives`.

    Where the model only guesses, the value that words name comes first, as a suggestion. Of an attribute with several
    values each further one must clear its own threshold for acceptance; one that words name beside the first, that for
    suggestions. In a conflict there is no value, and the alternatives are its two sides: the model's first, then the
    vendor's.
    """
    ranked = by_mass(question.masses())
    first = _leading(kind, question, ranked)
    disputed = disputed_value(kind, question, ranked)
    status = Status.CONFLICT if disputed else _status(kind, question, first)
    is_shown = status in {Status.ACCEPTED, Status.SUGGESTED}
    # What words name instead of a guess stands alone: the guess is none of its further values.
    further = _further(kind, question, ranked) if first is ranked[0] else []
    chosen = [first, *further] if is_shown else []
    others = [first, disputed] if disputed else [entry for entry in ranked if entry not in chosen][:MAX_ALTERNATIVES]
    claimed = families(kind, question)
    vendor = question.vendor
    return Attribute(
        handle=kind.handle,
        attribute_id=kind.id,
        values=tuple(
            _value(kind, question, entry, Role.SECONDARY if rank else Role.PRIMARY) for rank, entry in enumerate(chosen)
        ),
        status=status,
        threshold=reachable(question.thresholds.accept_of(first.id)),
        alternatives=tuple(_value(kind, question, entry, Role.UNKNOWN) for entry in others),
        evidence=question.evidence(
            first.id,
            vendor_says_so=first.id in claimed if claimed else None,
        ),
        vendor_raw=vendor.raw if vendor else None,
        normalised_from=vendor.raw if vendor and claimed else None,
    )


def _leading(kind: AttributeKind, question: Question, ranked: Sequence[Ranked]) -> Ranked:
    """The model's first; where that is a guess, the one value that the vendor's field and the title name."""
    named = _named(kind, question)
    if len(named) != 1 or not _is_guess(question, ranked[0]):
        return ranked[0]
    return next((entry for entry in ranked if entry.id in named), ranked[0])


def _is_guess(question: Question, first: Ranked) -> bool:
    """Without a photo the head has only read the same words, so it must be more sure than not to know better."""
    is_seen = question.opinion.image is not None
    suggest = question.thresholds.suggest
    return first.mass < (suggest if is_seen else max(suggest, TEXT_HEAD_SAYS))


def _named(kind: AttributeKind, question: Question) -> set[str]:
    return {*families(kind, question), *map(kind.family_of, question.said)}


def _status(kind: AttributeKind, question: Question, first: Ranked) -> Status:
    clears = first.mass >= question.thresholds.accept_of(first.id)
    if clears and _is_allowed(kind, question, first.id):
        return Status.ACCEPTED
    is_likely = clears or first.mass >= question.thresholds.suggest
    return Status.SUGGESTED if is_likely or {first.id} == _named(kind, question) else Status.ABSTAINED


def _is_allowed(kind: AttributeKind, question: Question, value: str) -> bool:
    """Whether the attribute's policy lets this value be accepted.

    Words that name another value never let it, unless the vendor's field names it. Without a photo somebody must have
    said it: what a silent title makes likely is what most products are.
    """
    if kind.policy is Policy.SUGGEST or value in families(kind, question):
        return kind.policy is not Policy.SUGGEST
    named = tuple(dict.fromkeys(map(kind.family_of, question.said)))
    if question.opinion.image is None:
        return named == (value,)
    if named and not (kind.max_values == 1 and len(named) > 1):  # men and women: the words take no side
        return named[0] == value
    match kind.policy:
        case Policy.AGREE:
            return _text_head_says(question, value)
        case Policy.TEXT:
            return question.opinion.text is not None
        case _:
            return True


def _text_head_says(question: Question, value: str) -> bool:
    text = question.opinion.text
    return text is not None and question.labels.sum_of(value, text) >= TEXT_HEAD_SAYS


def _further(kind: AttributeKind, question: Question, ranked: Sequence[Ranked]) -> list[Ranked]:
    """Those that clear their threshold, and the likely ones that words name together with the first.

    A softmax gives no second value more than half, so without words there would hardly ever be one.
    """
    said = tuple(map(kind.family_of, question.said))
    named = {value for words in (families(kind, question), said) if ranked[0].id in words for value in words}

    def floor(value: str) -> float:
        return question.thresholds.suggest if value in named else question.thresholds.accept_of(value)

    return [entry for entry in ranked[1:] if entry.mass >= floor(entry.id)][: kind.max_values - 1]


def _value(kind: AttributeKind, question: Question, entry: Ranked, role: Role) -> Value:
    """A family is shown with the shade that words name, else with its most likely one.

    No shade where the plain family is likelier than each. A shade that the head cannot answer has no confidence.
    """
    if not kind.shades:
        return Value(entry.id, kind.labels[entry.id], entry.mass, role)
    by_label = dict(zip(question.labels.finest, question.opinion.used, strict=True))
    finest = _named_shade(kind, question, entry.id) or max(
        (label for label in by_label if kind.family_of(label) == entry.id), key=by_label.__getitem__
    )
    if finest not in kind.shades:
        return Value(entry.id, kind.labels[entry.id], entry.mass, role)
    mass = by_label.get(finest)
    confidence = None if mass is None else min(1.0, mass)
    return Value(entry.id, kind.labels[entry.id], entry.mass, role, finest, kind.shades[finest].label, confidence)


def _named_shade(kind: AttributeKind, question: Question, family: str) -> str | None:
    """The words' shade of a family: on validation titles right in 48 of the 61 products whose model says another."""
    words = (*(question.vendor.ids if question.vendor else ()), *question.said)
    return next((word for word in words if word in kind.shades and kind.family_of(word) == family), None)
