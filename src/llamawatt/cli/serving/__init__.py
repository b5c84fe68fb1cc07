"""Commands of the gateway: serve, what it used, what it does now."""
