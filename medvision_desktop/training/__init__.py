"""Training and evaluation that a hospital can repeat."""
