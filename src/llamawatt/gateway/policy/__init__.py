"""Choices, pure: when to unload, where to run, what may be spent."""
