"""Alembic revisions of the record, run from code by `store`."""
