"""The gateway: an OpenAI-compatible server that meters, unloads and routes by energy."""
