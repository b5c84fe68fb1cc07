"""Commands that find a setting, run it, and say what it saves."""
