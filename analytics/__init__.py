"""Analytics: reads stored windows, assesses them, publishes results as an edge node of its own."""
