"""Short seeded faults on the whole path; the books must balance after each."""

import os

import pytest

from tests.faults.kind import SHORT
from tests.faults.kinds import BY_NAME
from tests.faults.run import cannot_run, run

# A choice that breaks every part once; `make faults` runs all kinds.
FAULTS = (
    ("edge_kill", 11, "duckdb"),
    ("broker_kill", 13, "influx"),
    ("broker_freeze", 14, "duckdb"),
    ("influx_401", 18, "influx"),
    ("influx_bad_point", 19, "influx"),
    ("edge_disk_full", 20, "duckdb"),
    ("gateway_disk_full", 21, "duckdb"),
    ("opcua_then_edge_kill", 22, "duckdb"),
    ("gateway_crash_points", 23, "duckdb"),
    ("influx_throttled", 24, "influx"),
    ("edge_clock_wrong_at_start", 25, "duckdb"),
)


@pytest.mark.faults
@pytest.mark.servers
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("name", "seed", "store"), FAULTS, ids=[name for name, _, _ in FAULTS])
def test_the_books_balance_after_a_fault(name: str, seed: int, store: str) -> None:
    """Every offered value is stored, suppressed by rule, quarantined or in a gap no wider than the fault."""
    assert store in ("duckdb", "influx")
    reason = cannot_run(BY_NAME[name], store)
    if reason is not None:
        if os.environ.get("REQUIRE_SERVERS"):
            pytest.fail(reason)
        pytest.skip(reason)
    result = run(name, seed, SHORT, "influx" if store == "influx" else "duckdb")
    assert result.passed, result.problem
