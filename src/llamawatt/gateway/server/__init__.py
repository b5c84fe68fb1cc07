"""HTTP: what clients ask, what is passed on, what is told beside."""
