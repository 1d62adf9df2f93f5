"""What clients can read without calling a tool: compact JSON under `vast://`."""
