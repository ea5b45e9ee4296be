# SPDX-License-Identifier: Apache-2.0
"""Products of an RSS or Atom feed with `g:` names, in flat memory.

Document types are refused, and with them entities: none is ever expanded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler

from defusedxml.common import DefusedXmlException
from defusedxml.sax import make_parser

from consumer.errors import FeedInvalid
from consumer.feeds.opening import BrokenOff
from consumer.feeds.rows import BadRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader
    from typing import Any
    from xml.sax.xmlreader import AttributesImpl, Locator

#: No event of this size fits its topic; without limits one endless item, or one endless tag, would fill the memory.
MAX_ITEM_CHARACTERS = 16 << 20
MAX_SILENT_BYTES = 16 << 20
MAX_DEPTH = 64

_ITEMS = {"item", "entry"}
#: Atom's and RSS's own elements; what stands under `g:` goes first.
_PLAIN = {"id": "id", "title": "title", "link": "link", "description": "description", "summary": "description"}
_CHUNK_BYTES = 64 << 10

Attributes = dict[str, list[str]]
"""What a feed says of one product, by Google's names; a repeated attribute has several values."""


@dataclass(slots=True)
class Item:
    """One product; `line` is that of its opening tag."""

    line: int
    attributes: Attributes = field(default_factory=dict)


def read_items(stream: BufferedReader[Any]) -> Iterator[Item | BadRow]:
    """The products, in order. Raises FeedInvalid for a file with a document type, BrokenOff where it is no XML."""
    parser = make_parser()
    handler = _Items(parser)
    parser.forbid_dtd = True
    parser.setContentHandler(handler)
    is_open = True
    while is_open:
        chunk = stream.read1(_CHUNK_BYTES)
        is_open = bool(chunk)
        try:
            if is_open:
                parser.feed(chunk)
            else:
                parser.close()
        except DefusedXmlException as error:
            raise FeedInvalid("the XML declares a document type, where entities could hide a bomb: refused") from error
        except SAXParseException as error:
            yield from handler.take()
            raise BrokenOff(f"no XML from line {error.getLineNumber()} on: {error.getMessage()}") from error
        yield from handler.take()
        handler.silent_bytes += len(chunk)
        if handler.silent_bytes > MAX_SILENT_BYTES:
            raise BrokenOff(f"a tag is longer than {MAX_SILENT_BYTES} bytes")
        if handler.depth > MAX_DEPTH:
            raise BrokenOff(f"tags are more than {MAX_DEPTH} deep")


class _Items(ContentHandler):
    """Gathers the children of each item; what lies deeper, or outside of items, is passed over."""

    def __init__(self, place: Locator) -> None:
        super().__init__()
        self._place = place
        self.depth = 0
        #: Bytes that were fed since the parser last said anything.
        self.silent_bytes = 0
        self._done: list[Item | BadRow] = []
        self._item: Item | None = None
        self._item_depth = 0
        self._name: str | None = None
        self._text: list[str] = []
        self._plain: dict[str, str] = {}
        self._characters = 0

    def take(self) -> list[Item | BadRow]:
        """What was finished since the last call."""
        done, self._done = self._done, []
        return done

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802  # as xml.sax calls it
        self.silent_bytes = 0
        self.depth += 1
        if self._item is None:
            if name in _ITEMS:
                self._item = Item(self._place.getLineNumber() or 0)
                self._item_depth = self.depth
        elif self.depth == self._item_depth + 1:
            self._name = name
            if name == "link" and "href" in attrs:
                self._plain.setdefault("link", attrs.getValue("href"))

    def characters(self, content: str) -> None:
        self.silent_bytes = 0
        if self._name is not None:
            self._characters += len(content)
            if self._characters <= MAX_ITEM_CHARACTERS:
                self._text.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802  # as xml.sax calls it
        self.silent_bytes = 0
        if self._item is not None:
            if self.depth == self._item_depth:
                self._finish(self._item)
            elif self.depth == self._item_depth + 1:
                self._keep(self._item, name, "".join(self._text).strip())
        self.depth -= 1

    def _keep(self, item: Item, name: str, text: str) -> None:
        self._name = None
        self._text.clear()
        if not text:
            return
        if name.startswith("g:"):
            item.attributes.setdefault(name.removeprefix("g:"), []).append(text)
        elif name in _PLAIN:
            self._plain.setdefault(_PLAIN[name], text)

    def _finish(self, item: Item) -> None:
        for name, text in self._plain.items():
            item.attributes.setdefault(name, [text])
        if self._characters > MAX_ITEM_CHARACTERS:
            self._done.append(BadRow(item.line, f"longer than {MAX_ITEM_CHARACTERS} characters"))
        else:
            self._done.append(item)
        self._item = None
        self._plain = {}
        self._characters = 0
