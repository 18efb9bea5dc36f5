"""Units of the line; every file here defines one unit as `UNIT` and is found by the line definition."""
