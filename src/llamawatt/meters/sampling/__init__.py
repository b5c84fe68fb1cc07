"""When sensors are read, and what they are like: calibration, schedule, read loop."""
