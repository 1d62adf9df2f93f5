"""MCP clients on this computer: where each keeps its servers, and how our entry gets there.

`launch` decides the command that a client runs, `clients` is the table of clients, `plan` says what
would change, `carry_out` does it. `jsonc` and `toml` change one entry and keep every other byte.
"""
