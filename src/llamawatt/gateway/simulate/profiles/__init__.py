"""Measured costs that come along, one file a machine."""
