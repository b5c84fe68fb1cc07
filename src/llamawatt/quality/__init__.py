"""What fewer bits cost: perplexity and divergence from a reference."""
