"""What each answer cost: slices of measured energy, the work in them, and its split."""
