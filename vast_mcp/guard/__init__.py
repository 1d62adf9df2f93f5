"""THE DOOR: decide, plan, consent, reserve, write, settle. Nothing else may write."""
