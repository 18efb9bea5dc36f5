"""Saturation of the refrigerant R134a."""

from math import exp, log, sqrt

KELVIN = 273.15
CRITICAL_K, CRITICAL_BAR = 374.18, 40.5629


def saturation_bar(degc: float) -> float:
    """Absolute saturation pressure of R134a in bar, from -40 to 100 degC.

    ln(p / pc) = (Tc / T) (-7.686556 x + 2.311791 x^1.5 - 2.039554 x^2 - 3.583758 x^4), x = 1 - T / Tc (Tillner-Roth and
    Baehr, J. Phys. Chem. Ref. Data 23 (1994) 657, ancillary equation).
    """
    x = 1.0 - (degc + KELVIN) / CRITICAL_K
    power = -7.686556 * x + 2.311791 * x * sqrt(x) - x * x * (2.039554 + 3.583758 * x * x)
    return CRITICAL_BAR * exp(power / (1.0 - x))


def saturation_degc(bar: float, near_degc: float) -> float:
    """Saturation temperature of R134a at an absolute pressure in bar.

    ln p is almost linear in 1/T with slope -2700 K, so three rounds of Newton's method leave less than 0.01 K within
    30 K of `near_degc`.
    """
    kelvin = near_degc + KELVIN
    for _ in range(3):
        kelvin = 1.0 / (1.0 / kelvin - log(bar / saturation_bar(kelvin - KELVIN)) / 2700.0)
    return kelvin - KELVIN
