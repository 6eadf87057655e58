"""An embedding from the cache: the first look, which holds it to its checksum, and those that follow.

    python -m bench.cache [--entries 20] [--rounds 5]

Entries have the size of SAM's, 256 x 64 x 64 in half precision; every look turns them into float32, as a step does.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch

from autosam.core.prompt import ImageEmbedding
from autosam.data.embeddings import EmbeddingCache
from bench.pairs import compare


def main() -> None:
    """Runs the measurement from its command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        cache = EmbeddingCache(Path(place))
        keys = [cache.key(case=case) for case in range(given.entries)]
        for key in keys:
            cache.put(key, ImageEmbedding(torch.randn(1, 256, 64, 64)))

        def read(through: EmbeddingCache) -> None:
            for key in keys:
                kept = through.get(key)
                assert kept is not None
                kept.to("cpu", torch.float32)

        started = time.process_time()
        read(EmbeddingCache(Path(place)))
        first = time.process_time()
        read(cache)
        second = time.process_time()
        read(cache)
        print(
            f"CPU an entry: first look {1000 * (first - started) / given.entries:.2f} ms, "
            f"later looks {1000 * (time.process_time() - second) / given.entries:.2f} ms"
        )
        compare(("first", "later"), (lambda: read(EmbeddingCache(Path(place))), lambda: read(cache)), given.rounds)


if __name__ == "__main__":
    main()
