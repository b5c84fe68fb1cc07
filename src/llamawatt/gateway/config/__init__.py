"""One TOML file: models, targets, limits, keys, prices."""
