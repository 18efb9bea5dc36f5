"""Features: pure functions of arrays and windows, without I/O or clock."""
