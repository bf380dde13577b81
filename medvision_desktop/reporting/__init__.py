"""A frozen report becomes a PDF."""
