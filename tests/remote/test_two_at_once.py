"""The same download twice at once, as by a server whose job another one took over meanwhile."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.remote.servers import in_process
from tests.remote.test_copies import contents, fetch, tree
from vast_mcp.remote.errors import SshUnavailable
from vast_mcp.remote.paths import STAGE, LocalRoots, Tree


async def test_a_download_never_takes_the_stage_of_its_twin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second is told to wait; what the first puts in place is whole, and verified."""
    loop = asyncio.get_running_loop()
    refused: list[str] = []

    async def twin() -> None:
        session = await machine.session()
        try:
            await fetch(session, "/out", roots, "out")
        except SshUnavailable as error:
            refused.append(error.reason)
        await session.close()

    def moved(self: Tree, folder: Sequence[str], name: str, parts: Sequence[str]) -> None:
        move(self, folder, name, parts)
        if parts[-1] == "*":  # some are in place, and most are not
            monkeypatch.setattr(Tree, "move", move)
            asyncio.run_coroutine_threadsafe(twin(), loop).result(30)

    move = Tree.move
    monkeypatch.setattr(Tree, "move", moved)
    async with in_process(tmp_path) as machine:
        files = tree(machine.home / "out")
        roots = LocalRoots(tmp_path)
        session = await machine.session()
        report = await fetch(session, "/out", roots, "out")
        assert report.files == len(files)
        assert contents(tmp_path / "vast-mcp" / "out") == files
        assert refused == ["busy"]
        again = await fetch(session, "/out", roots, "out")
        assert (again.files, again.unchanged) == (0, len(files))
        assert list((tmp_path / "vast-mcp" / STAGE).iterdir()) == []
        await session.close()
