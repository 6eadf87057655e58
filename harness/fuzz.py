"""Coverage-guided fuzzing of the readers, with atheris on libFuzzer.

    python -m harness.fuzz --seconds 60            # each reader so long
    python -m harness.fuzz --only image table

A reader may raise the errors that a user is told, and nothing else; it may not take more than 2 GiB or 20 s. What
breaks that is kept as build/fuzz/READER/crash-*, to be mended and moved to tests/corpus/READER. Prints a table: reader,
seconds, executions, findings; exits 1 where there are any.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

CORPUS = Path(__file__).parents[1] / "tests" / "corpus"
_INSTRUMENTED = ["autosam.data", "autosam.models.tensors", "autosam.models.checkpoint", "autosam.training.config"]
_INSTRUMENTED += ["tifffile", "yaml", "PIL"]


def main() -> None:
    """Runs the harness from its command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0, help="of libFuzzer; 0 draws one")
    parser.add_argument("--only", nargs="*", default=None)
    parser.add_argument("--work", type=Path, default=Path("build/fuzz"))
    parser.add_argument("--reader", default=None, help=argparse.SUPPRESS)
    given, rest = parser.parse_known_args()
    if given.reader:
        _fuzz(given.reader, rest)
        return
    from harness.readers import READERS

    rows = [_one(name, given) for name in READERS if given.only is None or name in given.only]
    print(f"{'reader':<12} {'seconds':>8} {'executions':>11} {'findings':>9}")
    for name, runs, found in rows:
        print(f"{name:<12} {given.seconds:>8} {runs:>11} {len(found):>9}  {' '.join(found)}")
    sys.exit(1 if any(found for _, _, found in rows) else 0)


def _one(name: str, given: argparse.Namespace) -> tuple[str, int, list[str]]:
    folder = given.work / name
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds(name)):
        (folder / "corpus" / f"seed-{number}").write_bytes(data)
    command = [sys.executable, "-m", "harness.fuzz", "--reader", name, f"-max_total_time={given.seconds}"]
    command += ["-rss_limit_mb=2048", "-timeout=20", "-print_final_stats=1", f"-artifact_prefix={folder}/"]
    command += ["-max_len=65536", f"-seed={given.seed}", str(folder / "corpus"), str(CORPUS / name)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    (folder / "log").write_text(done.stdout + done.stderr)
    ran = re.findall(r"number_of_executed_units:\s*(\d+)|^#(\d+)", done.stderr, re.MULTILINE)
    runs = max((int(a or b) for a, b in ran), default=0)
    found = sorted(path.name for kind in ("crash", "oom", "timeout") for path in folder.glob(f"{kind}-*"))
    if done.returncode != 0 and not found:
        found = [f"it ended with {done.returncode}: see {folder}/log"]
    print(f"{name}: {runs} executions, {len(found)} findings", flush=True)
    return name, runs, found


def _fuzz(name: str, arguments: list[str]) -> None:
    import atheris

    with atheris.instrument_imports(include=_INSTRUMENTED, enable_loader_override=False):
        import tifffile  # noqa: F401
        import yaml  # noqa: F401
        from PIL import Image

        Image.init()
        import autosam.data.folder
        import autosam.data.images
        import autosam.models.checkpoint
        import autosam.training.config  # noqa: F401
        from harness.readers import READERS
    os.environ.setdefault("TMPDIR", "/dev/shm")
    (CORPUS / name).mkdir(parents=True, exist_ok=True)
    atheris.Setup([sys.argv[0], *arguments], READERS[name])
    atheris.Fuzz()


def seeds(name: str) -> Iterator[bytes]:
    """Yields small files to begin with: sound ones, and those of the zoo."""
    from harness import zoo

    rng = random.Random(0)
    if name in ("image", "mask"):
        yield from (data for data in zoo.bombs().values() if len(data) < 4096)
        yield from (data for data in zoo.damaged(rng).values() if len(data) < 8192)
        yield from (data for data, _ in zoo.sound().values() if len(data) < 8192)
    elif name == "table":
        yield b"image,mask,group\na.png,b.png,1\n"
        yield b'\xef\xbb\xbfmask;image\n"a.png";b.png\n'
        yield b"image\tmask\n./a.png\t../x/b.png\n"
    elif name == "config":
        yield from (text.encode() for text in zoo.yaml_traps(Path("sprung")).values() if len(text) < 4096)
        yield b"epochs: 3\nlr: 1e-3\nsam: litemedsam\nforeground: '> 127'\nsize: 64\n"
        yield b"config:\n  data: x\n  epochs: 2\nplan:\n  views: 1\n  steps: 4\n"
    else:
        whole = zoo.checkpoint()
        yield whole
        yield from zoo.broken_safetensors(whole, rng).values()
        yield from zoo.pickles(Path("/nowhere/sprung")).values()
        yield zoo.torch_file()


if __name__ == "__main__":
    main()
