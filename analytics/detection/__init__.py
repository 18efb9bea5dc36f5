"""State detection: how far what is seen lies from what was learnt, and which signals say so."""
