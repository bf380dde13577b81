"""Running a model on the pixels of a study, in a child process."""
