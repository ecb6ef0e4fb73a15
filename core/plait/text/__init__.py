"""Plain text: sentences, content words, instructions to the reader. Rules only, nothing heavier than a stemmer."""
