"""Which cases the report shows as pictures; only theirs are ever held."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from autosam.core.sample import Sample
from autosam.evaluation.case import Case
from autosam.evaluation.pictures import Picture, outlined, photograph, prompt_picture, silhouette
from autosam.inference.prediction import Prediction

Draw = Callable[[], tuple[Picture, ...]]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A case and its pictures, from left to right."""

    case: Case
    pictures: tuple[Picture, ...]


@dataclass(slots=True)
class Gallery:
    """The worst and the best cases by Dice, and some drawn without looking at the score.

    Attributes:
        most: how many of the worst and of the best are kept.
        drawn: how many are drawn by a hash of their names.
    """

    most: int = 6
    drawn: int = 4
    _worst: list[_Kept] = field(default_factory=list)
    _best: list[_Kept] = field(default_factory=list)
    _chance: list[_Kept] = field(default_factory=list)

    def offer(self, case: Case, sample: Sample, truth: npt.NDArray[np.bool_], prediction: Prediction) -> None:
        """Keeps the pictures of this case where it belongs among those shown."""
        dice, name = case.scores["dice"], int.from_bytes(hashlib.sha256(case.id.encode()).digest()[:6])

        def overlaid() -> tuple[Picture, ...]:
            return (outlined(case.id, sample.rgb(), prediction.mask, truth),)

        # Among equals the name decides, and the other way about, so that the best are not the worst again.
        _keep(self._worst, self.most, (-dice, -name), case, overlaid)
        _keep(self._best, self.most, (dice, name), case, overlaid)
        _keep(self._chance, self.drawn, (name,), case, lambda: _prompt_figure(sample, truth, prediction))

    def worst(self) -> list[Exhibit]:
        """Returns the worst cases, the worst first; with few cases no more than the lower half of them."""
        seen = self._seen()
        return _ranked(self._worst, min(self.most, len(seen) - len(seen) // 2))

    def best(self) -> list[Exhibit]:
        """Returns the best cases, the best first; none that is among the worst."""
        among = {exhibit.case.id for exhibit in self.worst()}
        seen = self._seen()
        return [e for e in _ranked(self._best, min(self.most, len(seen) // 2)) if e.case.id not in among]

    def by_chance(self) -> list[Exhibit]:
        """Returns the cases drawn, by their names."""
        return sorted(_ranked(self._chance, self.drawn), key=lambda exhibit: exhibit.case.id)

    def _seen(self) -> set[str]:
        return {kept.case.id for kept in (*self._worst, *self._best)}


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """An entry of a heap whose least entry is the next to go."""

    rank: tuple[float, ...]
    case: Case
    pictures: tuple[Picture, ...] = ()

    def __lt__(self, other: _Kept) -> bool:
        return self.rank < other.rank


def _keep(heap: list[_Kept], most: int, rank: tuple[float, ...], case: Case, draw: Draw) -> None:
    entry = _Kept(rank, case)
    if len(heap) == most and not heap[0] < entry:
        return
    entry = replace(entry, pictures=draw())
    if len(heap) < most:
        heapq.heappush(heap, entry)
    else:
        heapq.heapreplace(heap, entry)


def _ranked(heap: list[_Kept], most: int) -> list[Exhibit]:
    return [Exhibit(kept.case, kept.pictures) for kept in sorted(heap, reverse=True)[:most]]


def _prompt_figure(sample: Sample, truth: npt.NDArray[np.bool_], prediction: Prediction) -> tuple[Picture, ...]:
    """Returns image, g's prompt, h's mask, SAM's mask and truth: the paper's figure 5, of what there is."""
    pictures = [photograph("Image", sample.rgb())]
    if prediction.prompt is not None:
        pictures.append(prompt_picture("Prompt Z = g(I)", prediction.prompt, sample.size))
    if prediction.surrogate is not None:
        pictures.append(silhouette("Surrogate h(Z)", prediction.surrogate >= prediction.threshold))
    decoded = "SAM's mask" if prediction.prompt is not None else "Prediction"
    return (*pictures, silhouette(decoded, prediction.mask), silhouette("Truth", truth))
