"""Colours, type, spacing and icons from one table of tokens."""
