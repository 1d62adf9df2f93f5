"""What became of a rent, what the ledger holds of it, and when it is over."""
