"""The grid meter of the main board: three phases, counters, and the mean of each quarter of an hour."""

from dataclasses import dataclass
from math import sqrt

WINDOW_S = 900.0
"""Time over which grid companies bill the demand."""

PHASE_SHARES = (0.338, 0.331, 0.331)
"""Part of the power on each phase; single-phase loads make a small imbalance."""

PHASE_OFFSETS_V = (0.4, -0.6, 0.1)


@dataclass(slots=True)
class GridMeter:
    """What the meter measures and remembers; powers are means of the step.

    Attributes:
        nominal_v: voltage, phase to neutral.
        voltage_share: grid voltage against nominal.
        grid_on: whether the grid has voltage.
        grid_w: power from the grid, negative = into the grid.
        reactive_var: reactive power from the grid.
        window, window_ws, window_s: number of the quarter of an hour in the day, its import and length so far.
        demand_w, peak_demand_w: mean import of the last full quarter of an hour, highest since the start.
        import_ws, export_ws: energy from and into the grid since the start.
        cost: of the import since the start, in the currency of the tariff.
    """

    nominal_v: float = 230.0
    voltage_share: float = 1.0
    grid_on: bool = True
    grid_w: float = 0.0
    reactive_var: float = 0.0
    window: int = -1
    window_ws: float = 0.0
    window_s: float = 0.0
    demand_w: float = 0.0
    peak_demand_w: float = 0.0
    import_ws: float = 0.0
    export_ws: float = 0.0
    cost: float = 0.0

    def count(self, dt_s: float, local_hour: float, price_kwh: float) -> None:
        """Count one step of `grid_w`.

        Args:
            dt_s: length of the step; it must not reach over the end of a quarter of an hour.
            local_hour: time of day at its begin, in hours.
            price_kwh: energy price.
        """
        imported_ws = 0.0
        if self.grid_w > 0.0:
            imported_ws = self.grid_w * dt_s
            self.import_ws += imported_ws
            self.cost += imported_ws / 3.6e6 * price_kwh
        else:
            self.export_ws -= self.grid_w * dt_s
        # A millisecond keeps a rounded time of day from falling on the wrong side of the quarter of an hour.
        window = int((local_hour * 3600.0 + 1e-3) / WINDOW_S)
        if window != self.window:
            if self.window_s > 0.0:
                self.demand_w = self.window_ws / self.window_s
                self.peak_demand_w = max(self.peak_demand_w, self.demand_w)
            self.window, self.window_ws, self.window_s = window, 0.0, 0.0
        self.window_ws += imported_ws
        self.window_s += dt_s

    def volts(self, phase: int) -> float:
        """Voltage of the grid, phase to neutral."""
        return self.nominal_v * self.voltage_share + PHASE_OFFSETS_V[phase] if self.grid_on else 0.0

    def watts(self, phase: int) -> float:
        """Active power of one phase at the grid meter."""
        return self.grid_w * PHASE_SHARES[phase]

    @property
    def volt_amperes(self) -> float:
        """Apparent power of all phases at the grid meter."""
        return sqrt(self.grid_w * self.grid_w + self.reactive_var * self.reactive_var)

    def amperes(self, phase: int) -> float:
        """Current of one phase at the grid meter."""
        return self.volt_amperes * PHASE_SHARES[phase] / self.volts(phase) if self.grid_on else 0.0

    @property
    def power_factor(self) -> float:
        """Active against apparent power, equal in all phases; 1 where nothing flows."""
        apparent = self.volt_amperes
        return abs(self.grid_w) / apparent if apparent > 0.0 else 1.0
