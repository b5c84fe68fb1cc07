"""What is searched: the machine, the model, the load, and what of them may vary."""
