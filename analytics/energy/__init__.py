"""Energy management: baselines and savings (ISO 50006, IPMVP), forecasts, tariffs and the shifting of loads."""
