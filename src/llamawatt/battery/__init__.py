"""What a battery gives: replies, tokens and hours, and a setting for each state of it."""
