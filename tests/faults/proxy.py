"""A TCP proxy that misbehaves on request: stands still, lets one direction through, breaks, or shuffles messages."""

import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

CLIENT_TO_SERVER, SERVER_TO_CLIENT = range(2)
Transform = Callable[[bytes], bytes]


class Proxy:
    """Forwards connections on its own port to an upstream port on loopback.

    A direction that stands still keeps what it was given and hands it on later, as TCP does after a partition; nothing
    is closed and nobody is told, so the ends must notice by themselves.
    """

    def __init__(self, upstream_port: int) -> None:
        self._upstream = upstream_port
        self._flow = (threading.Event(), threading.Event())
        for direction in self._flow:
            direction.set()
        self._accepting = threading.Event()
        self._accepting.set()
        self._transform: Callable[[], Transform] | None = None
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def pause(self, *directions: int) -> None:
        """Let the given directions (none named: both) stand still."""
        for direction in directions or (CLIENT_TO_SERVER, SERVER_TO_CLIENT):
            self._flow[direction].clear()

    def resume(self) -> None:
        """Let everything flow and accept connections."""
        self._accepting.set()
        for direction in self._flow:
            direction.set()

    def refuse(self) -> None:
        """Break every connection and every new one."""
        self._accepting.clear()
        self.drop()

    def drop(self) -> None:
        """Break every connection; new ones are accepted."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            _close(connection)

    def shuffle(self, make: Callable[[], Transform] | None) -> None:
        """Pass what servers send on new connections through a transform of their own (None: no longer)."""
        self._transform = make

    def close(self) -> None:
        """Stop."""
        self.resume()
        self._accepting.clear()
        _close(self._listener)
        self.drop()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            if not self._accepting.is_set():
                _close(client)
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._upstream), timeout=5)
            except OSError:
                _close(client)
                continue
            server.settimeout(None)
            with self._lock:
                self._connections |= {client, server}
            transform = self._transform() if self._transform is not None else None
            self._pump(client, server, CLIENT_TO_SERVER, None)
            self._pump(server, client, SERVER_TO_CLIENT, transform)

    def _pump(self, source: socket.socket, target: socket.socket, direction: int, transform: Transform | None) -> None:
        def run() -> None:
            with suppress(OSError):
                while block := source.recv(65536):
                    self._flow[direction].wait()
                    target.sendall(block if transform is None else transform(block))
                self._flow[direction].wait()  # an end of the connection is not seen through a partition either
            for end in (source, target):
                _close(end)
            with self._lock:
                self._connections -= {source, target}

        threading.Thread(target=run, name="proxy-pump", daemon=True).start()


def _close(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


_PUBLISH = 3


class Shuffler:
    """Repeats and reorders QoS 0 messages of an MQTT 3.1.1 stream; everything else keeps its place.

    Args:
        rng: source of chance.
        repeat: share of messages sent twice.
        reorder: share of messages that swap places with the next one.
    """

    def __init__(self, rng: random.Random, repeat: float = 0.2, reorder: float = 0.2) -> None:
        self._rng = rng
        self._repeat = repeat
        self._reorder = reorder
        self._rest = b""
        self._held: bytes | None = None

    def __call__(self, block: bytes) -> bytes:
        """Take what came; return what is to be handed on. A held message waits for the next packet of any kind."""
        self._rest += block
        return b"".join(self._pass(packet) for packet in self._packets())

    def _packets(self) -> Iterator[bytes]:
        while (size := _packet_size(self._rest)) is not None:
            packet, self._rest = self._rest[:size], self._rest[size:]
            yield packet

    def _pass(self, packet: bytes) -> bytes:
        held, self._held = self._held or b"", None
        if packet[0] >> 4 != _PUBLISH or packet[0] & 0b0110:
            return held + packet
        if self._rng.random() < self._repeat:
            packet *= 2
        if not held and self._rng.random() < self._reorder:
            self._held = packet
            return b""
        return packet + held


def _packet_size(data: bytes) -> int | None:
    """Size of the first packet (MQTT 3.1.1, 2.2.3), None where it is not complete."""
    size = 0
    for index, byte in enumerate(data[1:5]):
        size |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            total = 2 + index + size
            return total if len(data) >= total else None
    return None
