"""Findings and figures in sentences."""
