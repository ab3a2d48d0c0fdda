"""A finished result becomes text, or a JSON document. Nothing here computes a score or reads a clock."""
