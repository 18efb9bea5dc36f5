"""The tests of stops that the study of healthy lines uses: they find a line that is not as configured."""

from typing import Any

import pytest

from demo_line.line import LineState
from demo_line.packml import State
from tests.benchmarks.stop_statistics import StopWatch, judge, refuted
from tests.demo_line import packaging

HOURS = 240


@pytest.fixture(scope="module")
def watched() -> tuple[LineState, dict[str, StopWatch]]:
    """Ten days of the packaging machines without a pause, and their stops judged by right and wrong parameters."""
    line = packaging.packaging()
    machines: dict[str, Any] = {unit_id: line.parameters[unit_id] for unit_id in packaging.MACHINES}
    filler = machines["MONO-30"]

    def other(**change: float) -> Any:
        causes = (
            cause.model_copy(update={k: v * getattr(cause, k) for k, v in change.items()}) for cause in filler.stops
        )
        return filler.model_copy(update={"stops": tuple(causes)})

    swapped = (c.model_copy(update={"per_h": d.per_h}) for c, d in zip(filler.stops, filler.stops[::-1], strict=True))
    watches = {
        "configured": StopWatch(machines),
        "more often": StopWatch({"MONO-30": other(per_h=1.2)}),
        "longer": StopWatch({"MONO-30": other(median_s=1.2)}),
        "other causes": StopWatch({"MONO-30": filler.model_copy(update={"stops": tuple(swapped)})}),
    }

    def watch(state: LineState) -> None:
        for one in watches.values():
            one.observe(state)
        state.around.events.clear()

    return packaging.run(line, packaging.producing(line, seed=5), HOURS, 60.0, watch), watches


def test_stops_of_a_line_are_distributed_as_configured(watched: tuple[LineState, dict[str, StopWatch]]) -> None:
    """Number, causes and lengths of the stops of every machine fit its parameters."""
    stops = watched[1]["configured"].stops
    assert sum(stops["MONO-30"].counts) > 700
    assert refuted(judge([stops])) == []


@pytest.mark.parametrize(
    ("wrong", "what"), [("more often", "number of stops"), ("longer", "lengths"), ("other causes", "causes")]
)
def test_stops_that_are_not_as_configured_are_found(
    watched: tuple[LineState, dict[str, StopWatch]], wrong: str, what: str
) -> None:
    """The same stops contradict parameters that are a fifth off, or causes that are mixed up."""
    found = refuted(judge([watched[1][wrong].stops]))
    assert f"MONO-30: {what}" in [judgement.what for judgement in found]


def test_an_own_stop_holds_the_machine_and_aborts_nothing(watched: tuple[LineState, dict[str, StopWatch]]) -> None:
    """The state HELD lasts as long as the stops."""
    mono = watched[0].units["MONO-30"]
    assert mono.packml.seconds[State.HELD] == pytest.approx(mono.held_s, rel=0.15)
    assert mono.packml.seconds[State.ABORTED] == 0.0
