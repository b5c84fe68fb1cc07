"""Every figure: what it needs and how it is drawn."""
