"""This computer: what it is, what else it does, and its files. Knows no meter and no model."""
