"""Writes docs/reference from the program itself, so that the pages cannot rot."""
