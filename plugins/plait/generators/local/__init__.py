"""Local decoding: a causal language model of transformers in this process."""
