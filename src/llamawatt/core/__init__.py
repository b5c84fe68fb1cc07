"""Inert records, units, clock and errors. Imports nothing of the other rooms."""
