"""The search itself, pure: what to try, what it says, when to decide."""
