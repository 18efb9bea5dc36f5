"""Benchmarks on recordings of real machines: prediction apart from scoring, one module a set."""
