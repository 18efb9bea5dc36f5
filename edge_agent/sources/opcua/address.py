"""Texts that name a node of an OPC UA server independently of its namespace indices. Pure."""

import re
from dataclasses import dataclass
from typing import Literal, cast

NodeIdKind = Literal["i", "s", "g", "b"]

_NODE = re.compile(r"(?:nsu=(?P<uri>[^;]+);)?(?P<kind>[isgb])=(?P<identifier>.+)", re.DOTALL)
_INDEX = re.compile(r"ns=\d+;")


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """Node by identifier, written `nsu=URI;s=NAME` (OPC 10000-6, 5.1.12); i, g and b identifiers likewise.

    Attributes:
        namespace_uri: URI of the namespace; empty for namespace 0, the one of the OPC Foundation.
        kind: i numeric, s text, g GUID, b base64 bytes.
        identifier: identifier as text.
    """

    namespace_uri: str
    kind: NodeIdKind
    identifier: str

    @classmethod
    def parse(cls, text: str) -> "NodeAddress":
        """Read the text form; raises ValueError that says what is wrong and what is expected."""
        if _INDEX.match(text):
            raise ValueError(
                f"node {text!r} names its namespace by index, which changes when the server restarts; "
                "write nsu=<namespace URI>; instead of ns=<index>;"
            )
        match = _NODE.fullmatch(text)
        if match is None:
            raise ValueError(f"node {text!r} is not of the form nsu=<namespace URI>;s=<name> (or i=, g=, b=)")
        identifier = match["identifier"]
        if match["kind"] == "i" and not (identifier.isdecimal() and int(identifier) < 2**32):
            raise ValueError(f"node {text!r}: {identifier!r} is not a number of 0 to 4294967295")
        uri = (match["uri"] or "").replace("%3B", ";").replace("%25", "%")
        return cls(uri, cast(NodeIdKind, match["kind"]), identifier)

    def __str__(self) -> str:
        prefix = ""
        if self.namespace_uri:
            prefix = "nsu=" + self.namespace_uri.replace("%", "%25").replace(";", "%3B") + ";"
        return f"{prefix}{self.kind}={self.identifier}"


@dataclass(frozen=True, slots=True)
class PathElement:
    """One step of a browse path; without a namespace URI the name must be unique among the children."""

    name: str
    namespace_uri: str | None = None


def parse_path(text: str) -> tuple[PathElement, ...]:
    """Read a browse path from the Objects folder, e.g. `Line/MIX-10/flow` or `nsu=urn:x;Line/MIX-10/flow`.

    A `nsu=URI;` prefix belongs to its element alone; the URI may contain slashes. Raises ValueError that says what is
    wrong.
    """
    elements = []
    rest = text
    while True:
        uri = None
        if rest.startswith("nsu="):
            uri, separator, rest = rest[4:].partition(";")
            if not separator or not uri:
                raise ValueError(f"path {text!r}: a nsu= prefix needs a URI that ends with ';'")
        name, slash, rest = rest.partition("/")
        if not name:
            raise ValueError(f"path {text!r} has an empty element; write e.g. Line/MIX-10/flow, without a leading '/'")
        elements.append(PathElement(name, uri))
        if not slash:
            return tuple(elements)
