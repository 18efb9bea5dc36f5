"""Sources: one module for each way a machine can be read."""
