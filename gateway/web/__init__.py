"""Showroom page of the gateway: structure by NiceGUI, live panels as our own scripts."""
