"""From trials to figures with intervals: pure functions over records."""
