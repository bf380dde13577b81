"""What the panes show and what may be asked of it; QtCore only."""
