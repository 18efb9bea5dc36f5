"""Proof that recordings of real plants arrive whole: every journalled row stored once, in order, with its value."""
