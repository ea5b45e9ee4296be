# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.attributes import Attribute, Category, Role, Status
from consumer.bundle import NEVER, TaskThresholds
from consumer.enrichment.categories import decide_category
from consumer.enrichment.conflicts import review
from consumer.enrichment.decide import decide_attribute
from consumer.enrichment.labels import attribute_labels, category_labels
from consumer.enrichment.ontology import Ontology
from consumer.enrichment.question import Question
from consumer.enrichment.vendor import VendorValue
from consumer.events import Opinion

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.enrichment.labels import Labels
    from consumer.enrichment.ontology import AttributeKind

ONTOLOGY = Ontology.load("v1")
COLOR = ONTOLOGY.attribute("color")
GENDER = ONTOLOGY.attribute("target-gender")

LEAVES = tuple(node for node in ONTOLOGY.categories if ONTOLOGY.is_leaf(node))

SHIRTS = category_labels(ONTOLOGY, ("aa-1-13-8", "aa-1-13-7", "aa-1-12-4", "aa-8-10", "x-lipstick"))
REDS = attribute_labels(COLOR, ("1", "13", "x-shade-maroon", "x-shade-burgundy", "2"))
GENDERS = attribute_labels(GENDER, ("18", "19", "20"))


def category(
    *used: float,
    thresholds: TaskThresholds | None = None,
    vendor: VendorValue | None = None,
    said: tuple[str, ...] = (),
) -> Category:
    opinion = Opinion(used, image=used, text=None)
    return decide_category(ONTOLOGY, Question(SHIRTS, opinion, thresholds or TaskThresholds(0.7, 0.4), vendor, said))


def color(
    *used: float,
    text: tuple[float, ...] | None = None,
    thresholds: TaskThresholds | None = None,
    vendor: VendorValue | None = None,
) -> Attribute:
    opinion = Opinion(used, image=used, text=text)
    return decide_attribute(COLOR, Question(REDS, opinion, thresholds or TaskThresholds(0.7, 0.4), vendor))


def gender(*used: float, has_photo: bool = False) -> Attribute:
    opinion = Opinion(used, image=used if has_photo else None, text=used)
    return decide_attribute(GENDER, Question(GENDERS, opinion, TaskThresholds(0.7, 0.4)))


def test_a_sure_leaf_is_named_with_its_whole_path() -> None:
    decided = category(0.9, 0.04, 0.03, 0.02, 0.01)

    assert decided.id == "aa-1-13-8"
    assert decided.breadcrumb == "Apparel & Accessories > Clothing > Clothing Tops > T-Shirts"
    assert decided.google_id == "212"
    assert decided.path == ("aa", "aa-1", "aa-1-13", "aa-1-13-8")
    assert decided.confidences == pytest.approx((0.99, 0.97, 0.94, 0.9))
    assert (decided.status, decided.threshold) == (Status.ACCEPTED, 0.7)
    assert [entry.id for entry in decided.alternatives] == ["aa-1-13-7", "aa-1-12-4", "aa-8-10"]


def test_an_unsure_leaf_gives_the_deepest_level_that_is_sure() -> None:
    decided = category(0.5, 0.4, 0.05, 0.03, 0.02)

    assert decided.id == "aa-1-13"
    assert decided.path[-1] == "aa-1-13-8"
    assert decided.evidence.image == pytest.approx(0.9)


def test_a_level_below_acceptance_is_suggested() -> None:
    decided = category(0.45, 0.1, 0.05, 0.0, 0.4)

    assert (decided.id, decided.status, decided.threshold) == ("aa-1-13-8", Status.SUGGESTED, 0.4)


def test_no_level_above_the_floor_abstains_and_shows_the_likeliest_leaf() -> None:
    decided = category(0.3, 0.2, 0.1, 0.0, 0.4, thresholds=TaskThresholds(0.9, 0.8))

    assert (decided.id, decided.breadcrumb, decided.google_id) == (None, None, None)
    assert decided.status is Status.ABSTAINED
    assert decided.path[-1] == "x-lipstick"


def test_a_node_may_have_a_threshold_of_its_own() -> None:
    decided = category(0.9, 0.1, 0.0, 0.0, 0.0, thresholds=TaskThresholds(0.7, 0.4, {"aa-1-13-8": NEVER}))

    assert decided.id == "aa-1-13"


def test_a_vendor_category_on_the_path_agrees_and_another_does_not() -> None:
    agreeing = category(0.9, 0.1, 0.0, 0.0, 0.0, vendor=VendorValue("clothing tops", ("aa-1-13",)))
    other = category(0.9, 0.1, 0.0, 0.0, 0.0, vendor=VendorValue("Heels", ("aa-8-10",)))
    unknown = category(0.9, 0.1, 0.0, 0.0, 0.0, vendor=VendorValue("things"))

    assert (agreeing.evidence.vendor, agreeing.normalised_from) == (1.0, "clothing tops")
    assert (other.evidence.vendor, other.vendor_raw) == (0.0, "Heels")
    assert (unknown.evidence.vendor, unknown.vendor_raw, unknown.normalised_from) == (None, "things", None)


def test_shades_add_up_to_their_family_and_the_likeliest_is_named() -> None:
    decided = color(0.1, 0.2, 0.4, 0.25, 0.05)

    (first,) = decided.values
    assert (first.id, first.label, first.role) == ("13", "Red", Role.PRIMARY)
    assert first.confidence == pytest.approx(0.85)
    assert (first.shade_id, first.shade_label, first.shade_confidence) == ("x-shade-maroon", "Maroon", 0.4)


def test_a_plain_family_has_no_shade() -> None:
    (first,) = color(0.1, 0.6, 0.1, 0.1, 0.1).values

    assert (first.id, first.shade_id, first.shade_label, first.shade_confidence) == ("13", None, None, None)


def test_a_colour_is_accepted_only_when_text_or_vendor_agrees() -> None:
    sure = (0.9, 0.1, 0.0, 0.0, 0.0)

    assert color(*sure).status is Status.SUGGESTED
    assert color(*sure, text=(0.2, 0.5, 0.2, 0.0, 0.1)).status is Status.SUGGESTED
    assert color(*sure, text=(0.5, 0.2, 0.2, 0.0, 0.1)).status is Status.ACCEPTED
    assert color(*sure, vendor=VendorValue("black", ("1",))).status is Status.ACCEPTED
    assert color(*sure, text=(0.4, 0.3, 0.2, 0.0, 0.1)).status is Status.SUGGESTED


def test_a_value_that_can_never_be_accepted_has_no_threshold() -> None:
    decided = color(1.0, 0.0, 0.0, 0.0, 0.0, text=(1.0, 0.0, 0.0, 0.0, 0.0), thresholds=TaskThresholds(NEVER, 0.4))

    assert (decided.status, decided.threshold) == (Status.SUGGESTED, None)


def test_further_colours_must_clear_their_own_threshold() -> None:
    two_tone = (0.5, 0.2, 0.2, 0.0, 0.1)

    one = color(*two_tone, thresholds=TaskThresholds(0.45, 0.3))
    two = color(*two_tone, thresholds=TaskThresholds(0.45, 0.3, {"13": 0.35}))

    assert [value.id for value in one.values] == ["1"]
    assert [(value.id, value.role) for value in two.values] == [("1", Role.PRIMARY), ("13", Role.SECONDARY)]
    assert [value.id for value in two.alternatives] == ["2"]


def said(*words: str, used: tuple[float, ...], has_photo: bool) -> Attribute:
    """What comes of a title with these words."""
    opinion = Opinion(used, image=used if has_photo else None, text=used)
    return decide_attribute(COLOR, Question(REDS, opinion, TaskThresholds(0.7, 0.3), said=words))


def test_where_the_model_guesses_the_one_value_that_words_name_comes_first() -> None:
    guess = (0.45, 0.0, 0.1, 0.2, 0.25)

    by_words = said("2", used=guess, has_photo=False)

    assert [(value.id, value.confidence) for value in by_words.values] == [("2", 0.25)]
    assert by_words.status is Status.SUGGESTED
    assert [value.id for value in by_words.alternatives] == ["1", "13"]
    assert said("2", "1", used=guess, has_photo=False).values[0].id == "1"  # two names, none leads
    assert said("2", used=guess, has_photo=True).values[0].id == "1"  # likely enough for one who has seen the photo
    assert said("2", used=(0.6, 0.0, 0.1, 0.1, 0.2), has_photo=False).values[0].id == "1"


def test_an_answer_that_is_not_even_likely_gives_way_to_words_with_a_photo_too() -> None:
    flat = (0.2, 0.1, 0.1, 0.05, 0.29)

    assert said(used=flat, has_photo=True).status is Status.ABSTAINED
    by_words = said("1", used=flat, has_photo=True)
    assert (by_words.values[0].id, by_words.status) == ("1", Status.SUGGESTED)


def test_a_shade_that_only_words_know_is_shown_without_a_confidence() -> None:
    (first,) = said("x-shade-teal", used=(0.1, 0.0, 0.0, 0.0, 0.9), has_photo=True).values

    assert (first.id, first.shade_id, first.shade_confidence) == ("2", "x-shade-teal", None)


def test_a_shade_that_words_name_stands_before_a_likelier_one() -> None:
    (first,) = said("x-shade-burgundy", used=(0.05, 0.1, 0.5, 0.3, 0.05), has_photo=True).values

    assert (first.id, first.shade_id, first.shade_confidence) == ("13", "x-shade-burgundy", 0.3)


def test_without_a_photo_only_the_one_colour_that_the_title_names_is_accepted() -> None:
    assert said(used=(0.99, 0.01, 0.0, 0.0, 0.0), has_photo=False).status is Status.SUGGESTED
    assert said("1", used=(0.88, 0.12, 0.0, 0.0, 0.0), has_photo=False).status is Status.ACCEPTED
    assert said("1", "13", used=(0.88, 0.12, 0.0, 0.0, 0.0), has_photo=False).status is Status.SUGGESTED


def test_a_guess_at_the_category_gives_way_to_the_one_that_words_name() -> None:
    flat = (0.45, 0.25, 0.1, 0.1, 0.1)

    led = category(*flat, said=("aa-2-13",))
    assert led.path == ONTOLOGY.path("aa-2-13")
    assert (led.id, led.status) == ("aa", Status.ACCEPTED)
    assert led.confidences == (0.9, 0.0, 0.0)
    assert [entry.id for entry in led.alternatives] == ["aa-1-13-8", "aa-1-13-7", "aa-1-12-4"]


@pytest.mark.parametrize(
    ("used", "words"),
    [
        ((0.55, 0.25, 0.1, 0.05, 0.05), ("aa-1-4",)),  # no guess
        ((0.45, 0.25, 0.1, 0.1, 0.1), ("aa-1-13",)),  # what the path says too
        ((0.45, 0.25, 0.1, 0.1, 0.1), ("aa-1-4", "aa-8-8")),  # two things
    ],
)
def test_else_the_likeliest_leaf_leads(used: tuple[float, ...], words: tuple[str, ...]) -> None:
    assert category(*used, said=words).path[-1] == "aa-1-13-8"


def test_a_title_of_another_branch_leads_however_sure_the_model_is() -> None:
    led = category(0.96, 0.01, 0.01, 0.01, 0.01, said=("aa-2-13",))

    assert (led.path, led.id, led.status) == (ONTOLOGY.path("aa-2-13"), "aa", Status.ACCEPTED)
    assert led.alternatives[0].id == "aa-1-13-8"


def test_words_that_name_an_inner_node_lead_to_its_likeliest_leaf() -> None:
    assert category(0.4, 0.1, 0.1, 0.3, 0.1, said=("aa-8",)).path[-1] == "aa-8-10"


def read(*used: float, said: str, vendor: str) -> Category:
    opinion = Opinion(used, text=used)
    return decide_category(
        ONTOLOGY, Question(SHIRTS, opinion, TaskThresholds(0.7, 0.4), VendorValue(vendor, (vendor,)), (said,))
    )


def test_without_a_photo_a_title_that_contradicts_the_vendor_is_a_conflict_however_sure_the_head_is() -> None:
    decided = read(0.01, 0.01, 0.01, 0.96, 0.01, said="aa-2-23", vendor="aa-8-10")

    assert decided.status is Status.CONFLICT
    assert decided.path == ONTOLOGY.path("aa-2-23")
    assert [entry.id for entry in decided.alternatives] == ["aa-8-10"]


def test_a_contradicting_title_leads_to_its_likeliest_leaf_and_publishes_no_node_that_is_not_safe() -> None:
    decided = read(0.9, 0.02, 0.02, 0.04, 0.02, said="aa-8", vendor="aa-1-13-8")

    assert (decided.path[-1], decided.id, decided.breadcrumb) == ("aa-8-10", "aa", "Apparel & Accessories")
    assert review(decided, (), has_evidence=True).priority == pytest.approx((0.98 - 0.9) * 0.98)


@pytest.mark.parametrize(
    ("said", "vendor"), [("aa-8-10", "aa-8"), ("aa-8", "aa-8-10"), ("aa-8-6", "aa-8-10"), ("x-scarf", "aa-1")]
)
def test_one_thing_by_a_finer_or_another_name_is_no_conflict(said: str, vendor: str) -> None:
    assert read(0.25, 0.15, 0.1, 0.4, 0.1, said=said, vendor=vendor).status is not Status.CONFLICT


def test_where_nothing_is_safe_the_named_node_is_a_suggestion() -> None:
    led = category(0.3, 0.1, 0.1, 0.3, 0.2, said=("x-perfume",), thresholds=TaskThresholds(0.9, 0.85))

    assert (led.id, led.status) == ("x-perfume", Status.SUGGESTED)


def test_two_colours_that_the_title_names_are_a_first_and_a_second() -> None:
    both = said("1", "13", used=(0.55, 0.4, 0.0, 0.0, 0.05), has_photo=True)
    assert [(value.id, value.role) for value in both.values] == [("1", Role.PRIMARY), ("13", Role.SECONDARY)]

    assert [value.id for value in said("1", used=(0.55, 0.4, 0.0, 0.0, 0.05), has_photo=True).values] == ["1"]
    assert [value.id for value in said("1", "13", used=(0.85, 0.1, 0.0, 0.0, 0.05), has_photo=True).values] == ["1"]


def test_a_gender_is_accepted_suggested_or_left_open() -> None:
    assert gender(0.8, 0.1, 0.1, has_photo=True).status is Status.ACCEPTED
    assert gender(0.99, 0.005, 0.005).status is Status.SUGGESTED  # nobody said it, and nobody saw it
    assert gender(0.5, 0.4, 0.1).status is Status.SUGGESTED
    left_open = gender(0.39, 0.31, 0.3)
    assert left_open.status is Status.ABSTAINED
    assert left_open.values == ()
    assert [value.id for value in left_open.alternatives] == ["18", "19", "20"]
    assert left_open.evidence.text == pytest.approx(0.39)


def category_question(seed: int) -> Question:
    return random_question(seed, LEAVES, partial(category_labels, ONTOLOGY))


def attribute_question(seed: int, kind: AttributeKind) -> Question:
    return random_question(seed, (*kind.labels, *kind.shades), partial(attribute_labels, kind))


def random_question(seed: int, labels: Sequence[str], labels_of: Callable[[tuple[str, ...]], Labels]) -> Question:
    """Any distribution, peaked or flat, over some of the labels, judged by any thresholds."""
    chance = random.Random(seed)
    taken = tuple(chance.sample(labels, chance.randint(2, len(labels))))

    def distribution() -> tuple[float, ...]:
        sharpness = chance.choice((0, 1, 8, 50))
        weights = [chance.random() ** sharpness + 1e-9 for _ in taken]
        total = sum(weights)
        return tuple(weight / total for weight in weights)

    def maybe(value: Any) -> Any:
        return chance.choice((None, value))

    return Question(
        labels=labels_of(taken),
        opinion=Opinion(distribution(), image=maybe(distribution()), text=maybe(distribution())),
        thresholds=TaskThresholds(
            chance.random(), chance.random(), {label: chance.random() for label in chance.sample(labels, 2)}
        ),
        vendor=maybe(VendorValue("words", chance.choice(((), (chance.choice(labels),))))),
        said=chance.choice(((), (chance.choice(labels),))),
    )


def is_falling(confidences: Sequence[float]) -> bool:
    return all(higher >= lower for higher, lower in pairwise(confidences))


# 34 runs of 100 predictions for each of the three: 10,200 in all. A failing seed is reported and shrunk.
many_seeds = st.integers(0, 1 << 32).map(lambda first: range(first, first + 100))
often = settings(max_examples=34, deadline=None)


@pytest.mark.gate(6)
@often
@given(many_seeds)
def test_no_category_ever_contradicts_itself(seeds: range) -> None:
    for seed in seeds:
        question = category_question(seed)

        decided = decide_category(ONTOLOGY, question)

        assert decided.path == ONTOLOGY.path(decided.path[-1])
        assert decided.path[-1] in {
            *question.labels.finest,
            *(question.vendor.ids if question.vendor else ()),
            *question.said,
        }
        assert is_falling(decided.confidences)
        assert all(0 <= confidence <= 1 for confidence in decided.confidences)
        assert decided.id is not None or decided.status in {Status.ABSTAINED, Status.CONFLICT}
        assert decided.id is None or decided.status is not Status.ABSTAINED
        assert 0 <= review(decided, (), has_evidence=True).priority <= 1
        assert decided.id is None or decided.id in decided.path
        assert len(decided.alternatives) <= 3
        assert is_falling([entry.confidence for entry in decided.alternatives])
        assert decided.path[-1] not in {entry.id for entry in decided.alternatives}


@often
@given(many_seeds)
def test_no_colour_is_unknown_repeated_or_a_fourth(seeds: range) -> None:
    for seed in seeds:
        check_attribute(decide_attribute(COLOR, attribute_question(seed, COLOR)), set(COLOR.labels), at_most=3)


@often
@given(many_seeds)
def test_no_gender_is_unknown_or_a_second(seeds: range) -> None:
    for seed in seeds:
        decided = decide_attribute(GENDER, attribute_question(seed, GENDER))

        check_attribute(decided, set(GENDER.labels), at_most=1)


def test_every_status_is_reached_by_random_predictions() -> None:
    categories = [decide_category(ONTOLOGY, category_question(seed)) for seed in range(1_000)]
    colors = [decide_attribute(COLOR, attribute_question(seed, COLOR)) for seed in range(1_000)]

    for decided in (categories, colors):
        assert {entry.status for entry in decided} == {
            Status.ACCEPTED,
            Status.SUGGESTED,
            Status.ABSTAINED,
            Status.CONFLICT,
        }
    assert {len(entry.values) for entry in colors} == {0, 1, 2, 3}


def check_attribute(decided: Attribute, known: set[str], *, at_most: int) -> None:
    shown = [*decided.values, *decided.alternatives]
    assert {value.id for value in shown} <= known
    assert len({value.id for value in shown}) == len(shown)
    assert len(decided.values) <= at_most
    assert len(decided.alternatives) <= 3
    assert is_falling([value.confidence for value in decided.values])
    assert is_falling([value.confidence for value in decided.alternatives])
    assert bool(decided.values) == (decided.status in {Status.ACCEPTED, Status.SUGGESTED})
    assert [value.role for value in decided.values] == [Role.PRIMARY, Role.SECONDARY, Role.SECONDARY][
        : len(decided.values)
    ]
    assert all(0 <= value.confidence <= 1 for value in shown)
    for value in shown:
        assert value.shade_id is None or COLOR.shades[value.shade_id].family == value.id
