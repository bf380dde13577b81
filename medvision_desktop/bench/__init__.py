"""Benches: what the program promises in milliseconds, each beside an alternative that does the same."""
