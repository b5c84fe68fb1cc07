"""Starts llama.cpp servers and talks to them. Knows nothing of meters."""
