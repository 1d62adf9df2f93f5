"""Read models for the faces: what answers show of an account."""
