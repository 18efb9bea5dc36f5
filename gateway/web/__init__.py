"""Web showroom."""
