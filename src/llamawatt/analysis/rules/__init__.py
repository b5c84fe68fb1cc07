"""Rules that turn the numbers of a run into findings."""
