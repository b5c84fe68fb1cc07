"""Two arms or two runs side by side: ratios, gains, verdicts."""
