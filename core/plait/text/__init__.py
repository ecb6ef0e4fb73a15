"""Plain text: sentences, words, quantities, questions, and one analysis of a passage that everyone shares.

Rules only, nothing heavier than a stemmer.
"""
