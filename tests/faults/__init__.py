"""Seeded faults on the whole path, each followed by a check of the loss ledger."""
