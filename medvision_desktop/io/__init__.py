"""Files become domain values, or a named refusal."""
