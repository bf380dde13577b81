"""Reusable controls drawn from the tokens."""
