"""What the command line shows while it works, and how it survives its terminal."""
