"""Where the energy of every answer is kept: SQLite, with a schema of its own."""
