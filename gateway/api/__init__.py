"""REST API and live stream."""
