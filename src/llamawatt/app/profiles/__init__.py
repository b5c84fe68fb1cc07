"""Tuned settings in files, and the servers that run them."""
