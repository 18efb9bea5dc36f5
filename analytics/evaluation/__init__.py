"""Evaluation: what is known of simulated runs from their signals, against their truth."""
