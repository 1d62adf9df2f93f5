"""The command line: words in, words out, exit codes. No rules live here."""
