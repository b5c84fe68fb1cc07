"""Settings of the machine that a search may change, and puts back whatever happens."""
