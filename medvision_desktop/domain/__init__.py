"""The values that every room speaks of: numpy and the standard library only."""
