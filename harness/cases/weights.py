"""Weights and configurations that nobody vouches for: cases 1, 2, 3 and 22."""

from __future__ import annotations

from collections.abc import Iterator

from harness import zoo
from harness.commands import Done
from harness.ledger import Try, judged
from harness.scene import Scene, changed, hashes

# What a process needs that only shows the card of a run or refuses one; a hostile header must not add to it.
_MEMORY = 700 * zoo.MEBI


def code(scene: Scene) -> Iterator[Try]:
    """Pickles with code, wherever weights are read."""
    folder = scene.folder("weights")
    sentinel = folder / "sprung"
    files = zoo.pickles(sentinel)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    before = hashes(folder)

    def ran(done: Done) -> list[str]:
        escaped = [*scene.work.rglob("escaped.txt"), *scene.work.parent.glob("escaped.txt")]
        lost = ["the code was run"] if sentinel.exists() else []
        return lost + ["a member left its archive"] * bool(escaped) + changed(before, folder)

    for name in files:
        done = scene.do("train", scene.data, "--out", scene.new("run"), "--sam", folder / name)
        yield judged(f"as --sam {name}", done, code=3, names=[name], also=ran(done))
    flags = ["--prompt-encoder", "hardnet39ds", "--weights", folder / "hidden.pt", "--epochs", "1"]
    done = scene.train(scene.new("run"), *flags)
    yield judged("as --weights", done, code=3, names=["hidden.pt"], also=ran(done))
    for place in ("model.safetensors", "last"):
        run = scene.copy(scene.run)
        targets = [run / place] if place.endswith("s") else list((run / place).iterdir())
        for target in targets:
            target.write_bytes(files["named.safetensors"])
        if place == "last":
            (run / "model.safetensors").unlink()
            done = scene.train(run, "--epochs", "2", "--resume")
        else:
            done = scene.do("predict", run, scene.data / "images", "--out", scene.new("out"))
        yield judged(f"as a run's {place}", done, code=3, names=[place], also=ran(done))


def safetensors(scene: Scene) -> Iterator[Try]:
    """Safetensors files that are cut or lie."""
    whole = (scene.run / "model.safetensors").read_bytes()
    for what, data in zoo.broken_safetensors(whole, scene.rng).items():
        file = scene.folder("weights") / "damaged.safetensors"
        file.write_bytes(data)
        done = scene.do("predict", file, scene.data / "images", "--out", scene.new("out"))
        heavy = [f"took {done.peak >> 20} MiB"] if done.peak > _MEMORY else []
        yield judged(what, done, code=3, names=[file.name], also=heavy)
    for what in ("cut in the header", "a header of 2^60 bytes"):
        file = scene.folder("weights") / "sam.safetensors"
        file.write_bytes(zoo.broken_safetensors(whole, scene.rng)[what])
        done = scene.do("train", scene.data, "--out", scene.new("run"), "--sam", file)
        yield judged(f"as --sam: {what}", done, code=3, names=[file.name])


def strangers(scene: Scene) -> Iterator[Try]:
    """Weights of another model."""
    images, model = scene.data / "images", scene.run / "model.safetensors"
    done = scene.do("train", scene.data, "--out", scene.new("run"), "--sam", model)
    yield judged("a run's weights as --sam", done, code=3, names=["model.safetensors", "not the weights of a SAM"])
    flags = ["--prompt-encoder", "hardnet39ds", "--weights", model, "--epochs", "1"]
    done = scene.train(scene.new("run"), *flags)
    yield judged("a run's weights as a backbone's", done, code=3, names=["model.safetensors"])
    done = scene.train(scene.new("run"), "--init", scene.run, "--prompt-encoder", "hardnet39ds", "--epochs", "1")
    yield judged("--init with another prompt encoder", done, code=2, names=["sam-features", "hardnet39ds"])
    raw = model.read_bytes()
    for what, old, new in (
        ("another SAM's fingerprint", b'sam_fingerprint\\": \\"', None),
        ("a tensor renamed", b'"g.', b'"q.'),
        ("another size of g's input", b'\\"size\\": 32', b'\\"size\\": 64'),
        ("another width", b"[32, 8, 8]", b"[64, 8, 8]"),
    ):
        run = scene.copy(scene.run)
        place = raw.index(old)
        if new is None:
            place += len(old)
            edited = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        else:
            edited = raw.replace(old, new, 1)
        (run / "model.safetensors").write_bytes(edited)
        done = scene.do("predict", run, images, "--out", scene.new("out"))
        yield judged(what, done, code=3, names=["model.safetensors"])


def configurations(scene: Scene) -> Iterator[Try]:
    """YAML with code, expansions, nesting."""
    folder = scene.folder("config")
    sentinel = folder / "sprung"
    for name, text in zoo.yaml_traps(sentinel).items():
        (folder / name).write_text(text)
        done = scene.do("train", scene.data, "--out", scene.new("run"), "--config", folder / name)
        also = ["the code was run"] if sentinel.exists() else []
        also += [f"took {done.peak >> 20} MiB"] if done.peak > _MEMORY else []
        yield judged(f"--config {name}", done, code=(2, 3), names=[name], also=also)
        run = scene.copy(scene.run)
        (run / "config.yaml").write_text(text)
        done = scene.train(run, "--epochs", "2", "--resume")
        also = ["the code was run"] if sentinel.exists() else []
        yield judged(f"a run's config.yaml: {name}", done, code=3, names=["config.yaml"], also=also)
