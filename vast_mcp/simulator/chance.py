"""Chance as a pure function of a seed and of names, so that nothing depends on call order."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")

_WORDS = 32


class Dice:
    """A stream of even fractions drawn from digests; it begins anew with each `Chance.dice`."""

    def __init__(self, stem: bytes) -> None:
        self._stem = stem
        self._block = 0
        self._pool: list[int] = []

    def fraction(self) -> float:
        """The next number in [0, 1)."""
        if not self._pool:
            digest = hashlib.blake2b(self._stem + self._block.to_bytes(2, "big")).digest()
            self._pool = [int.from_bytes(digest[i : i + 2], "big") for i in range(0, 2 * _WORDS, 2)]
            self._block += 1
        return self._pool.pop() / 65536

    def between(self, low: float, high: float) -> float:
        """The next number, spread evenly from `low` to below `high`."""
        return low + (high - low) * self.fraction()

    def pick(self, items: Sequence[Item]) -> Item:
        """One of `items`, each as likely as the other."""
        return items[int(self.fraction() * len(items))]

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self.fraction() * (high - low + 1))


class Chance:
    """Named draws: the same seed and the same names give the same number, in any order."""

    def __init__(self, seed: int) -> None:
        self._stem = f"vast-mcp simulator {seed}".encode()

    def dice(self, *names: object) -> Dice:
        """A stream of its own for this name."""
        return Dice(self._stem + "\x1f".join(map(str, names)).encode())

    def fraction(self, *names: object) -> float:
        """One number in [0, 1) for this name."""
        return self.dice(*names).fraction()

    def between(self, low: float, high: float, *names: object) -> float:
        """One number from `low` to below `high` for this name."""
        return self.dice(*names).between(low, high)

    def hexadecimal(self, length: int, *names: object) -> str:
        """A text of `length` ≤ 128 hexadecimal letters, as the vendor's keys and hashes look."""
        stem = self._stem + "\x1f".join(map(str, names)).encode()
        return hashlib.blake2b(stem).hexdigest()[:length]
