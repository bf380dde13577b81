"""Model packages and preprocessing, shared by inference and training so that both see the same pixels."""
