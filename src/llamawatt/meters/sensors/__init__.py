"""One adapter for each kind of sensor, and the search for those that work here."""
