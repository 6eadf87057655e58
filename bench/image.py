"""From an image to its mask beside the reference code, which is re-stated in bench/reference.py.

    python -m bench.image [--sam sam-vit-base] [--size 512] [--rounds 5]

One process; in each round the reference, then ours: HarDNet-85 and the light g on a new image, the light g on a cached
embedding, and the surrogate decoder without SAM; with HarDNet-85 also after `autosam quantise`. Engine and precision
are those that `auto` finds fastest, its self-test and the conversion of graphs not counted. About 12 minutes on two
cores, half of them for the conversions.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch

import autosam
from autosam.core.letterbox import Letterbox
from autosam.core.precision import computing
from autosam.core.prompt import ImageEmbedding
from autosam.core.sample import Sample
from autosam.inference.masker import GraphMasker, TorchMasker
from autosam.inference.model import Model
from autosam.inference.predict import Predictor
from autosam.models.checkpoint import load
from autosam.models.hardnet_prompt import HarDNetPromptEncoder
from autosam.models.segmenter import SamSegmenter
from autosam.training.pace import step_precisions
from autosam.training.quantise import quantise_run
from bench.closeness import closeness
from bench.made import any_sam, make_run, picture, pictures
from bench.pairs import Work, alternate
from bench.reference import Reference
from bench.result import Row, keep, timed_row

HEIGHT, WIDTH = 522, 775
THEIRS = "the reference's image"
PAPER = "end to end, a new image, hardnet85"
LIGHT = "end to end, a new image, sam-features"
CACHED = "end to end, embedding cached, sam-features"
SURROGATE = "surrogate g + h, hardnet85"
PAPER_INT8, SURROGATE_INT8 = f"{PAPER} in int8", f"{SURROGATE} in int8"
PATHS = {
    PAPER: 7.0,
    PAPER_INT8: 7.0,
    LIGHT: 7.0,
    CACHED: 60.0,
    SURROGATE: 80.0,
    SURROGATE_INT8: 80.0,
}
# That its range is observed on, and as many that its masks are compared on: of made weights there is no more to learn.
_OBSERVED = 4


def main() -> None:
    """Runs the measurement from its command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sam", default="sam-vit-base")
    parser.add_argument("--size", type=int, default=512, help="side of g's input")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keep("image", measure(given.sam, given.size, given.rounds, Path(folder)))


def measure(name: str, size: int, rounds: int, folder: Path) -> list[Row]:
    """Returns the rows of all paths."""
    sam, source, weights = any_sam(name)
    paper, light = (make_run(sam, g, folder / g, size) for g in ("hardnet85", "sam-features"))
    trained = load(paper, sam=source)[0]
    made = pictures(folder / "pictures", 2 * _OBSERVED, size)
    quick = quantise_run(paper, made, folder / "int8", count=_OBSERVED, sam=source).run
    reference = Reference(sam, cast("HarDNetPromptEncoder", cast("SamSegmenter", trained).parts.g))
    rgb = picture(HEIGHT, WIDTH)
    box = Letterbox(max(sam.rule.size, size), HEIGHT, WIDTH)

    def theirs() -> torch.Tensor:
        return box.undo(reference.predict(box.frame(rgb), size, sam)[0, 0]) > 0

    models: dict[str, Model | Predictor] = {
        PAPER: autosam.load(paper, sam=source),
        PAPER_INT8: autosam.load(quick, sam=source),
        LIGHT: autosam.load(light, sam=source),
        CACHED: cached(light, source, rgb),
        SURROGATE: autosam.load(paper, sam=source, decoder="surrogate"),
        SURROGATE_INT8: autosam.load(quick, sam=source, decoder="surrogate"),
    }
    alone = autosam.load(paper, sam=source, decoder="surrogate", engine="torch")
    plain = {
        LIGHT: autosam.load(light, sam=source, engine="torch"),
        CACHED: autosam.load(light, sam=source, engine="torch"),
        SURROGATE: alone,
        SURROGATE_INT8: alone,
    }
    frame = box.frame(rgb)
    truth = reference.predict(frame, size, sam)
    agreements = {}
    for path, model in models.items():
        other = masker(plain[path])(frame).logits if path in plain else truth
        agreements[path] = closeness(other, masker(model)(frame).logits)
    works: dict[str, Work] = {THEIRS: theirs}
    works |= {path: partial(model.predict, Sample("made", rgb)) for path, model in models.items()}
    print(f"{sam.name}, {weights}, one image of {WIDTH}x{HEIGHT}, g at {size}", flush=True)
    seconds, loads = alternate(works, rounds)
    return [
        timed_row(
            path_of(path, size, name),
            (THEIRS, path),
            {THEIRS: seconds[THEIRS], path: seconds[path]},
            loads,
            floor=floor,
            agreement=agreements[path],
            note=f"{weights}, {runs_on(models[path])}; close to "
            + ("torch float32" if path in plain else "the reference"),
        )
        for path, floor in PATHS.items()
    ]


def path_of(path: str, size: int, name: str) -> str:
    """Returns the name of a path's row: with the side of g's input, and the SAM."""
    return f"{path} at {size}, {name}"


def cached(run: Path, source: str, rgb: Any) -> Predictor:
    """Returns what predicts one image whose embedding was made before, in the precision that this CPU favours."""
    segmenter, card = load(run, sam=source)
    sam = segmenter.sam
    assert sam is not None
    box = Letterbox(max(sam.rule.size, segmenter.size), *rgb.shape[:2])
    precision = step_precisions("auto", torch.device("cpu"))[-1]
    with computing(precision, torch.device("cpu")):
        kept = sam.encode(box.frame(rgb).pixels(sam.rule)[None]).to("cpu", torch.float16)

    def embedding(_: object) -> ImageEmbedding:
        return kept.to("cpu", torch.float32)

    return Predictor(TorchMasker(segmenter, embedding, torch.device("cpu"), precision), threshold=card.threshold)


def runs_on(model: Model | Predictor) -> str:
    """Returns the engine and precision of a model, in words."""
    made = masker(model)
    engine = "torch" if isinstance(made, TorchMasker) else "openvino"
    return f"{engine} {made.precision}"


def masker(model: Model | Predictor) -> TorchMasker | GraphMasker:
    """Returns what makes the logits of a model."""
    made = (model.predictor if isinstance(model, Model) else model).masks
    assert isinstance(made, TorchMasker | GraphMasker)
    return made


if __name__ == "__main__":
    main()
