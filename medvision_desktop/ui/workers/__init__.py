"""Lanes: one thread and one queue each, so that the event loop is never held."""
