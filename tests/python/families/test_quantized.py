"""Quantised originals: their logits are those of the model that transformers' own functions dequantise,
and what is exported of them is plain."""

import dataclasses
import json
import os
import pathlib
import subprocess
from collections.abc import Callable

import numpy
import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM
from transformers.integrations.finegrained_fp8 import _dequantize_fp8_weight
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

import oracle
from cases import SHORT, family_cases
from compare import compare_run
from lifted import Lifted
from round_trip import tensors_of

FP4 = numpy.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], numpy.float32)
FP8_BLOCK = [16, 12]  # of rows and columns; divides few of the sizes below
FP8_MAX = 448.0


def to_mxfp4(weight):
    """[E, in, out] -> U8 blocks [E, out, in / 32, 16] and scales [E, out, in / 32]."""
    rows = weight.transpose(0, 2, 1)
    groups = rows.reshape(*rows.shape[:-1], -1, 32)
    exponents = numpy.floor(numpy.log2(numpy.abs(groups).max(-1))) - 2  # the largest code: 1.5 * 2^2
    scaled = groups / numpy.exp2(exponents)[..., None]
    codes = numpy.abs(numpy.abs(scaled)[..., None] - FP4).argmin(-1) + 8 * numpy.signbit(scaled)
    blocks = codes[..., 0::2] | codes[..., 1::2] << 4
    return [torch.from_numpy(part.astype(numpy.uint8)) for part in (blocks, exponents + 127)]


def to_fp8(weight):
    """[out, in] -> F8_E4M3 [out, in] and the scales of its blocks."""
    rows, columns = weight.shape
    height, width = FP8_BLOCK
    padded = torch.nn.functional.pad(weight, (0, -columns % width, 0, -rows % height))
    tiles = padded.unflatten(1, (-1, width)).unflatten(0, (-1, height))
    scales = tiles.abs().amax((1, 3)) / FP8_MAX
    values = (tiles / scales[:, None, :, None]).reshape(padded.shape)[:rows, :columns]
    return values.to(torch.float8_e4m3fn).contiguous(), scales


def quantize_experts(plain):
    """What a file would hold, and what transformers makes of it."""
    stored, dequantized = dict(plain), dict(plain)
    for name, weight in plain.items():
        if name.endswith((".gate_up_proj", ".down_proj")):
            blocks, scales = to_mxfp4(weight.numpy())
            del stored[name]
            stored[f"{name}_blocks"], stored[f"{name}_scales"] = blocks, scales
            dequantized[name] = convert_moe_packed_tensors(blocks, scales, dtype=torch.float32)
    return stored, dequantized


def quantize_projections(plain):
    stored, dequantized = dict(plain), dict(plain)
    for name, weight in plain.items():
        if "_proj" in name and weight.ndim == 2:
            values, scales = to_fp8(weight)
            stored[name], stored[f"{name}_scale_inv"] = values, scales
            dequantized[name] = _dequantize_fp8_weight(values, scales, FP8_BLOCK, torch.float32)
    return stored, dequantized


@dataclasses.dataclass
class Form:
    family: str
    sizes: dict
    fields: dict  # of quantization_config
    quantize: Callable


FORMS = {
    "mxfp4": Form("gpt_oss", {"hidden_size": 64, "intermediate_size": 96},
                  {"quant_method": "mxfp4",
                   "modules_to_not_convert": ["model.layers.*.self_attn", "model.layers.*.mlp.router",
                                              "model.embed_tokens", "lm_head"]},
                  quantize_experts),
    "fp8": Form("deepseek_v3", {"hidden_size": 40},
                {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8",
                 "weight_block_size": FP8_BLOCK},
                quantize_projections),
}


def write_folder(folder, config, tensors):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()},
              folder / "model.safetensors", metadata={"format": "pt"})


def peer(folder):
    model, info = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    found = {kind: info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")}
    assert not any(found.values()), found
    return model


def write_reference(case, folder):
    state = peer(folder / "plain").state_dict()
    with Lifted():
        model = oracle.exact_model(case, state)
        inputs, outputs = oracle.forward_reference(case, model, SHORT, gradients=False)
    save_file(inputs, folder / "input.safetensors")
    save_file({name: tensor.contiguous() for name, tensor in outputs.items()},
              folder / "reference.safetensors")


@pytest.fixture(scope="module", params=FORMS)
def original(request, program, tmp_path_factory):
    """A folder with `model`, quantised, `plain`, dequantised by transformers, and its reference."""
    form = FORMS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    base = next(case for case in family_cases() if case.name == form.family)
    case = dataclasses.replace(base, name=f"quantized.{request.param}",
                               config={**base.config, **form.sizes})
    oracle.save_model(case, folder / "unquantized")
    config = json.loads((folder / "unquantized/config.json").read_text())
    stored, dequantized = form.quantize(tensors_of(folder / "unquantized"))
    assert len(stored) > len(dequantized)
    write_folder(folder / "plain", config, dequantized)
    write_folder(folder / "model", {**config, "quantization_config": form.fields}, stored)
    write_reference(case, folder)
    return folder


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    return done


def test_logits_equal_those_of_the_dequantised_model(original):
    run(pathlib.Path(os.environ["ROPEWALK_TOOLS"]) / "ropewalk_family_dump_tool", original)
    difference = compare_run(original)
    assert not difference.faults, "\n".join(difference.faults)


def test_exports_are_plain_and_hold_the_dequantised_values(program, original, tmp_path):
    for options, dtype in (([], torch.bfloat16), (["--dtype", "fp32"], torch.float32)):
        target = tmp_path / str(dtype)
        done = run(program, "export", original / "model", target, *options)
        assert "dequantised" in done.stderr
        config = json.loads((target / "config.json").read_text())
        assert "quantization_config" not in config
        assert f"torch.{config['dtype']}" == str(dtype)
        got, want = tensors_of(target), tensors_of(original / "plain")
        assert sorted(got) == sorted(want)
        for name, tensor in want.items():
            assert torch.equal(got[name], tensor.to(dtype)), name
        peer(target)


def test_verify_and_inspect_know_what_is_quantised(program, original):
    run(program, "verify", original / "model")
    found, plain = (json.loads(run(program, "inspect", original / name, "--json").stdout)
                    for name in ("model", "plain"))
    assert found["parameters"] == plain["parameters"]
    assert found["quantization"].startswith(("MXFP4", "FP8 in blocks of 16 x 12"))
    assert any("dequantised" in remark for remark in found["remarks"])
    assert "quantization" not in plain
