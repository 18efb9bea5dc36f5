"""Benchmarks: commands that print figures. `python -m tests.benchmarks` runs them all."""
