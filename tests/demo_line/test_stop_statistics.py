"""The tests of stops that the study of healthy lines uses: they find a line that is not as configured."""

from typing import Any

import pytest

from tests.benchmarks.stop_statistics import StopWatch, judge, refuted
from tests.demo_line import packaging

HOURS = 300


@pytest.fixture(scope="module")
def watches() -> dict[str, StopWatch]:
    """Months of a filler, judged by its own causes and by wrong ones."""
    line = packaging.packaging()
    filler: Any = line.parameters["MONO-30"]

    def other(**change: Any) -> Any:
        causes = [
            cause.model_copy(update={k: v * getattr(cause, k) for k, v in change.items()}) for cause in filler.stops
        ]
        return filler.model_copy(update={"stops": tuple(causes)})

    swapped = [c.model_copy(update={"per_h": d.per_h}) for c, d in zip(filler.stops, filler.stops[::-1], strict=True)]
    found = {
        "configured": filler,
        "more often": other(per_h=1.2),
        "longer": other(median_s=1.2),
        "other causes": filler.model_copy(update={"stops": tuple(swapped)}),
    }
    watching = {name: StopWatch({"MONO-30": parameters}) for name, parameters in found.items()}

    def watch(state: Any) -> None:
        for one in watching.values():
            one.observe(state)
        state.around.events.clear()

    packaging.run(line, packaging.producing(line), HOURS, 60.0, watch)
    return watching


def test_stops_of_a_line_are_distributed_as_configured(watches: dict[str, StopWatch]) -> None:
    """Number, causes and lengths of some thousand stops fit the parameters."""
    stops = watches["configured"].stops
    assert sum(stops["MONO-30"].counts) > 1000
    assert refuted(judge([stops])) == []


@pytest.mark.parametrize(
    ("wrong", "what"), [("more often", "number of stops"), ("longer", "lengths"), ("other causes", "causes")]
)
def test_stops_that_are_not_as_configured_are_found(watches: dict[str, StopWatch], wrong: str, what: str) -> None:
    """The same stops contradict parameters that are a fifth off, or causes that are mixed up."""
    assert f"MONO-30: {what}" in [judgement.what for judgement in refuted(judge([watches[wrong].stops]))]
