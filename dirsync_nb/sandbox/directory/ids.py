"""Ids that are the same on every run: a prefix and a ULID made from a time, a seed and a counter."""

from __future__ import annotations

import random
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford base32: no I, L, O, U
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_RANDOM_BITS = 80


@lru_cache(maxsize=1024)
def _time_part(milliseconds: int) -> str:
    return "".join(_PAIRS[milliseconds >> shift & 1023] for shift in (40, 30, 20, 10, 0))


def ulid(milliseconds: int, randomness: int) -> str:
    """Write 48 bits of time and 80 bits of randomness as 26 characters that sort like the number."""
    tail = "".join([_PAIRS[randomness >> shift & 1023] for shift in (70, 60, 50, 40, 30, 20, 10, 0)])
    return _time_part(milliseconds) + tail


def make_id(prefix: str, milliseconds: int, seed: int, number: int | str) -> str:
    """Make the id of the ``number``-th thing this sandbox has named, or of one known by a name."""
    digest = blake2b(f"{seed}/{prefix}/{number}".encode(), digest_size=_RANDOM_BITS // 8).digest()
    return f"{prefix}_{ulid(milliseconds, int.from_bytes(digest))}"


def rising_ids(prefix: str, milliseconds: int, count: int, rng: random.Random) -> Iterator[str]:
    """Make ``count`` different ids of one millisecond, smallest first.

    A first sync gives thousands of users one ``created_at``; the list then goes by id.
    """
    if count:
        step = (1 << _RANDOM_BITS) // count
        for place in range(count):
            yield f"{prefix}_{ulid(milliseconds, place * step + rng.randrange(step))}"


def bearer_token(token_id: str, seed: int) -> str:
    """Make the secret of a SCIM bearer token. It is made anew each time it is wanted and kept nowhere."""
    return "scim_" + blake2b(f"{seed}/{token_id}".encode(), digest_size=20).hexdigest()
