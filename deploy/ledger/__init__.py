"""Ledger: proof that everything offered is stored, suppressed by rule, quarantined or declared as a gap."""
