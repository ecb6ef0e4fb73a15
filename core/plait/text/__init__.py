"""Plain text: sentences and content words. Rules only, nothing heavier than a stemmer."""
