"""Working on a rented machine: SSH commands, port forwards, host keys, files in and out.

The one place that speaks SSH. `asyncssh` is imported inside the functions that need it, so that
importing this package costs nothing at start-up.
"""
