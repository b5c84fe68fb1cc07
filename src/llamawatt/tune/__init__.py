"""The search for the cheapest setting: a space, a search, a race of finalists, and an outcome."""
