"""A plug at the wall held against the metered domains."""
