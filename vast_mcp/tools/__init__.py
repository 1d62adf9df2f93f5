"""One file per noun: what the model can call."""
