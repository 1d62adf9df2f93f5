"""Looking at the market (vast-api §4, §5, §14). Searching is a POST that changes nothing."""

from vast_mcp.operations._declare import Operation

SEARCH_OFFERS = Operation("search_offers", "POST", "/api/v0/bundles/", "market", interval_s=1.0)
SEARCH_TEMPLATES = Operation(
    "search_templates", "GET", "/api/v0/template/", "market", interval_s=3.0
)
GPU_NAMES = Operation(
    "gpu_names", "GET", "/api/v0/gpu_names/unique/", "market", interval_s=1.0, public=True
)

OPERATIONS = (SEARCH_OFFERS, SEARCH_TEMPLATES, GPU_NAMES)
