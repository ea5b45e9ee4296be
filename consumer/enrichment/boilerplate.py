# SPDX-License-Identifier: Apache-2.0
"""Sentences that a vendor pastes into most of its descriptions: they tell of the shop, not of the product."""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.events import ProductEvent

#: Vendors remembered; the one that was silent longest is forgotten first. With the two limits below each takes at most
#: about 160 kB, so 50 MB in all.
MAX_VENDORS = 300
#: Last products with a description remembered for each vendor: enough to tell a half from a third, soon after a start.
WINDOW = 100
#: Sentences of one product that count; a description that the model reads in full has fewer.
MAX_SENTENCES = 12

#: A sentence is boilerplate from so many other products on ...
MIN_PRODUCTS = 10
#: ... that are also this share of the vendor's last ones. Feeds come sorted by category: what stands in less than half
#: of the last hundred may still be true of shirts only.
MIN_SHARE = 0.5
#: Bytes of UTF-8 from which a sentence counts. Shorter ones are facts that products share ("Regular fit", "Cotton") and
#: cost the model little.
MIN_BYTES = 30

_SENTENCE_END = re.compile(r"(?<=[.!?\u2026\u0964\u06d4])\s+|(?<=[\u3002\uff01\uff1f])")


class Boilerplate:
    """Leaves the sentences out that many of a vendor's products share. One thread at a time.

    Products are counted, not events: a redone event replaces its own sentences, and neither it nor a variant of the
    same item group ever speaks against itself. Nothing is stored: after a start, and for a vendor's first products,
    nothing is left out. One process sees the products of its own partitions only; keys are spread by hash, so the
    shares are about the same, but a sentence may pass here and not there. An event redone later may be read with more
    or less left out. A compacted topic of sentence counts would be the way to one view for all.
    """

    def __init__(self) -> None:
        self._vendors: OrderedDict[str, _Vendor] = OrderedDict()

    def own_sentences(self, event: ProductEvent, lines: tuple[str, ...]) -> tuple[str, ...]:
        """The lines of the event's description without boilerplate: the same lines where there is none."""
        if not lines:
            return ()
        sentences = [sentence for line in lines for sentence in _SENTENCE_END.split(line) if sentence]
        marks = {sentence: _mark(sentence) for sentence in _long_enough(sentences)}
        vendor = self._vendor(event.vendor_id)
        vendor.remember(hash(event.item_group_id or event.key), tuple(set(marks.values())))
        shared = {sentence for sentence, mark in marks.items() if vendor.shares(mark)}
        return tuple(sentence for sentence in sentences if sentence not in shared) if shared else lines

    def _vendor(self, vendor_id: str) -> _Vendor:
        vendor = self._vendors.setdefault(vendor_id, _Vendor())
        self._vendors.move_to_end(vendor_id)
        if len(self._vendors) > MAX_VENDORS:
            self._vendors.popitem(last=False)
        return vendor


class _Vendor:
    """The marks of its last products' sentences, and in how many products each mark stands."""

    def __init__(self) -> None:
        self._products: OrderedDict[int, tuple[int, ...]] = OrderedDict()
        self._counts: Counter[int] = Counter()

    def remember(self, product: int, marks: tuple[int, ...]) -> None:
        self._forget(self._products.pop(product, ()))
        self._products[product] = marks
        self._counts.update(marks)
        if len(self._products) > WINDOW:
            self._forget(self._products.popitem(last=False)[1])

    def _forget(self, marks: Iterable[int]) -> None:
        for mark in marks:
            self._counts[mark] -= 1
            if not self._counts[mark]:
                del self._counts[mark]

    def shares(self, mark: int) -> bool:
        """Whether the sentence is boilerplate for the product remembered last, which does not count itself."""
        others = self._counts[mark] - 1
        return others >= MIN_PRODUCTS and others >= MIN_SHARE * (len(self._products) - 1)


def _long_enough(sentences: list[str]) -> list[str]:
    return [sentence for sentence in sentences if len(sentence.encode()) >= MIN_BYTES][:MAX_SENTENCES]


def _mark(sentence: str) -> int:
    # Eight bytes for a sentence; Python salts them anew in each process, so nobody can aim at a collision.
    return hash(sentence.casefold())
