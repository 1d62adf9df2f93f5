"""The vendor's API: reads that may be repeated, writes that never are, and the wall around both."""
