"""Model files from catalogues, hubs and caches, verified before they have a name."""
