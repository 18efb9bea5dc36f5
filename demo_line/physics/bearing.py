"""Rolling bearings: the frequencies at which their parts pass each other, from geometry."""

from dataclasses import dataclass
from math import cos, radians


@dataclass(frozen=True, slots=True)
class Bearing:
    """Geometry of a rolling bearing with a turning inner ring and a fixed outer ring.

    The properties are frequencies divided by the shaft frequency ("orders") for rolling without slip: Randall and
    Antoni, "Rolling element bearing diagnostics - a tutorial", Mechanical Systems and Signal Processing 25 (2011)
    485-520, equations 1 to 4. Real bearings slip and turn 1-2 % beside them.

    Attributes:
        balls: number of rolling elements.
        ball_mm: their diameter.
        pitch_mm: diameter of the circle on which their centres run.
        contact_deg: contact angle.
    """

    balls: int
    ball_mm: float
    pitch_mm: float
    contact_deg: float = 0.0

    @property
    def _ratio(self) -> float:
        return self.ball_mm / self.pitch_mm * cos(radians(self.contact_deg))

    @property
    def outer_race(self) -> float:
        """Balls passing a point of the outer race (BPFO)."""
        return self.balls / 2.0 * (1.0 - self._ratio)

    @property
    def inner_race(self) -> float:
        """Balls passing a point of the inner race (BPFI)."""
        return self.balls / 2.0 * (1.0 + self._ratio)

    @property
    def ball_spin(self) -> float:
        """Turns of a ball about its own axis (BSF); a spot on it hits a race twice a turn."""
        return self.pitch_mm / self.ball_mm / 2.0 * (1.0 - self._ratio**2)

    @property
    def cage(self) -> float:
        """Turns of the cage (FTF)."""
        return (1.0 - self._ratio) / 2.0


BEARING_6205 = Bearing(balls=9, ball_mm=7.94, pitch_mm=39.04)
"""Deep-groove ball bearing 6205: nine balls of 5/16 inch on a pitch circle of 39.04 mm."""
