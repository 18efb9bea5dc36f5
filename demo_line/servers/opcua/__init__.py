"""OPC UA server over described folders of nodes; the only place of this package that imports `asyncua`."""

from demo_line.servers.opcua.server import OpcuaServer, no_data_status

__all__ = ["OpcuaServer", "no_data_status"]
