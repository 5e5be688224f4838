"""The model track: fixed training protocols, what is asked of a model, and how it is scored."""
