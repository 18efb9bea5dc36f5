"""SITE-00: sun, seasons, weather, hall and water."""

import pytest

from demo_line.units.site00 import UNIT, Site00State, irradiance_w_m2, sine_of_elevation
from tests.demo_line.driving import DAY_S, Driven


def site(dt_s: float = 60.0, day: int = 150, seed: int = 1, **severity: float) -> Driven:
    driven = Driven(UNIT, dt_s=dt_s, severity=severity, seed=seed)
    driven.around.plan.day_of_year = day
    return driven


def test_the_sun_stands_where_astronomy_puts_it() -> None:
    """At 45 degrees latitude the noon sun is 68.4 degrees high at midsummer and 21.6 at midwinter; nights are dark."""
    assert sine_of_elevation(45.0, 172, 0.0) == pytest.approx(0.930, abs=0.005)
    assert sine_of_elevation(45.0, 355, 0.0) == pytest.approx(0.368, abs=0.01)
    assert irradiance_w_m2(sine_of_elevation(45.0, 172, 12.0), 0.0) == 0.0


def test_clouds_take_three_quarters_of_the_light_at_most() -> None:
    """Clear noon at midsummer gives about 960 W/m2, an overcast one a quarter of it."""
    noon = sine_of_elevation(45.0, 172, 0.0)
    assert irradiance_w_m2(noon, 0.0) == pytest.approx(960.0, rel=0.02)
    assert irradiance_w_m2(noon, 1.0) == pytest.approx(0.25 * irradiance_w_m2(noon, 0.0))


def mean_outdoor(day: int, seed: int) -> float:
    seen: list[float] = []
    site(day=day, seed=seed).run(10 * DAY_S, lambda s: seen.append(s.outdoor_degc))
    return sum(seen) / len(seen)


def test_seasons_and_seeds_differ() -> None:
    """July is much warmer than January, and another seed brings other weather in the same season."""
    assert mean_outdoor(190, 1) > mean_outdoor(10, 1) + 10.0
    assert mean_outdoor(190, 1) != pytest.approx(mean_outdoor(190, 2), abs=0.05)


def test_every_step_length_sees_the_same_weather() -> None:
    """Steps of a second and of a minute end in the same surroundings, to the last bit."""
    fine, coarse = site(1.0), site(60.0)
    assert fine.run(5 * 3600.0) == coarse.run(5 * 3600.0)


def test_surroundings_stay_within_reason_all_year() -> None:
    """The hall is heated in winter and hotter than outdoors by the machines' heat at most; water never freezes."""
    for day in range(1, 361, 45):
        warmest = -99.0

        def look(s: Site00State) -> None:
            nonlocal warmest
            warmest = max(warmest, s.outdoor_degc)
            assert 19.0 <= s.hall_degc <= max(warmest, 19.0) + 3.1
            assert -30.0 < s.outdoor_degc < 45.0
            assert 4.0 < s.raw_water_degc < 25.0
            assert 0.0 <= s.irradiance_w_m2 < 1000.0

        site(day=day, seed=day).run(3 * DAY_S, look)


def test_hot_weather_and_clouds_come_as_disturbances() -> None:
    """The twins change what is outdoors: ten kelvins more, or a quarter of the light."""
    noon_s = 12 * 3600.0
    usual, hot = site().run(noon_s), site(hot_weather=1.0).run(noon_s)
    assert hot.outdoor_degc == pytest.approx(usual.outdoor_degc + 10.0)
    assert hot.raw_water_degc == pytest.approx(usual.raw_water_degc)
    cloudy = site(cloud_over_pv=1.0).run(noon_s)
    assert cloudy.irradiance_w_m2 == pytest.approx(irradiance_w_m2(sine_of_elevation(45.0, 150.5, 0.0), 1.0), rel=0.02)
