"""vast-mcp: rent, watch and shut down Vast.ai GPUs from any MCP client, under hard spend limits."""

__version__ = "0.1.0"
