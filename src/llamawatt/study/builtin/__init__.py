"""The studies that ship with llamawatt, as YAML."""
