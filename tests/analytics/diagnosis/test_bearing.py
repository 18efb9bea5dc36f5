import numpy as np
import pytest

from analytics.diagnosis.bearing_classifier import BearingClassifier
from analytics.diagnosis.bearing_rules import BALL, INNER, OUTER, UNKNOWN, BearingRules
from analytics.diagnosis.bearing_windows import BearingDiagnoser, measure
from analytics.errors import NotEnoughDataError, UnusableInputError
from analytics.features.bearing import ORDERS_6203, ORDERS_6205, Orders
from analytics.features.envelope import envelope_spectrum, prewhitened
from analytics.features.spectrum import Spectrum
from tests.analytics.bearings import FloatArray, struck

SHAFT_HZ = 29.17


def envelope_of(signal: FloatArray, rate_hz: int) -> Spectrum:
    return envelope_spectrum(prewhitened(signal, rate_hz), rate_hz, (0.025 * rate_hz, 0.475 * rate_hz))


@pytest.mark.parametrize("orders", [ORDERS_6205, ORDERS_6203], ids=["6205", "6203"])
@pytest.mark.parametrize(("rate_hz", "seconds"), [(12_000, 0.5), (12_800, 1.0)])
@pytest.mark.parametrize("seed", [1, 2])
def test_races_are_named_with_evidence(orders: Orders, rate_hz: int, seconds: float, seed: int) -> None:
    """A struck race of either bearing is named at half a per cent of slip, and the evidence names its line."""
    for part, order, modulation in ((OUTER, orders.outer_race, 0.0), (INNER, orders.inner_race, SHAFT_HZ)):
        impact_hz = 0.995 * order * SHAFT_HZ
        signal = struck(rate_hz, seconds, impact_hz, modulation, strength=6.0, seed=seed)
        found = BearingRules().assess(envelope_of(signal, rate_hz), SHAFT_HZ, orders)
        assert found[0].mechanism == part
        assert found[0].probability > 0.7
        assert (
            f"{impact_hz:.0f}" in found[0].evidence[0].text.replace(".", " ").split() or found[0].evidence[0].supports
        )


@pytest.mark.parametrize("seed", range(5))
def test_noise_alone_is_unknown(seed: int) -> None:
    """Without lines the rules name no part, unless something else says that the bearing is damaged."""
    spectrum = envelope_of(struck(12_800, 1.0, 100.0, strength=0.0, seed=seed), 12_800)
    found = BearingRules().assess(spectrum, SHAFT_HZ, ORDERS_6205)
    assert found[0].mechanism == UNKNOWN
    damaged = BearingRules().assess(spectrum, SHAFT_HZ, ORDERS_6205, known_faulty=True)
    assert damaged[0].mechanism == BALL
    assert any("elimination" in evidence.text for evidence in damaged[0].evidence)


def test_probabilities_add_up() -> None:
    """The probabilities of all parts and of unknown add up to one, most probable first."""
    found = BearingRules().assess(envelope_of(struck(12_800, 1.0, 104.0), 12_800), SHAFT_HZ, ORDERS_6205)
    shares = [diagnosis.probability for diagnosis in found]
    assert sum(shares) == pytest.approx(1.0)
    assert shares == sorted(shares, reverse=True)
    assert {diagnosis.mechanism for diagnosis in found} == {OUTER, INNER, BALL, UNKNOWN}


def test_a_spectrum_that_ends_too_early_is_refused() -> None:
    """A rate too low for the harmonics of the bearing is refused, not judged on fewer of them."""
    spectrum = envelope_of(struck(12_800, 1.0, 104.0), 12_800).up_to(300.0)
    with pytest.raises(UnusableInputError, match="the spectrum ends at"):
        BearingRules().assess(spectrum, SHAFT_HZ, ORDERS_6205)


def windows_of(label: str, orders: Orders, count: int, strength: float = 6.0) -> list[tuple[FloatArray, str]]:
    order = {"outer": orders.outer_race, "inner": orders.inner_race, "ball": 2.37, "normal": 1.0}[label]
    modulation = SHAFT_HZ if label == "inner" else 0.0
    force = {"normal": 0.0, "ball": 2.0}.get(label, strength)
    return [(struck(12_000, 0.5, order * SHAFT_HZ, modulation, force, seed), label) for seed in range(count)]


def test_what_one_bearing_taught_holds_for_another_type() -> None:
    """A diagnoser that learnt windows of a 6205 names parts of a 6203, and a healthy level as normal."""
    learnt = [pair for label in ("outer", "inner", "ball", "normal") for pair in windows_of(label, ORDERS_6205, 8)]
    diagnoser = BearingDiagnoser()
    diagnoser.learn(
        [measure(signal, 12_000, SHAFT_HZ, ORDERS_6205) for signal, _ in learnt], [label for _, label in learnt]
    )
    for label in ("outer", "inner", "normal"):
        for signal, _ in windows_of(label, ORDERS_6203, 3, strength=4.0):
            assert diagnoser.judge(measure(signal, 12_000, SHAFT_HZ, ORDERS_6203)).label == label


def test_without_a_baseline_nothing_is_called_normal() -> None:
    """Physics alone never says normal: a damaged ball may show no line either."""
    signal = struck(12_000, 0.5, 100.0, strength=0.0)
    assert BearingDiagnoser().judge(measure(signal, 12_000, SHAFT_HZ, ORDERS_6205)).label != "normal"


def test_the_classifier_says_unknown_outside_what_it_learnt() -> None:
    """A window far from everything in training, or between two labels, is unknown."""
    rng = np.random.default_rng(0)
    features = np.vstack([rng.normal(0.0, 0.1, (20, 4)), rng.normal(1.0, 0.1, (20, 4))])
    labels = ["ball"] * 20 + ["outer"] * 20
    classifier = BearingClassifier(least_probability=0.9).fit(features, labels)
    found = classifier.predict([[0.0] * 4, [1.0] * 4, [0.5] * 4, [1.0, 1.0, 9.0, 1.0]])
    assert found.tolist() == ["ball", "outer", "unknown", "unknown"]


@pytest.mark.parametrize("labels", [["ball"] * 10, ["ball"] * 7 + ["outer"] * 3])
def test_too_few_windows_are_refused(labels: list[str]) -> None:
    """One label, or few windows of one, are refused with what is needed."""
    with pytest.raises(NotEnoughDataError, match="two labels with 5 windows each"):
        BearingClassifier().fit(np.zeros((10, 4)), labels)
