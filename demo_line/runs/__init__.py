"""Runs of the line on simulated time: solvers, snapshots, recorder, files, history."""
