"""The networks a package may name; nothing else can be built."""
