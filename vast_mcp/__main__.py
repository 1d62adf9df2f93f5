"""`python -m vast_mcp` and the `vast-mcp` command."""

import gc

# A client waits while we import: collecting half-built modules costs a sixth of the start-up.
gc.disable()

from vast_mcp.cli.main import main  # noqa: E402

if __name__ == "__main__":
    raise SystemExit(main())
