"""The parts of the window, each over one viewmodel."""
