"""Prognosis: how much life is left, with an interval that can be trusted."""
