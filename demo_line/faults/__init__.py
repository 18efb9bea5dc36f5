"""Faults, twins and disturbances; every file here defines one as `FAULT` (or several as `FAULTS`)."""
