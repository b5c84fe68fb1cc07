"""Measure, explain and lower the energy of local LLM inference with llama.cpp."""

__version__ = "0.1.0"
