"""One use case a module, a few lines each over the rooms below."""
