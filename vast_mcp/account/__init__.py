"""What is known of the account behind a key, and with what it is looked at."""
