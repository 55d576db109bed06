"""Models that our program wrote, judged by transformers and by the bytes."""

import json

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from cases import LONG

SHARD_BYTES = 20000
PEER_ROUNDING = 2e-6  # of the largest logit


def tensors_of(folder):
    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        for name, tensor in load_file(path).items():
            if name in found:
                raise ValueError(f"{folder}: {name} is there twice")
            found[name] = tensor
    return found


def _tensor_faults(what, got, want):
    faults = [f"{what}: lacks {name}" for name in sorted(set(want) - set(got))]
    faults += [f"{what}: adds {name}" for name in sorted(set(got) - set(want))]
    for name in sorted(set(got) & set(want)):
        if got[name].dtype != want[name].dtype or not torch.equal(got[name], want[name]):
            faults.append(f"{what}: {name} differs")
    return faults


def _peer(folder):
    model, info = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    return model.eval(), info


def _peer_logits(model, case):
    length = LONG
    if case.max_position_key == "n_positions":  # its table of positions ends there
        length = case.original
    tokens = torch.arange(3, 3 + length).remainder(model.config.vocab_size - 3)[None] + 3
    with torch.no_grad():
        return model(tokens, use_cache=False).logits


def _peer_faults(what, folder, case, expected):
    try:
        model, info = _peer(folder)
    except Exception as error:  # whatever transformers says about a folder of ours is the finding
        return [f"{what}: transformers: {error}"]
    faults = [f"{what}: transformers finds {kind}: {sorted(map(str, info[kind]))}"
              for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") if info[kind]]
    # The tensors are equal bit for bit, but where they lie in memory decides how products round.
    difference = (_peer_logits(model, case) - expected).abs().max()
    if not difference <= PEER_ROUNDING * expected.abs().max():
        faults.append(f"{what}: transformers computes other logits")
    return faults


def _byte_faults(folder, other):
    names = {path.name for path in folder.iterdir()} | {path.name for path in other.iterdir()}
    return [f"written twice: {name} differs" for name in sorted(names)
            if not (folder / name).exists() or not (other / name).exists()
            or (folder / name).read_bytes() != (other / name).read_bytes()]


def check_round_trip(case, folder):
    """Faults of CASE/written, CASE/sharded, CASE/again and, where made, CASE/exported."""
    error = folder / "error.txt"
    if error.exists():
        return [error.read_text().strip()]
    source = tensors_of(folder / "model")
    expected = _peer_logits(_peer(folder / "model")[0], case)
    faults = _byte_faults(folder / "written", folder / "again")
    for what in ("written", "sharded", "exported"):
        if what == "exported" and not (folder / what).exists():
            continue
        faults += _tensor_faults(what, tensors_of(folder / what), source)
        faults += _peer_faults(what, folder / what, case, expected)
    if len(list((folder / "sharded").glob("*.safetensors"))) < 2:
        faults.append("sharded: has one file")
    index = json.loads((folder / "sharded/model.safetensors.index.json").read_text())
    if sorted(index["weight_map"]) != sorted(source):
        faults.append("sharded: the index lists other tensors")
    return faults
