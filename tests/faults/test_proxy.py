"""The proxy between the parts does what a fault run asks of it, and nothing else."""

import random
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.faults.proxy import CLIENT_TO_SERVER, SERVER_TO_CLIENT, Proxy, Shuffler
from tests.faults.waiting import wait_until


@pytest.fixture
def echo() -> Iterator[int]:
    """Port of a server that sends back what it gets."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection:
            while block := connection.recv(4096):
                connection.sendall(block)

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def test_what_stood_still_is_handed_on_later(echo: int) -> None:
    """A direction that stands still delivers nothing, keeps the connection, and delivers everything afterwards."""
    proxy = Proxy(echo)
    with socket.create_connection(("127.0.0.1", proxy.port)) as client:
        client.sendall(b"one")
        assert client.recv(10) == b"one"
        for direction in (CLIENT_TO_SERVER, SERVER_TO_CLIENT):
            proxy.pause(direction)
            client.sendall(b"two")
            client.settimeout(0.2)
            with pytest.raises(TimeoutError):
                client.recv(10)
            proxy.resume()
            client.settimeout(5)
            assert client.recv(10) == b"two"
    proxy.close()


def test_a_refusing_proxy_breaks_connections(echo: int) -> None:
    """Open connections end, new ones end at once, and after resume they work again."""
    proxy = Proxy(echo)
    with socket.create_connection(("127.0.0.1", proxy.port)) as client:
        client.sendall(b"one")
        assert client.recv(10) == b"one"
        proxy.refuse()
        assert client.recv(10) == b""
    with socket.create_connection(("127.0.0.1", proxy.port)) as client:
        assert client.recv(10) == b""
    proxy.resume()

    def works() -> bool:
        with socket.create_connection(("127.0.0.1", proxy.port)) as client:
            client.sendall(b"two")
            return client.recv(10) == b"two"

    wait_until(works, 5, "the proxy to work again")
    proxy.close()


def _publish(number: int, qos: int = 0) -> bytes:
    body = b"\x00\x01t" + (b"\x00\x01" if qos else b"") + b"%d" % number * 60
    size = len(body)
    length = bytes([size]) if size < 128 else bytes([size & 0x7F | 0x80, size >> 7])
    return bytes([0x30 | qos << 1]) + length + body


def test_the_shuffler_repeats_and_reorders_but_loses_nothing() -> None:
    """Every QoS 0 message comes out at least once, whole, and other packets keep their place among each other."""
    shuffler = Shuffler(random.Random(1))
    sent = [_publish(number, qos=number % 7 == 0) for number in range(1, 400)] + [b"\xd0\x00"]
    stream = b"".join(sent)
    out = b"".join(shuffler(stream[begin : begin + 37]) for begin in range(0, len(stream), 37))
    for packet in sent:
        assert packet in out
    assert len(out) > len(stream)
    ordered = sorted(sent[:-1], key=out.index)
    assert ordered != sent[:-1]
    certain = [packet for packet in sent if packet[0] & 0b0110]
    assert sorted(certain, key=out.index) == certain
