"""The OpenAPI document: complete, and true under fuzzing."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from gateway.api.application import create_api
from tests.gateway.conftest import serving
from tests.gateway.plant import Plant, bottling_series

PATHS = (
    "/api/v1/equipment",
    "/api/v1/gaps",
    "/api/v1/health",
    "/api/v1/latest",
    "/api/v1/pipeline",
    "/api/v1/samples",
    "/api/v1/samples/several",
    "/api/v1/series",
    "/api/v1/stream",
    "/api/v1/waveform",
    "/api/v1/waveforms",
    "/metrics",
)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for all cases: they change nothing."""
    now_ns = time.time_ns()
    plant = Plant(tmp_path_factory.mktemp("plant") / "plant.duckdb", bottling_series(), now_ns)
    plant.write_history(now_ns, 600, 5.0)
    with serving(create_api(plant)) as url:
        yield url
    plant.store.close()


@pytest.fixture(scope="module")
def document(served: str) -> schemathesis.BaseSchema:
    """The OpenAPI document as a client reads it."""
    return schemathesis.openapi.from_url(f"{served}/openapi.json")


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("path", PATHS)
def test_every_operation_answers_as_documented(
    document: schemathesis.BaseSchema, path: str, mode: schemathesis.GenerationMode
) -> None:
    """No input, valid or not, makes the gateway fail or answer in a shape that the document does not name."""
    operation = document[path]["GET"]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def fuzz(case: schemathesis.Case[Any]) -> None:
        if mode is schemathesis.GenerationMode.POSITIVE and path in ("/api/v1/samples", "/api/v1/waveforms"):
            case.query["series"] = str(1 + len(str(case.query)) % 28)  # most names that are made up are no series
        case.call_and_validate(checks=CHECKS)

    try:
        fuzz()
    except Unsatisfiable:
        assert mode is schemathesis.GenerationMode.NEGATIVE, path
        assert not operation.definition.raw.get("parameters"), path  # nothing can be wrong about no parameters


def test_every_operation_and_field_is_explained(served: str) -> None:
    """Each operation has a title, a description and a tag; each field of an answer has an example or is an object."""
    document = httpx.get(f"{served}/openapi.json").json()
    assert document["info"]["title"] == "Smart factory showroom gateway"
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            assert operation["description"], path
            assert operation["tags"], path
    assert set(document["paths"]) == set(PATHS)


def test_the_documentation_page_loads_nothing_from_elsewhere(served: str) -> None:
    """It works with the internet unplugged."""
    page = httpx.get(f"{served}/docs").text
    assert "http://" not in page
    assert "https://" not in page
    for file in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert httpx.get(f"{served}/docs/files/{file}").status_code == 200
