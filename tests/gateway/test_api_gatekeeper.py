"""What every request passes first: host, origin, size, headers; and errors as problems."""

import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from gateway.api.application import create_api
from gateway.api.settings import MAX_BODY_BYTES, WebSettings
from tests.gateway.conftest import serving
from tests.gateway.plant import Plant


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8080", "127.0.0.1", "192.168.1.20:8080", "[::1]:8080", "hall.example"]
)
def test_own_names_and_ip_addresses_are_served(plant: Plant, host: str) -> None:
    """A phone reaches the gateway by its address; a configured name works too."""
    app = create_api(plant, WebSettings(allowed_hosts=frozenset({"Hall.example"})))
    with serving(app) as url:
        assert httpx.get(f"{url}/api/v1/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "[::1", "a b"]
)
def test_a_foreign_host_name_is_refused(api: httpx.Client, host: str) -> None:
    """A page whose name was made to resolve to this machine (DNS rebinding) reads nothing."""
    response = api.get("/api/v1/latest", headers={"Host": host})
    assert response.status_code == 421
    assert "allowed_hosts" in response.json()["remedy"]


def test_a_page_of_another_origin_may_not_write(api: httpx.Client) -> None:
    """A cross-origin request with a body is refused before any route sees it."""
    headers = {"Origin": "https://evil.example"}
    assert api.post("/api/v1/health", headers=headers).status_code == 403
    assert api.post("/api/v1/health", headers={"Origin": str(api.base_url).rstrip("/")}).status_code == 405


def test_no_other_origin_is_ever_allowed_to_read(api: httpx.Client) -> None:
    """There is no CORS header, so browsers keep answers from foreign pages."""
    response = api.get("/api/v1/latest", headers={"Origin": "https://evil.example"})
    assert not [name for name in response.headers if name.startswith("access-control-")]


def test_every_answer_carries_the_security_headers(api: httpx.Client) -> None:
    """Pages, data, files and errors alike."""
    for path in ("/docs", "/api/v1/health", "/docs/files/swagger-ui.css", "/api/v1/none", "/metrics"):
        headers = api.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"], path
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "no-referrer", path
    assert api.get("/api/v1/health").headers["cache-control"] == "no-store"


def test_bodies_and_addresses_have_a_limit(api: httpx.Client) -> None:
    """What is announced too large is refused; what grows too large without saying so is cut off."""
    assert api.post("/api/v1/health", content=b"x" * (MAX_BODY_BYTES + 1)).status_code == 413
    assert api.get("/api/v1/series", params={"path": "x" * 9000}).status_code == 414
    address = urlsplit(str(api.base_url))
    assert address.hostname is not None
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)

    def endless() -> Iterator[bytes]:
        for _ in range(200):
            yield b"x" * 65_536

    try:
        connection.request(
            "POST", "/api/v1/health", body=endless(), headers={"Host": address.netloc}, encode_chunked=True
        )
        assert connection.getresponse().status in (405, 413)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the server hung up in the middle, as it should
    finally:
        connection.close()
    assert api.get("/api/v1/health").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/none", 404),
        ("GET", "/api/v2/health", 404),
        ("POST", "/api/v1/samples", 405),
        ("DELETE", "/metrics", 405),
        ("OPTIONS", "/api/v1/latest", 405),
        ("GET", "/api/v1/stream", 426),
        ("GET", "/api/v1/samples?series=1&max_points=x", 422),
    ],
)
def test_errors_are_problem_details(api: httpx.Client, method: str, path: str, status: int) -> None:
    """RFC 9457: media type, status, instance; and a remedy."""
    response = api.request(method, path)
    problem = response.json()
    assert response.status_code == problem["status"] == status
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["instance"] == path.split("?")[0]
    assert problem["type"].startswith("urn:smart-factory-showroom:problem:")
    assert problem["remedy"]
    assert (response.headers.get("allow") == "GET") == (status == 405)


def test_an_unexpected_failure_says_no_more_than_its_kind(api: httpx.Client, plant: Plant) -> None:
    """A message that may hold a path or a secret stays in the log."""

    def fail() -> list[object]:
        raise LookupError("/secret/path")

    plant.hops = fail  # type: ignore[method-assign, assignment]
    response = api.get("/api/v1/health")
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "LookupError" in response.text
    assert "secret" not in response.text
