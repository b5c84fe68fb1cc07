"""What a silent model costs, when unloading pays, and what a daily load comes to."""
