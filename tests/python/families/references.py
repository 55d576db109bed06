"""Case folders: models and what transformers computes with them.

    OUT/CASE/model                   as transformers' save_pretrained writes it
    OUT/CASE/RUN/model               the same weights, with the config of this run
    OUT/CASE/RUN/input.safetensors   tokens [B, T]; targets [B, T] where gradients are wanted;
                                     prompt [1, P] and new_tokens [1] where generation is
    OUT/CASE/RUN/reference.safetensors   float64: logits, loss (mean over the targets that are not
                                     -100), grad/NAME by the names on disk; int64 greedy

Runs: `below` and `beyond` the context under no scaling, `below-s4` and `beyond-s4` under linear by 4,
`router` with the router loss.
"""

import dataclasses
import json
import pathlib
import shutil
import tempfile

from safetensors.torch import save_file

import oracle
from cases import LONG, S, SHORT
from lifted import Lifted

NEW_TOKENS = 64


@dataclasses.dataclass(frozen=True)
class Run:
    name: str
    length: int
    scaled: bool = False
    gradients: bool = False
    greedy: bool = False
    router_loss: bool = False


def runs_of(case):
    runs = [Run("below", SHORT, gradients=True, greedy=case.greedy),
            Run("beyond", LONG, gradients=not case.has_scaled)]
    if case.has_scaled:
        runs += [Run("below-s4", SHORT, scaled=True),
                 Run("beyond-s4", LONG, scaled=True, gradients=True, greedy=True)]
    if case.router_loss:
        runs.append(Run("router", SHORT, gradients=True, router_loss=True))
    return runs


def _config_changes(case, run):
    """What the run's config.json says differently."""
    if run.router_loss:
        return {"output_router_logits": True}
    if not run.scaled:
        return {}
    if case.scaled is None:
        return {case.max_position_key: S * case.original, "pos_scaling_factor": float(S)}
    fields = oracle.make_config(case, case.scaled).to_dict()
    return {key: fields[key] for key in case.scaled}


def _link_model(case, run, source, folder):
    folder.mkdir()
    for path in source.iterdir():
        if path.name != "config.json":
            (folder / path.name).symlink_to(path.resolve())
    config = json.loads((source / "config.json").read_text())
    config.update(_config_changes(case, run))
    (folder / "config.json").write_text(json.dumps(config, indent=2))


def _make_run(case, run, state, folder):
    overrides = case.scaled if run.scaled else None
    own_factor = S if run.scaled and case.scaled is None else 1
    with Lifted():
        model = oracle.exact_model(case, state, overrides, own_factor)
        inputs, outputs = oracle.forward_reference(case, model, run.length, run.gradients,
                                                   run.router_loss)
        if run.gradients:
            with tempfile.TemporaryDirectory() as scratch:
                outputs.update(oracle.saved_gradients(model, pathlib.Path(scratch)))
        if run.greedy:
            prompt, ids = oracle.greedy_reference(case, model, NEW_TOKENS)
            outputs["greedy"] = ids
            inputs.update(prompt=prompt, new_tokens=ids.new_tensor([NEW_TOKENS]))
    save_file(inputs, folder / "input.safetensors")
    save_file({name: t.contiguous() for name, t in outputs.items()},
              folder / "reference.safetensors")


def make_case(case, out):
    """Writes the case's folder anew."""
    folder = out / case.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    state = oracle.save_model(case, folder / "model")
    for run in runs_of(case):
        (folder / run.name).mkdir()
        _link_model(case, run, folder / "model", folder / run.name / "model")
        _make_run(case, run, state, folder / run.name)


def run_folders(case, out):
    return [out / case.name / run.name for run in runs_of(case)]
