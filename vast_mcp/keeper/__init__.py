"""What must happen while nobody asks: one look a minute, leases ended, lost answers found."""
