"""The append-only record: what was seen, suggested, decided and signed."""
