"""Logs and tables of other tools, read as recorded series."""
