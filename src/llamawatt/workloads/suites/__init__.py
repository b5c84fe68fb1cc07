"""The prompt suites that ship with llamawatt."""
