"""Doing a study: sessions, trials, doubts, and going on after an interruption."""
