"""The look at start-up: until it is over, nothing that changes something is begun."""

import anyio

LONGEST_S = 15.0
"""An account that cannot be read in this time must not keep a person from stopping a machine."""


class Sweep:
    """Over from the start, unless somebody said that a look is coming."""

    def __init__(self) -> None:
        self._over: anyio.Event | None = None
        self._wanted = anyio.Event()

    def expect(self) -> None:
        """Somebody is about to take the first look: hold the door."""
        self._over = anyio.Event()

    async def wanted(self, within_s: float) -> None:
        """For the one who looks: until something waits for the look, or that long.

        A client's first listing is not kept waiting by a look that nobody needs yet.
        """
        with anyio.move_on_after(within_s):
            await self._wanted.wait()

    def done(self) -> None:
        """A look was taken, well or badly."""
        if self._over is not None:
            self._over.set()

    async def wait(self) -> None:
        """Until the first look is over, at most fifteen seconds."""
        if self._over is not None and not self._over.is_set():
            self._wanted.set()
            with anyio.move_on_after(LONGEST_S):
                await self._over.wait()
