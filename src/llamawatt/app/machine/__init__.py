"""This machine: what can be measured here, and the estimates fitted to it."""
