"""The read models that are shown."""
