"""Tells what a run directory holds. Never touches a meter."""
