"""Prompt suites and shapes."""
