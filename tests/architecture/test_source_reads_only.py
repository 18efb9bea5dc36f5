"""The path to real machines has no way to write: neither in its source text nor on the wire."""

import ast
from pathlib import Path

import pytest
from asyncua import ua
from asyncua.client.ua_client import UaClient

from edge_agent.sources import opcua
from edge_agent.sources.opcua.session import ReadOnlyError, ReadSession

FOLDER = Path(opcua.__file__).parent
FORBIDDEN = ("write", "call_method", "history_update", "add_node", "add_reference", "delete_node", "set_value")
REQUESTS = [
    ua.WriteRequest,
    ua.CallRequest,
    ua.HistoryUpdateRequest,
    ua.AddNodesRequest,
    ua.AddReferencesRequest,
    ua.DeleteNodesRequest,
    ua.DeleteReferencesRequest,
    ua.RegisterServerRequest,
]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_source_text_names_no_writing_service(path: Path) -> None:
    """No module of the OPC UA source uses a name that changes a server; only certificate files are written."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    allowed = {"write", "write_bytes"} if path.name == "pki.py" else set()
    assert not {name for name in used - allowed if name == "call" or name.lower().startswith(FORBIDDEN)}
    assert not {name for name in used if name.startswith(("WriteRequest", "CallRequest", "WriteValue", "CallMethod"))}


@pytest.mark.parametrize("request_type", REQUESTS, ids=lambda kind: str(kind.__name__))
async def test_session_refuses_every_request_that_changes_a_server(request_type: type) -> None:
    """Whoever asks, a request that is not on the list of reading ones is refused before it is encoded."""
    session = ReadSession(UaClient())
    with pytest.raises(ReadOnlyError, match="only reads"):
        await session._send_request(request_type())


async def test_session_refuses_the_library_s_own_services() -> None:
    """The library's methods for writing and calling end in the same refusal."""
    session = ReadSession(UaClient())
    with pytest.raises(ReadOnlyError):
        await session.write(ua.WriteParameters())
    with pytest.raises(ReadOnlyError):
        await session.call([ua.CallMethodRequest()])
