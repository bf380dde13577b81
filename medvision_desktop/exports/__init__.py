"""Standard outputs of a study: reports and results as other systems read them."""
