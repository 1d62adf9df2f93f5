"""What is inside a rented machine: a disk, processes, a shell, and the way in by SSH."""
