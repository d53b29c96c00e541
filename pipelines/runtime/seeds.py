"""Seeds of independent random streams, derived from the one seed in params.yaml."""

import hashlib


def derive_seed(seed: int, *purpose: str | int) -> int:
    """Turn the project's seed and a purpose into a seed of its own, in [0, 2**31).

    Streams for different purposes are unrelated, and none depends on how many others were drawn
    before it, which is what lets a killed run go on as if it had not been.

    >>> derive_seed(20, "trial", 3) == derive_seed(20, "trial", 3)
    True
    >>> derive_seed(20, "trial", 3) == derive_seed(20, "trial", 4)
    False
    """
    text = "/".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big") >> 1
