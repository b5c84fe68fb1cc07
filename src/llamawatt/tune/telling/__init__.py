"""What is told of a search: to a terminal, on a page, to other programs."""
