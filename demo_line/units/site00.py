"""SITE-00: weather and surroundings of the plant, by calendar and seed.

Outdoor temperature by season, time of day and slow weather; irradiance by the position of the sun and clouds; the air
in the hall follows outdoors, the raw water follows the season. All of it is computed once a minute, for the middle of
the minute, and the weather is drawn on a fixed grid of ten minutes, so that every step length sees the same weather.
"""

from dataclasses import dataclass
from math import cos, exp, pi, radians, sin, sqrt

from pydantic import Field

from demo_line.draws import Draws
from demo_line.signals import Signal
from demo_line.unit import Parameters, Surroundings, UnitType, approach

KNOT_S = 600.0
MINUTE_S = 60.0


class Site00Parameters(Parameters):
    """Climate and building; the defaults are those of a continental town in the middle latitudes."""

    latitude_deg: float = Field(default=45.0, ge=-66, le=66)
    solar_noon_h: float = Field(default=12.0, description="local time at which the sun is highest, on average")
    mean_degc: float = Field(default=13.0, description="outdoors, mean of the year")
    season_k: float = Field(default=11.0, ge=0, description="amplitude of the season")
    warmest_day: int = Field(default=200, ge=1, le=366)
    day_k: float = Field(default=5.0, ge=0, description="amplitude of a clear day")
    weather_k: float = Field(default=3.0, ge=0, description="standard deviation of slow weather")
    weather_time_constant_h: float = Field(default=60.0, gt=0)
    cloud_mean: float = Field(default=0.45, ge=0, le=1)
    cloud_spread: float = Field(default=0.35, ge=0)
    cloud_time_constant_h: float = Field(default=6.0, gt=0)
    passing_cloud_spread: float = Field(default=0.15, ge=0, description="of single clouds, within minutes")
    hall_gain_k: float = Field(default=3.0, description="hall above outdoors, by the machines' heat")
    hall_heated_degc: float = Field(default=19.0, description="the hall is never colder")
    hall_time_constant_h: float = Field(default=8.0, gt=0)
    water_mean_degc: float = Field(default=13.0, description="raw water, mean of the year")
    water_season_k: float = Field(default=4.0, ge=0)
    water_lag_days: float = Field(default=30.0, description="its warmest day comes so much later")
    hot_weather_k: float = Field(default=10.0, description="outdoors, at severity 1 of `hot_weather`")


@dataclass(slots=True)
class Site00State:
    """State of SITE-00; weather and clouds are known at the last two knots of the grid.

    Attributes:
        knot, minute: number of the last knot drawn and of the minute computed.
        before, after: (slow weather in K, cloud cover, passing clouds), at the knot before and after now.
        outdoor_degc, hall_degc, irradiance_w_m2, raw_water_degc, cloud_cover: surroundings now.
    """

    knot: int
    minute: int
    before: tuple[float, float, float]
    after: tuple[float, float, float]
    outdoor_degc: float
    hall_degc: float
    irradiance_w_m2: float
    raw_water_degc: float
    cloud_cover: float


def sine_of_elevation(latitude_deg: float, day_of_year: float, hours_from_noon: float) -> float:
    """Sine of the sun's elevation.

    sin h = sin(lat) sin(d) + cos(lat) cos(d) cos(15 deg x hours); declination d = 23.45 deg x sin(360 deg (284 + n) /
    365) (Cooper 1969; Duffie and Beckman, "Solar Engineering of Thermal Processes", section 1.6).
    """
    declination = radians(23.45) * sin(2.0 * pi * (284.0 + day_of_year) / 365.0)
    latitude = radians(latitude_deg)
    return sin(latitude) * sin(declination) + cos(latitude) * cos(declination) * cos(pi / 12.0 * hours_from_noon)


def irradiance_w_m2(sine: float, cloud_cover: float) -> float:
    """Global irradiance on the horizontal in W/m2, 0 below the horizon.

    Clear sky 1098 s exp(-0.057 / s), s = sine of the elevation (Haurwitz 1945); clouds leave 1 - 0.75 N^3.4 of it,
    N = cover 0 to 1 (Kasten and Czeplak 1980).
    """
    if sine <= 0.01:
        return 0.0
    passed: float = 1.0 - 0.75 * cloud_cover**3.4
    return 1098.0 * sine * exp(-0.057 / sine) * passed


def outdoor_degc(p: Site00Parameters, day_of_year: float, hour: float, cloud_cover: float, weather_k: float) -> float:
    """Outdoor temperature: season, day (warmest three hours after noon, half as strong under clouds), slow weather."""
    season = p.season_k * cos(2.0 * pi * (day_of_year - p.warmest_day) / 365.0)
    day = p.day_k * (1.0 - 0.5 * cloud_cover) * cos(pi / 12.0 * (hour - p.solar_noon_h - 3.0))
    return p.mean_degc + season + day + weather_k


def _initial(p: Site00Parameters) -> Site00State:
    return Site00State(
        knot=-1,
        minute=-1,
        before=(0.0, 0.0, 0.0),
        after=(0.0, 0.0, 0.0),
        outdoor_degc=p.mean_degc,
        hall_degc=max(p.mean_degc + p.hall_gain_k, p.hall_heated_degc),
        irradiance_w_m2=0.0,
        raw_water_degc=p.water_mean_degc,
        cloud_cover=p.cloud_mean,
    )


def _step(p: Site00Parameters, s: Site00State, around: Surroundings, draws: Draws) -> None:
    minute = int((around.elapsed_s - 1e-6) / MINUTE_S)
    if minute != s.minute:
        _compute(p, s, minute, around, draws)
    _offer(s, around.supplies)


def _compute(p: Site00Parameters, s: Site00State, minute: int, around: Surroundings, draws: Draws) -> None:
    weather_k, slow_cloud, cloud = _weather(p, s, (minute + 0.5) * MINUTE_S, draws)
    severity, plan = around.severity, around.plan
    cover = min(max(p.cloud_mean + slow_cloud + cloud, 0.0), 1.0)
    s.cloud_cover = cover = max(cover, severity["cloud_over_pv"])
    # The plan's calendar is that of the step's begin, in every solver the begin of the minute.
    hour = plan.local_hour + 0.5 * MINUTE_S / 3600.0
    day = plan.day_of_year + hour / 24.0
    s.irradiance_w_m2 = irradiance_w_m2(sine_of_elevation(p.latitude_deg, day, hour - p.solar_noon_h), cover)
    s.outdoor_degc = outdoor_degc(p, day, hour, cover, weather_k) + p.hot_weather_k * severity["hot_weather"]
    water_day = day - p.warmest_day - p.water_lag_days
    s.raw_water_degc = p.water_mean_degc + p.water_season_k * cos(2.0 * pi * water_day / 365.0) + 0.2 * weather_k
    hall = max(s.outdoor_degc + p.hall_gain_k, p.hall_heated_degc)
    if s.minute < 0:
        s.hall_degc = max(hall, p.hall_heated_degc)
    s.hall_degc = approach(s.hall_degc, hall, (minute - s.minute) * MINUTE_S, p.hall_time_constant_h * 3600.0)
    s.minute = minute


def _weather(p: Site00Parameters, s: Site00State, at_s: float, draws: Draws) -> tuple[float, float, float]:
    """Slow weather, slow clouds and passing clouds at a moment, between the knots around it."""
    knot = int(at_s / KNOT_S)
    while s.knot < knot:
        if s.knot < 0:
            s.after = (p.weather_k * draws.normal(), p.cloud_spread * draws.normal(), 0.0)
        s.before = s.after
        weather = _next(s.before[0], p.weather_k, p.weather_time_constant_h * 3600.0, draws)
        slow = _next(s.before[1], p.cloud_spread, p.cloud_time_constant_h * 3600.0, draws)
        passing = _next(s.before[2], p.passing_cloud_spread, 900.0, draws)
        s.after = (weather, slow, passing)
        s.knot += 1
    part = at_s / KNOT_S - knot
    (weather_0, slow_0, passing_0), (weather_1, slow_1, passing_1) = s.before, s.after
    return (
        weather_0 + part * (weather_1 - weather_0),
        slow_0 + part * (slow_1 - slow_0),
        passing_0 + part * (passing_1 - passing_0),
    )


def _next(value: float, spread: float, time_constant_s: float, draws: Draws) -> float:
    """Ornstein-Uhlenbeck process one knot later, exact for any distance of the knots."""
    kept = exp(-KNOT_S / time_constant_s)
    return value * kept + spread * sqrt(1.0 - kept * kept) * draws.normal()


def _offer(s: Site00State, supplies: dict[str, float]) -> None:
    supplies["ambient_degc"] = s.hall_degc
    supplies["outdoor_degc"] = s.outdoor_degc
    supplies["irradiance_w_m2"] = s.irradiance_w_m2
    supplies["raw_water_degc"] = s.raw_water_degc


S = Signal[Site00State]

UNIT = UnitType(
    unit_id="SITE-00",
    title="Weather and surroundings",
    parameters=Site00Parameters,
    initial=_initial,
    step=_step,
    supplies=("ambient_degc", "outdoor_degc", "irradiance_w_m2", "raw_water_degc"),
    announce=lambda _p, s, supplies: _offer(s, supplies),
    signals=(
        S("outdoor_degc", "°C", -40, 60, "Outdoor temperature in the shade",
          lambda s: s.outdoor_degc, noise=0.05, resolution=0.1, period_s=10),
        S("hall_degc", "°C", -10, 60, "Air in the hall",
          lambda s: s.hall_degc, noise=0.05, resolution=0.1, period_s=10),
        S("irradiance_w_m2", "W/m²", 0, 1400, "Global irradiance on the horizontal",
          lambda s: s.irradiance_w_m2, noise=2.0, resolution=1.0, period_s=10),
        S("raw_water_degc", "°C", 0, 40, "Raw water",
          lambda s: s.raw_water_degc, noise=0.03, resolution=0.1, period_s=10),
    ),
    truth=(S("cloud_cover", "", 0, 1, "Cloud cover, 0 clear to 1 overcast", lambda s: s.cloud_cover),),
)  # fmt: skip
