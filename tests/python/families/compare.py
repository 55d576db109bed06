"""Our outputs against the references, with the bounds of the proof."""

import dataclasses
import math

from safetensors.torch import load_file

LOGIT_BOUND = 2e-5  # of the largest logit
GRADIENT_BOUND = 1e-4  # of the gradient's norm
LOSS_BOUND = 1e-5
# Of an untouched document when another one's token changes: nothing, but experts compute batches of
# other sizes then, whose products round differently.
MIXTURE_LEAK_BOUND = 1e-6
# Gradients that are zero but for rounding (a key bias without rotary) have no relative error.
ZERO_GRADIENT = 1e-9


@dataclasses.dataclass
class Difference:
    logits: float = 0.0
    gradients: float = 0.0
    faults: list = dataclasses.field(default_factory=list)


def _compare_logits(got, want, difference):
    if got.shape != want.shape:
        difference.logits = math.inf
        difference.faults.append(f"logits: shape {list(got.shape)}, not {list(want.shape)}")
        return
    difference.logits = float((got.double() - want).abs().max() / want.abs().max())
    if not difference.logits <= LOGIT_BOUND:
        difference.faults.append(f"logits: off by {difference.logits:.1e} of the largest")


def _compare_gradients(got, want, difference):
    names = {name for name in want if name.startswith("grad/")}
    ours = {name for name in got if name.startswith("grad/")}
    for name in sorted(names ^ ours):
        difference.faults.append(f"{name}: only in {'the reference' if name in names else 'ours'}")
    largest = max((float(want[name].norm()) for name in names), default=0.0)
    for name in sorted(names & ours):
        norm = float(want[name].norm())
        if got[name].shape != want[name].shape:
            difference.faults.append(f"{name}: shape {list(got[name].shape)}, not "
                                     f"{list(want[name].shape)}")
            continue
        error = float((got[name].double() - want[name]).norm())
        relative = error / (norm if norm > ZERO_GRADIENT * largest else largest)
        difference.gradients = max(difference.gradients, relative)
        if not relative <= GRADIENT_BOUND:
            difference.faults.append(f"{name}: off by {relative:.1e}")


def _compare_documents(got, difference):
    own, logits, gradients, alone = got["leak"].tolist()
    largest = float(got["logits"].abs().max())
    mixture = any(".experts." in name or ".block_sparse_moe." in name for name in got)
    bound = MIXTURE_LEAK_BOUND if mixture else 0.0
    if not own > 0:
        difference.faults.append("documents: a changed token changes nothing in its own document")
    if not logits <= bound * largest or not gradients <= bound:
        difference.faults.append(f"documents: one leaks into another (logits {logits:.1e}, "
                                 f"gradients {gradients:.1e})")
    if not alone <= LOGIT_BOUND:
        difference.faults.append(f"documents: off by {alone:.1e} from each alone")


def compare_run(folder):
    """The largest differences of one run, and everything that is out of bounds."""
    error = folder / "error.txt"
    if error.exists() or not (folder / "ours.safetensors").exists():
        fault = error.read_text().strip() if error.exists() else "no output"
        return Difference(math.inf, math.inf, [fault])
    difference = Difference()
    got = load_file(folder / "ours.safetensors")
    want = load_file(folder / "reference.safetensors")
    _compare_logits(got["logits"], want["logits"], difference)
    if any(name.startswith("grad/") for name in want):
        _compare_gradients(got, want, difference)
        _compare_documents(got, difference)
        if not abs(float(got["loss"]) - float(want["loss"])) <= LOSS_BOUND * float(want["loss"]):
            difference.faults.append(f"loss: {float(got['loss'])}, not {float(want['loss'])}")
    if "greedy" in want and got["greedy"].tolist() != want["greedy"].tolist():
        pairs = zip(got["greedy"].tolist(), want["greedy"].tolist())
        first = next((i for i, (a, b) in enumerate(pairs) if a != b), "the end")
        difference.faults.append(f"greedy: differs from token {first} on")
    return difference
