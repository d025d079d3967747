# SPDX-License-Identifier: Apache-2.0
"""XML configurations as nodes with line numbers; a file that is cut off is read as far as it goes. Pure.

Document types and entities are refused, so nothing can be expanded or fetched.
"""

import re
import xml.sax
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

import defusedxml.sax
from defusedxml.common import DefusedXmlException

from collector.imports.configurations.draft import Draft

MOST_NODES = 300_000
DEEPEST = 60


@dataclass(slots=True)
class Node:
    """One element."""

    tag: str
    line: int
    name: str = ""  # its name attribute
    text: str = ""
    inside: list["Node"] = field(default_factory=list)

    def find(self, path: str) -> "Node | None":
        """Give the first element at tag/tag/…"""
        return next(self.all(path), None)

    def all(self, path: str) -> Iterator["Node"]:
        """Give the elements at tag/tag/…"""
        tag, _, rest = path.partition("/")
        for one in self.inside:
            if one.tag == tag:
                yield from one.all(rest) if rest else (one,)

    def get(self, path: str, default: str = "") -> str:
        """Give the text at tag/tag/…"""
        found = self.find(path)
        return found.text if found is not None else default

    def has(self, path: str) -> bool:
        """Say whether there is such an element."""
        return self.find(path) is not None


class _Builder(ContentHandler):
    """Collects nodes; knows at which line each begins."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Node("", 0)
        self.stack = [self.root]
        self.count = 0
        self.skipped = 0
        self.locator: Locator | None = None
        self.version: list[str] = []

    def setDocumentLocator(self, locator: Locator) -> None:
        """Keep where lines are told."""
        self.locator = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        """Open a node."""
        self.count += 1
        if self.skipped or self.count > MOST_NODES or len(self.stack) >= DEEPEST:
            self.skipped += 1
            return
        line = (self.locator.getLineNumber() if self.locator else 0) or 0
        node = Node(name, line, str(attrs.get("name", ""))[:200])
        if name == "config" and attrs.get("version"):
            self.version.append(str(attrs.get("detail-version") or attrs.get("version"))[:40])
        self.stack[-1].inside.append(node)
        self.stack.append(node)

    def endElement(self, name: str) -> None:
        """Close a node."""
        if self.skipped:
            self.skipped -= 1
            return
        self.stack[-1].text = self.stack[-1].text.strip()
        self.stack.pop()

    def characters(self, content: str) -> None:
        """Add to the text of the open node."""
        if not self.skipped and len(self.stack[-1].text) < 2000:
            self.stack[-1].text += content[:2000]


_DECLARATION = re.compile(r"\ufeff?[ \r\n\t]*(?:<\?xml[^>]{0,200}\?>)?")


def _plain(text: str) -> str:
    """Drop the declaration, whose encoding is no longer true; every line keeps its number."""
    found = _DECLARATION.match(text)
    head = found[0] if found else ""
    return "<!-- -->" + "\n" * head.count("\n") + text[len(head) :]


def read_xml(text: str, draft: Draft) -> tuple[Node, str]:
    """Read XML; give the root (its one child is the document) and the version that a config element names."""
    builder = _Builder()
    try:
        data = _plain(text).encode("utf-8", "replace")
        defusedxml.sax.parseString(data, builder, forbid_dtd=True)  # type: ignore[no-untyped-call]
    except DefusedXmlException:
        draft.problem(
            0,
            "XML に文書型宣言や実体があるため読みません(設定のファイルには不要なものです)。",
            "The XML declares a document type or entities, which a configuration never needs; it is not read.",
        )
        builder.root = Node("", 0)
    except xml.sax.SAXException as problem:
        line = getattr(problem, "getLineNumber", lambda: 0)() or 0
        draft.problem(
            line,
            f"{line} 行目から XML として読めません。そこまでを読みました。",
            f"From line {line} on this is no XML; it was read up to there.",
        )
    if builder.count > MOST_NODES:
        draft.problem(
            0, "XML の要素が多すぎるため、途中まで読みました。", "Too many XML elements; read in part."
        )
    return builder.root, builder.version[0] if builder.version else ""
