"""The same choices on an arrival trace, with measured costs and no machine."""
