"""What a report says, as inert values made from a run."""
