"""The run directory: append, read, resume."""
