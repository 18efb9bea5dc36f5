"""Physics of a milling process from five measured quantities."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CuttingConditions:
    """Rows of a milling machine, float64[n] each.

    Attributes:
        air_k, process_k: temperatures in kelvin.
        speed_rpm: of the spindle.
        torque_nm: at the spindle.
        wear_min: minutes that the tool has cut.
        strain_limit_nm_min: product of wear and torque that a part of this quality bears.
    """

    air_k: Floats
    process_k: Floats
    speed_rpm: Floats
    torque_nm: Floats
    wear_min: Floats
    strain_limit_nm_min: Floats

    def heat_margin_k(self) -> Floats:
        """Return the temperature difference that carries the process heat away, in kelvin."""
        return self.process_k - self.air_k

    def power_w(self) -> Floats:
        """Return the mechanical power at the spindle, in watts."""
        return self.torque_nm * self.speed_rpm * (2.0 * np.pi / 60.0)

    def strain_share(self) -> Floats:
        """Return wear times torque as a share of what the part bears; above 1 it is strained too much."""
        return self.wear_min * self.torque_nm / self.strain_limit_nm_min
