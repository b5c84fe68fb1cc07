"""Plans and runs trials."""
