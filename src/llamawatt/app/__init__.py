"""Use cases: what a command, a script or a service asks for, put together from the rooms below."""
