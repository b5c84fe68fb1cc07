"""Model files made here: fewer bits, or random weights of a named shape."""
