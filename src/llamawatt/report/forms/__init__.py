"""The forms of a report: page, Markdown, CSV, JSON, tables."""
