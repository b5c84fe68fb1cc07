"""Reads sensors and turns samples into energy. Knows nothing of models."""
