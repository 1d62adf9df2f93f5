"""The stock the market is drawn from: cards, places, processors, templates. Data only.

Names are the vendor's wire spellings; VRAM is MB per card as the vendor shows it (a 24 GB card
reports 24564); prices are typical $/h per card and only need to be plausible.

See docs/vendor-api.md#gpu-names, docs/vendor-api.md#templates.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Card:
    """One GPU model. `weight` is how many machines carry it, `compute_cap` is in hundredths."""

    name: str
    ram_mb: int
    usd_per_hour: float
    weight: int
    tflops: float
    dlperf: float
    compute_cap: int
    mem_bw_gb_s: float
    max_watt: int
    datacenter: bool
    arch: str = "nvidia"


CARDS: tuple[Card, ...] = (
    Card("RTX 4090", 24564, 0.36, 40, 82.6, 95.0, 890, 909.0, 450, datacenter=False),
    Card("RTX 3090", 24576, 0.19, 34, 35.6, 52.0, 860, 832.0, 350, datacenter=False),
    Card("RTX 5090", 32607, 0.58, 18, 104.8, 140.0, 1200, 1510.0, 575, datacenter=False),
    Card("RTX 3060", 12288, 0.07, 16, 12.7, 18.0, 860, 324.0, 170, datacenter=False),
    Card("RTX 3080", 10240, 0.13, 10, 29.8, 38.0, 860, 666.0, 320, datacenter=False),
    Card("RTX 4060 Ti", 16380, 0.12, 9, 22.1, 30.0, 890, 247.0, 165, datacenter=False),
    Card("RTX 4070S Ti", 16376, 0.18, 8, 44.1, 56.0, 890, 577.0, 285, datacenter=False),
    Card("RTX 4080S", 16376, 0.22, 9, 52.2, 62.0, 890, 632.0, 320, datacenter=False),
    Card("RTX 5060 Ti", 16311, 0.13, 8, 23.7, 36.0, 1200, 403.0, 180, datacenter=False),
    Card("RTX A4000", 16376, 0.12, 9, 19.2, 27.0, 860, 383.0, 140, datacenter=True),
    Card("RTX A5000", 24564, 0.21, 9, 27.8, 40.0, 860, 655.0, 230, datacenter=True),
    Card("RTX A6000", 49140, 0.42, 12, 38.7, 55.0, 860, 648.0, 300, datacenter=True),
    Card("RTX 6000Ada", 49140, 0.68, 8, 91.1, 98.0, 890, 812.0, 300, datacenter=True),
    Card("RTX PRO 6000 WS", 97887, 1.15, 8, 125.0, 160.0, 1200, 1514.0, 600, datacenter=True),
    Card("A100 PCIE", 81920, 0.74, 10, 19.5, 110.0, 800, 1590.0, 300, datacenter=True),
    Card("A100 SXM4", 81920, 0.92, 10, 19.5, 122.0, 800, 1745.0, 400, datacenter=True),
    Card("H100 SXM", 81559, 1.95, 10, 66.9, 240.0, 900, 2570.0, 700, datacenter=True),
    Card("H100 NVL", 95830, 1.80, 6, 60.3, 215.0, 900, 3050.0, 400, datacenter=True),
    Card("H200", 143771, 2.60, 6, 66.9, 260.0, 900, 3800.0, 700, datacenter=True),
    Card("B200", 183359, 3.60, 3, 75.3, 380.0, 1000, 6100.0, 1000, datacenter=True),
    Card("L4", 23034, 0.24, 6, 30.3, 34.0, 890, 249.0, 72, datacenter=True),
    Card("L40S", 46068, 0.62, 9, 91.6, 92.0, 890, 691.0, 350, datacenter=True),
    Card("Tesla T4", 15360, 0.10, 6, 8.1, 12.0, 750, 256.0, 70, datacenter=True),
    Card("Tesla V100", 32768, 0.21, 6, 14.9, 33.0, 700, 780.0, 250, datacenter=True),
    Card("GTX 1080 Ti", 11264, 0.06, 5, 11.3, 13.0, 610, 396.0, 250, datacenter=False),
)

PLACES: tuple[tuple[str, str], ...] = (
    ("Sweden", "SE"), ("Norway", "NO"), ("Finland", "FI"), ("Germany", "DE"), ("France", "FR"),
    ("Netherlands", "NL"), ("Poland", "PL"), ("Czechia", "CZ"), ("Spain", "ES"),
    ("United Kingdom", "GB"), ("Bulgaria", "BG"), ("Estonia", "EE"), ("Iceland", "IS"),
    ("California", "US"), ("Texas", "US"), ("Washington", "US"), ("New York", "US"),
    ("Utah", "US"), ("Quebec", "CA"), ("British Columbia", "CA"), ("Japan", "JP"),
    ("South Korea", "KR"), ("Taiwan", "TW"), ("Singapore", "SG"), ("India", "IN"),
    ("Australia", "AU"), ("Brazil", "BR"), ("South Africa", "ZA"), ("China", "CN"),
    ("Vietnam", "VN"),
)  # fmt: skip

PROCESSORS: tuple[tuple[str, int, float], ...] = (
    ("AMD EPYC 7742 64-Core Processor", 128, 2.2),
    ("AMD EPYC 7B13 64-Core Processor", 128, 2.3),
    ("AMD EPYC 9354 32-Core Processor", 64, 3.2),
    ("AMD Ryzen 9 7950X 16-Core Processor", 32, 4.5),
    ("AMD Ryzen Threadripper PRO 5975WX 32-Cores", 64, 3.6),
    ("Xeon® Gold 6338", 64, 2.0),
    ("Intel® Core™ i9-13900K", 32, 5.4),
)

DISKS: tuple[tuple[str, float], ...] = (
    ("Samsung SSD 990 PRO 2TB", 5200.0),
    ("SAMSUNG MZQL23T8HCLS-00A07", 4100.0),
    ("KINGSTON SKC3000D4096G", 3400.0),
    ("WDC WDS200T2B0A", 520.0),
    ("ST4000DM004-2CV104", 95.0),
)

BOARDS: tuple[str, ...] = ("ROME2D32GM-2T", "H12SSL-i", "ROMED8-2T", "X13DEG-OA", "TRX40 Creator")

DRIVERS: tuple[tuple[str, float], ...] = (
    ("535.183.01", 12.2),
    ("550.127.05", 12.4),
    ("560.35.03", 12.6),
    ("570.153.02", 12.8),
    ("580.82.07", 13.0),
    ("580.105.08", 13.0),
    ("595.58.03", 13.2),
)


@dataclass(frozen=True, slots=True)
class SeededTemplate:
    """A public template: `env` in docker flags, `extra_filters` a JSON text."""

    id: int
    hash_id: str
    name: str
    image: str
    tag: str
    runtype: str
    disk_gb: int
    env: str
    onstart: str
    extra_filters: str


TEMPLATES: tuple[SeededTemplate, ...] = (
    SeededTemplate(
        154863, "4e17788f74f075dd9aab7d0d4427968f", "PyTorch", "vastai/pytorch",
        "@vastai-automatic-tag", "jupyter", 32,
        "-p 1111:1111 -p 6006:6006 -p 8080:8080 -p 8384:8384 -e DATA_DIRECTORY=/workspace/",
        "entrypoint.sh", '{"cuda_max_good": {"gte": 12.1}}',
    ),
    SeededTemplate(
        154871, "a1b2dfb1c47b8a0fb2c1e0c6e0a6a1d2", "NVIDIA CUDA", "vastai/base-image",
        "@vastai-automatic-tag", "ssh", 16, "-p 1111:1111 -e OPEN_BUTTON_PORT=1111",
        "entrypoint.sh", '{"cuda_max_good": {"gte": 12.0}}',
    ),
    SeededTemplate(
        201544, "661d064bbda1f2a133816b6d55da07c3", "vLLM + Open WebUI", "vastai/vllm",
        "@vastai-automatic-tag", "jupyter", 60, "-p 8000:8000 -p 7500:7500 -e VLLM_MODEL=",
        "entrypoint.sh", '{"cuda_max_good": {"gte": 12.4}, "compute_cap": {"gte": 700}}',
    ),
    SeededTemplate(
        209938, "73eb5a9bbef2a6a4b4ff11d3ba4a7ce5", "ComfyUI", "vastai/comfy",
        "@vastai-automatic-tag", "jupyter", 50, "-p 8188:8188 -e PROVISIONING_SCRIPT=",
        "entrypoint.sh", '{"gpu_ram": {"gte": 8000}}',
    ),
    SeededTemplate(
        233102, "c56feb2a5be25f2e43c3d1b5fd31e0a5", "Ubuntu 22.04 VM",
        "docker.io/vastai/kvm", "ubuntu_cli_22.04-2025-05-16", "ssh", 30, "", "",
        '{"vms_enabled": {"eq": true}}',
    ),
)  # fmt: skip
