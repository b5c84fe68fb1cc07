"""What a GGUF file holds, read without trusting it."""
