"""Fakes and conformance kits, for this project and for plug-ins of others."""
