"""Keeping patient data where it belongs."""
