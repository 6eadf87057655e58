from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from autosam.core.errors import ResourceError, UsageError
from autosam.inference import choice, eligible, selftest
from autosam.inference.choice import Choice, all_kept, kept
from autosam.inference.engine import ENGINES, REFERENCE, Engine, build_encoder, candidates, make_encoder
from autosam.inference.engine import device as find_device
from autosam.inference.onnx_encoder import onnxruntime, providers
from autosam.inference.openvino_encoder import has_bfloat16
from autosam.inference.selftest import choose, measure
from autosam.models.frozen_sam import known_as
from autosam.models.sam import tiny_sam

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOSAM_CACHE", str(tmp_path / "cache"))


def _pixels(count: int = 1) -> torch.Tensor:
    size = tiny_sam().rule.size
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("engine", ENGINES, ids=str)
def test_every_engine_agrees_with_torch_in_float32(engine: Engine) -> None:
    if engine == Engine("openvino", "bfloat16") and not has_bfloat16():
        pytest.skip("this CPU has no bfloat16 for OpenVINO")
    sam = tiny_sam()
    reference = build_encoder(sam, REFERENCE, CPU)(_pixels()).main
    encode = build_encoder(sam, engine, CPU)
    made = encode(_pixels())
    assert encode.engine == engine
    assert made.main.dtype == torch.float32
    if engine.precision == "float32":
        torch.testing.assert_close(made.main, reference, rtol=1e-3, atol=1e-4)
    assert torch.cosine_similarity(made.main.flatten(), reference.flatten(), dim=0) > 0.999
    assert torch.equal(made.main, encode(_pixels()).main), "an embedding made again differs"


@pytest.mark.parametrize("engine", ENGINES, ids=str)
def test_an_embedding_does_not_depend_on_its_batch(engine: Engine) -> None:
    if engine == Engine("openvino", "bfloat16") and not has_bfloat16():
        pytest.skip("this CPU has no bfloat16 for OpenVINO")
    encode = build_encoder(tiny_sam(), engine, CPU)
    pixels = _pixels(3)
    together = encode(pixels).main
    for index in range(3):
        assert torch.equal(together[index], encode(pixels[index : index + 1]).main[0])


@pytest.mark.parametrize("engine", ENGINES, ids=str)
def test_an_embedding_does_not_depend_on_what_else_runs(engine: Engine) -> None:
    if engine == Engine("openvino", "bfloat16") and not has_bfloat16():
        pytest.skip("this CPU has no bfloat16 for OpenVINO")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        encode = build_encoder(tiny_sam(), engine, CPU, threads=1)
        pixels = [_pixels() + number / 10 for number in range(6)]
        alone = [encode(one).main for one in pixels]
        with ThreadPoolExecutor(2) as pool:
            together = list(pool.map(lambda one: encode(one).main, pixels))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(first, second) for first, second in zip(alone, together, strict=True))


def test_cuda_is_for_an_onnx_runtime_that_has_it() -> None:
    cuda = torch.device("cuda")
    assert candidates("onnxruntime", "auto", cuda) == [Engine("onnxruntime", "float32")]
    if "CUDAExecutionProvider" not in onnxruntime().get_available_providers():
        with pytest.raises(UsageError, match="does not run on cuda"):
            providers(cuda)


def test_a_pair_at_a_time_is_measured_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "FAST_ENOUGH_SECONDS", 0.0)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        engines = [REFERENCE, Engine("torch", "bfloat16")]
        for worth, expected in ((1e9, 2), (0.0, 1)):
            monkeypatch.setattr(selftest, "_WORTH", worth)
            assert measure(tiny_sam(), engines).together == expected
        monkeypatch.setattr(selftest, "_WORTH", 1e9)
        assert make_encoder(tiny_sam(), "auto", CPU, "float32").threads == 1
        assert make_encoder(tiny_sam(), "auto", CPU, "float32", threads=2).threads == 2
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_every_engine_has_an_identity_of_its_own() -> None:
    usable = [each for each in ENGINES if each != Engine("openvino", "bfloat16") or has_bfloat16()]
    assert len({build_encoder(tiny_sam(), engine, CPU).identity for engine in usable}) == len(usable)


def test_choices_leave_the_engines_that_fit() -> None:
    assert candidates("auto", "auto", CPU) == list(ENGINES)
    assert candidates("torch", "auto", CPU) == [REFERENCE]
    assert candidates("torch", "bfloat16", CPU) == [Engine("torch", "bfloat16")]
    assert {each.precision for each in candidates("auto", "float32", CPU)} == {"float32"}
    assert candidates("auto", "auto", torch.device("cuda")) == [REFERENCE]
    for engine, precision, device in (
        ("tensorrt", "auto", CPU),
        ("auto", "int4", CPU),
        ("onnxruntime", "bfloat16", CPU),
        ("openvino", "auto", torch.device("cuda")),
    ):
        with pytest.raises(UsageError):
            candidates(engine, precision, device)


def _faked(monkeypatch: pytest.MonkeyPatch, seconds: dict[str, float], wrong: str = "torch bfloat16") -> list[Engine]:
    """Lets engines seem to take so many seconds, one of them with a wrong result, and returns them."""

    class Encode:
        def __init__(self, engine: Engine) -> None:
            self.engine = engine

    def timed(encode: Encode, _: torch.Tensor) -> tuple[float, torch.Tensor]:
        sign = -1.0 if str(encode.engine) == wrong else 1.0
        return seconds[str(encode.engine)], torch.tensor([sign, 0.5])

    monkeypatch.setattr(selftest, "build_encoder", lambda sam, engine, *_: Encode(engine))
    monkeypatch.setattr(selftest, "_timed", timed)
    monkeypatch.setattr(selftest, "obstacle", lambda *_: "")
    return [Engine(*name.split()) for name in seconds]


def test_a_self_test_picks_the_fastest_that_agrees_and_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    sam = tiny_sam()
    engines = _faked(monkeypatch, {"torch float32": 3.0, "torch bfloat16": 1.0, "openvino float32": 2.0})
    assert choose(sam, engines).engine == Engine("openvino", "float32"), "the fastest one was wrong"
    monkeypatch.setattr(selftest, "measure", lambda *_: pytest.fail("measured again"))
    assert choose(sam, engines).engine == Engine("openvino", "float32")
    found = kept(sam.name, sam.fingerprint(), sam.code_version, engines)
    assert found is not None and found.rule == sam.rule
    assert [each["sam"] for each in all_kept()[0]] == [sam.name]


def test_a_self_test_of_other_versions_is_counted_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sam, engines = tiny_sam(), [REFERENCE, Engine("torch", "bfloat16")]
    choose(sam, engines)
    assert len(all_kept()[0]) == 1 and all_kept()[1] == 0
    with monkeypatch.context() as before:
        before.setattr(choice, "_version", lambda library: "an older one")
        choose(sam, engines)
    with monkeypatch.context() as before:
        before.setattr(type(sam), "code_version", sam.code_version - 1)
        choose(sam, engines)
    (choice.cache_folder() / "engines" / "of-an-older-form.json").write_text('{"sam": "litemedsam"}')
    found, outdated = all_kept()
    assert [each["sam"] for each in found] == [sam.name]
    assert outdated == 3


def test_one_that_is_wrong_outdoes_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = {"torch float32": 3.0, "openvino bfloat16": 1.0, "openvino float32": 2.0}
    engines = _faked(monkeypatch, fake, wrong="openvino bfloat16")
    assert measure(tiny_sam(), engines).engine == Engine("openvino", "float32")


def test_sams_of_one_fingerprint_keep_each_its_own_rule() -> None:
    plain, engines = tiny_sam(), [Engine("openvino", "float32")]
    medical = known_as(plain, "medsam")
    assert plain.fingerprint() == medical.fingerprint()
    for sam in (plain, medical):
        assert choose(sam, engines).rule == sam.rule
    for sam in (plain, medical):
        found = kept(sam.name, sam.fingerprint(), sam.code_version, engines)
        assert found is not None and found.rule == sam.rule
    assert plain.rule != medical.rule


@pytest.mark.parametrize("part", ["machine_memory", "_version"])
def test_what_was_found_holds_for_this_memory_and_these_libraries(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sam, engines = tiny_sam(), [Engine("onnxruntime", "float32")]
    choose(sam, engines)
    assert kept(sam.name, sam.fingerprint(), sam.code_version, engines) is not None
    monkeypatch.setattr(choice, part, {"machine_memory": lambda: 1 << 50, "_version": lambda _: "99"}[part])
    assert kept(sam.name, sam.fingerprint(), sam.code_version, engines) is None


ASKED = [
    [Engine("openvino", "bfloat16"), Engine("openvino", "float32")],
    [Engine("torch", "bfloat16"), Engine("openvino", "bfloat16")],
]


@pytest.mark.parametrize("engines", ASKED, ids=["openvino", "bfloat16"])
@pytest.mark.parametrize("how", ["fails", "wrong", "no hope"])
def test_what_was_asked_for_by_name_is_never_replaced(
    engines: list[Engine], how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = selftest.build_encoder

    def build(sam: object, engine: Engine, *others: Any) -> object:
        encode = real(tiny_sam(), REFERENCE, *others)
        if engine == REFERENCE:
            return encode
        if how == "fails":
            raise RuntimeError("no such operation")
        return real(tiny_sam(seed=1), REFERENCE, *others)

    monkeypatch.setattr(selftest, "build_encoder", build)
    monkeypatch.setattr(selftest, "obstacle", lambda engine, _: "no hope" if how == "no hope" != engine.name else "")
    why = {"fails": "no such operation", "wrong": "not that of torch float32", "no hope": "no hope"}[how]
    sam = tiny_sam()
    with pytest.raises(UsageError, match=f"{engines[1]}: .*{why}") as caught:
        choose(sam, engines)
    assert caught.value.cure
    assert kept(sam.name, sam.fingerprint(), sam.code_version, engines) is None


def test_what_was_asked_for_by_name_is_tried_however_short_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    engines = _faked(monkeypatch, {"torch float32": 1.0, "openvino bfloat16": 2.0, "openvino float32": 3.0})[1:]
    found = measure(tiny_sam(), engines, 0.0)
    assert (found.engine, found.complete) == (engines[0], False)


@pytest.mark.parametrize("fault", [MemoryError(), RuntimeError("std::bad_alloc"), ResourceError("no space left")])
@pytest.mark.parametrize("where", ["an engine", "the pair"])
def test_what_lacked_memory_or_disk_is_tried_again(
    fault: Exception, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sam, engines, real = tiny_sam(), [REFERENCE, Engine("openvino", "float32")], selftest.build_encoder

    def build(sam: object, engine: Engine, *others: Any) -> object:
        if where == "an engine" and engine != REFERENCE:
            raise fault
        return real(tiny_sam(), REFERENCE, *others)

    def pair(*_: object) -> int:
        if where == "the pair":
            raise fault
        return 2

    monkeypatch.setattr(selftest, "FAST_ENOUGH_SECONDS", 0.0)
    with monkeypatch.context() as patched:
        patched.setattr(selftest, "build_encoder", build)
        patched.setattr(selftest, "_together", pair)
        found = choose(sam, engines)
    assert (found.together, found.complete) == (1, False)
    assert kept(sam.name, sam.fingerprint(), sam.code_version, engines) is None
    assert choose(sam, engines).complete


def test_a_device_is_there_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for name in ("cpu", "cuda", "cuda:1"):
        assert str(find_device(name)) == name
    for name in ("cpu:x", "cpu:", "cuda:2", "cuda:-1", "cuda:\u0661", "cuda:9999999999", "mps", "mps:0", "abacus"):
        with pytest.raises(UsageError):
            find_device(name)


def test_an_engine_that_fails_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    real = selftest.build_encoder

    def build(sam: object, engine: Engine, *others: Any) -> object:
        if engine.name != "torch":
            raise RuntimeError("no such operation")
        return real(tiny_sam(), engine, *others)

    monkeypatch.setattr(selftest, "build_encoder", build)
    assert measure(tiny_sam(), [Engine("openvino", "float32"), REFERENCE]).engine == REFERENCE


def test_what_the_machine_has_no_memory_for_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    sam = tiny_sam()
    weights = sum(each.numel() * each.element_size() for each in sam.parameters())
    monkeypatch.setattr(selftest, "FAST_ENOUGH_SECONDS", 0.0)
    tried: dict[int, set[str]] = {}
    for memory in (weights, 100 * weights):
        monkeypatch.setattr(eligible, "machine_memory", lambda memory=memory: memory)
        tried[memory] = set(selftest.measure(sam, [REFERENCE, Engine("openvino", "float32")]).seconds)
    assert list(tried.values()) == [{"torch float32"}, {"torch float32", "openvino float32"}]


def test_a_self_test_keeps_to_its_time_and_goes_on_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []
    real = selftest.build_encoder
    monkeypatch.setattr(
        selftest, "build_encoder", lambda sam, engine, *more: built.append(str(engine)) or real(sam, engine, *more)
    )
    monkeypatch.setattr(selftest, "FAST_ENOUGH_SECONDS", 0.0)
    sam, engines = tiny_sam(), [Engine("openvino", "float32"), REFERENCE]
    short = choose(sam, engines, 0.0)
    assert short == Choice(REFERENCE, sam.rule, short.seconds, short.cosine, together=1, complete=False)
    assert built == [str(REFERENCE)]
    assert kept(sam.name, sam.fingerprint(), sam.code_version, engines) is None
    assert choose(sam, engines).complete
    assert str(Engine("openvino", "float32")) in built[1:]
    assert kept(sam.name, sam.fingerprint(), sam.code_version, engines) is not None


def test_a_damaged_record_is_measured_again(tmp_path: Path) -> None:
    sam = tiny_sam()
    engines = candidates("auto", "float32", CPU)
    choose(sam, engines)
    (file,) = (tmp_path / "cache" / "engines").glob("*.json")
    file.write_text('{"engine": 3')
    assert kept(sam.name, sam.fingerprint(), sam.code_version, engines) is None
    choose(sam, engines)
    assert json.loads(file.read_text())["sam"] == sam.name


def test_auto_falls_back_to_torch_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("Unsupported operation")

    monkeypatch.setattr(selftest, "choose", lambda *_: Choice(Engine("openvino", "float32"), tiny_sam().rule, {}, {}))
    monkeypatch.setattr("autosam.inference.openvino_encoder.OpenVinoEncoder", refuse)
    assert make_encoder(tiny_sam(), "auto").engine == REFERENCE
    assert make_encoder(tiny_sam(), "auto", CPU, "bfloat16").engine == Engine("torch", "bfloat16")
    assert "Unsupported operation" in caplog.text
