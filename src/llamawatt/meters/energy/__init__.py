"""From samples to joules: pure mathematics, without a clock or a sensor."""
