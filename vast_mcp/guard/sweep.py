"""The look at start-up: until it is over, nothing that changes something is begun."""

import anyio

LONGEST_S = 15.0
"""An account that cannot be read in this time must not keep a person from stopping a machine."""


class Sweep:
    """Over from the start, unless somebody said that a look is coming."""

    def __init__(self) -> None:
        self._over: anyio.Event | None = None

    def expect(self) -> None:
        """Somebody is about to take the first look: hold the door."""
        self._over = anyio.Event()

    def done(self) -> None:
        """A look was taken, well or badly."""
        if self._over is not None:
            self._over.set()

    async def wait(self) -> None:
        """Until the first look is over, at most fifteen seconds."""
        if self._over is not None and not self._over.is_set():
            with anyio.move_on_after(LONGEST_S):
                await self._over.wait()
