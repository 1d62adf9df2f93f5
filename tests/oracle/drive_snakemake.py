"""Drives the executor of `snakemake-executor-plugin-vastai` through one job, without a workflow.

Run by the interpreter of the plugin's own environment. All requests, SSH sessions and decisions are
the plugin's; only what Snakemake itself would hand it (a workflow, one job) stands in here.

    python drive_snakemake.py MODE COMMAND [INPUT OUTPUT]

MODE `args` lets the container's entry point run the job, `ssh` transfers files. Prints JSON.
"""

import asyncio
import json
import logging
import sys
import tarfile
import time
from pathlib import Path
from types import SimpleNamespace

import snakemake_executor_plugin_vastai as plugin
from snakemake_executor_plugin_vastai import sshtransfer
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo

POLL_S = 0.3
PATIENCE_S = 60


class Driven(plugin.Executor):
    """The plugin's executor with a workflow of plain values."""

    def __init__(self, mode: str, command: str, home: Path) -> None:
        provider = "s3" if mode == "args" else None
        self.logger = logging.getLogger("driven")
        self.command = command
        self.outcome: dict[str, object] = {}
        self.submitted: list[SubmittedJobInfo] = []
        self._tmpdir = str(home)
        self.workflow = SimpleNamespace(
            executor_settings=plugin.ExecutorSettings(
                gpu_name="RTX_4090", no_datacenter=True, reliability=0.9, disk=20.0,
                no_forward_credentials=True,
            ),
            remote_execution_settings=SimpleNamespace(container_image=None),
            persistence=SimpleNamespace(aux_path=home),
            storage_registry=SimpleNamespace(default_storage_provider=provider),
            dag=SimpleNamespace(jobs=[], get_sources=list),
            configfiles=[],
            upload_sources=lambda: None,
            write_source_archive=self._sources,
        )  # fmt: skip
        self.__post_init__()

    def _sources(self, path: Path) -> None:
        with tarfile.open(path, "w:xz"):
            pass

    @property
    def tmpdir(self) -> str:
        return self._tmpdir

    def format_job_exec(self, job: object) -> str:
        del job
        return self.command

    def envvars(self) -> dict[str, str]:
        return {}

    def job_setup_script(self) -> str:
        return ""  # it would install Snakemake from the package index

    def report_job_submission(self, job_info: SubmittedJobInfo, register_job: bool = True) -> None:
        del register_job
        self.submitted.append(job_info)

    def report_job_success(self, job_info: SubmittedJobInfo) -> None:
        self.outcome = {"success": True, "instance": int(job_info.external_jobid)}

    def report_job_error(self, job_info: SubmittedJobInfo, msg: str = "", **_: object) -> None:
        self.outcome = {"success": False, "instance": int(job_info.external_jobid), "msg": msg}


async def over(driven: Driven) -> None:
    """Check as Snakemake does, until the plugin has told how the job ended."""

    class Unlimited:
        async def __aenter__(self) -> None: ...
        async def __aexit__(self, *_: object) -> None: ...

    driven.status_rate_limiter = Unlimited()
    began = time.monotonic()
    while not driven.outcome and time.monotonic() - began < PATIENCE_S:
        async for _ in driven.check_active_jobs(driven.submitted):
            pass
        await asyncio.sleep(POLL_S)


def main() -> None:
    """One job, and what became of it."""
    mode, command, *files = sys.argv[1:]
    sshtransfer.POLL_SECONDS = POLL_S  # its patience is for a real vendor's minutes
    job = SimpleNamespace(
        name="train", jobid=1, attempt=1, threads=1, resources={}, log=[],
        input=files[:1], output=files[1:],
    )  # fmt: skip
    driven = Driven(mode, command, Path.cwd())
    driven.run_job(job)
    asyncio.run(over(driven))
    logs = {one.name: one.read_text() for one in Path("vastai-logs").glob("*.log")}
    print(json.dumps({**driven.outcome, "logs": logs}))


main()
