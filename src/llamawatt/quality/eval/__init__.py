"""The text on which quality is judged."""
