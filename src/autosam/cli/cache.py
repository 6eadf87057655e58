"""The commands `autosam cache show`, `check` and `prune`."""

from __future__ import annotations

import json as json_format
import re
from typing import TYPE_CHECKING, Annotated

import typer

from autosam.cli.faults import told
from autosam.cli.options import Json

if TYPE_CHECKING:
    from autosam.data.embeddings import EmbeddingCache
    from autosam.inference.graphs import GraphCache

cache_app = typer.Typer(
    help="Look at what is kept between runs: embeddings, and graphs of engines.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}


@cache_app.command()
def show(json: Json = False) -> None:
    """Show where the cache is, and how much lies in it."""
    with told():
        from autosam.core.files import cache_folder

        embeddings, graphs = _caches()
        kept = {
            name: {"entries": len(cache), "bytes": cache.size(), "most_bytes": cache.max_bytes or 0}
            for name, cache in (("embeddings", embeddings), ("graphs", graphs))
        }
        if json:
            print(json_format.dumps({"folder": str(cache_folder()), **kept}))
            return
        print(f"folder: {cache_folder()}")
        for name, held in kept.items():
            print(f"{name}: {held['entries']}, {_size(held['bytes'])} of at most {_size(held['most_bytes'])}")


@cache_app.command()
def check(json: Json = False) -> None:
    """Read everything that is kept; remove what is damaged, which is made again when it is needed."""
    with told():
        embeddings, graphs = _caches()
        state, broken = embeddings.check(), graphs.check()
        if json:
            removed = {"embeddings": state.damaged, "graphs": broken}
            print(
                json_format.dumps({"sound": {"embeddings": state.entries, "graphs": len(graphs)}, "removed": removed})
            )
            return
        print(f"embeddings: {state.entries} sound, {state.damaged} damaged and removed")
        print(f"graphs: {len(graphs)} sound, {broken} damaged and removed")


@cache_app.command()
def prune(
    max_size: Annotated[
        str | None, typer.Option(help="All that may stay, such as 20G or 500M; 0 removes everything.")
    ] = None,
    json: Json = False,
) -> None:
    """Remove what was used least recently: embeddings first, since graphs take longer to make."""
    with told():
        embeddings, graphs = _caches()
        most = None if max_size is None else parse_size(max_size)
        kept = graphs.size()
        freed = {
            "embeddings": embeddings.prune(embeddings.max_bytes or 0 if most is None else max(0, most - kept)),
            "graphs": graphs.prune(most),
        }
        if json:
            print(json_format.dumps({"freed": freed, "bytes": embeddings.size() + graphs.size()}))
            return
        print(f"freed {_size(sum(freed.values()))}; {_size(embeddings.size() + graphs.size())} stay")


def parse_size(text: str) -> int:
    """Returns the bytes of a size such as "20G", "1.5 GiB", "500M" or "0"; units are powers of 1024.

    Raises:
        UsageError: where it is no size.
    """
    from autosam.core.errors import UsageError

    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", text, re.IGNORECASE)
    if match is None:
        raise UsageError(f"--max-size is {text!r}, which is no size", cure="Give one such as 20G, 500M or 0")
    return int(float(match[1]) * 2 ** _UNITS[match[2].upper()])


def _caches() -> tuple[EmbeddingCache, GraphCache]:
    from autosam.core.files import cache_folder
    from autosam.data.embeddings import CACHE_BYTES, EmbeddingCache
    from autosam.inference.graphs import GraphCache

    return EmbeddingCache(cache_folder() / "embeddings", CACHE_BYTES), GraphCache()


def _size(count: int) -> str:
    unit, power = next(((unit, power) for unit, power in (("GiB", 30), ("MiB", 20)) if count >= 2**power), ("KiB", 10))
    return f"{count / 2**power:.1f} {unit}"
