"""State of the gateway that is not a time series, in one SQLite file."""
