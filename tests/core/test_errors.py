"""Every fault has its exit code and one message of file, fault and cure."""

from __future__ import annotations

import pickle

import pytest
import torch

from autosam.core import errors
from autosam.core.checks import check_shape, look_up


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.UsageError, 2),
        (errors.DataError, 3),
        (errors.ModelError, 3),
        (errors.PartialFailure, 4),
        (errors.ResourceError, 5),
        (errors.Interrupted, 130),
    ],
)
def test_codes_and_messages(kind: type[errors.AutoSAMError], code: int) -> None:
    fault = kind("is broken", file="a/b.png", cure="Save it again")
    assert kind.exit_code == code
    assert str(fault) == "a/b.png: is broken. Save it again"
    assert str(pickle.loads(pickle.dumps(fault))) == str(fault)


def test_a_mistyped_name_gets_a_suggestion() -> None:
    with pytest.raises(errors.UsageError, match="Did you mean 'litemedsam'"):
        look_up("litemedsm", {"litemedsam": 1, "medsam": 2}, "SAM")


def test_shapes_are_named() -> None:
    check_shape(torch.zeros(2, 3, 4), (None, 3, 4), "image")
    with pytest.raises(ValueError, match=r"image must have shape \(\*, 3\), not \(2, 4\)"):
        check_shape(torch.zeros(2, 4), (None, 3), "image")
