"""Everything the guard can be asked to do, one class per act."""
