"""REST API and live stream of the gateway."""
