"""How often the vendor is called: one pace for all processes of an account."""
