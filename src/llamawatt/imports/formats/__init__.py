"""One file for each form in which other tools write power or energy."""
