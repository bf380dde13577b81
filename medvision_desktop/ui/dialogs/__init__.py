"""Sheets that open beside what they are about."""
