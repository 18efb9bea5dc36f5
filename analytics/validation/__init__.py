"""Sensor validation: which readings are not to be believed, before anything is concluded from them."""

from analytics.validation.checks import SensorNorm, Suspicion, check_sensor

__all__ = ["SensorNorm", "Suspicion", "check_sensor"]
