"""Finds, fetches, inspects, makes and judges GGUF files."""
