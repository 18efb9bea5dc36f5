"""The demonstration line: stands in for the hardware of a plant."""
