"""Rolling bearings: how often their parts meet in a turn of the shaft."""

from dataclasses import dataclass
from math import cos, radians

from analytics.errors import UnusableInputError


@dataclass(frozen=True, slots=True)
class BearingGeometry:
    """A rolling bearing with a turning inner ring and a fixed outer ring.

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

    def __post_init__(self) -> None:
        if self.balls < 2 or not 0.0 < self.ball_mm < self.pitch_mm:
            raise UnusableInputError(
                "geometry of a bearing",
                f"{self.balls} balls of {self.ball_mm} mm on a pitch circle of {self.pitch_mm} mm",
                "expected two balls or more, smaller than the pitch circle",
            )


@dataclass(frozen=True, slots=True)
class Orders:
    """Frequencies of a bearing in multiples of the shaft's.

    Attributes:
        inner_race: balls passing a point of the inner race (BPFI).
        outer_race: balls passing a point of the outer race (BPFO).
        ball_spin: turns of a ball about its own axis (BSF); a spot on it hits a race twice a turn.
        cage: turns of the cage (FTF).
    """

    inner_race: float
    outer_race: float
    ball_spin: float
    cage: float

    def __post_init__(self) -> None:
        if not 0.0 < self.cage < 1.0 < self.outer_race < self.inner_race or self.ball_spin <= 0.0:
            raise UnusableInputError(
                "orders of a bearing",
                f"BPFI {self.inner_race}, BPFO {self.outer_race}, BSF {self.ball_spin}, FTF {self.cage}",
                "expected multiples of the shaft frequency: 0 < FTF < 1 < BPFO < BPFI, and BSF above 0",
            )


def bearing_orders(geometry: BearingGeometry) -> Orders:
    """Return the orders of a bearing whose balls roll without slip; real ones turn up to 1-2 % beside them.

    Randall and Antoni, "Rolling element bearing diagnostics - a tutorial", Mechanical Systems and Signal Processing
    25 (2011) 485-520, equations 1 to 4.
    """
    ratio = geometry.ball_mm / geometry.pitch_mm * cos(radians(geometry.contact_deg))
    return Orders(
        inner_race=geometry.balls / 2.0 * (1.0 + ratio),
        outer_race=geometry.balls / 2.0 * (1.0 - ratio),
        ball_spin=geometry.pitch_mm / geometry.ball_mm / 2.0 * (1.0 - ratio**2),
        cage=(1.0 - ratio) / 2.0,
    )


ORDERS_6205 = Orders(inner_race=5.4152, outer_race=3.5848, ball_spin=2.3568, cage=0.3983)
"""Deep-groove ball bearing 6205-2RS: CWRU Bearing Data Center, bearing information."""

ORDERS_6203 = Orders(inner_race=4.9469, outer_race=3.0530, ball_spin=1.9937, cage=0.3817)
"""Deep-groove ball bearing 6203-2RS: same source."""
