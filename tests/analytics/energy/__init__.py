"""Energy management."""
