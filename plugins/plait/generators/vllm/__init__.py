"""vLLM: as a part of this process, or as a server by its address."""
