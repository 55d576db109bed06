"""What transformers computes: models with weights that all matter, and reference outputs."""

import copy
import functools
import zlib

import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from lifted import Lifted

TIED_EMBEDDING_STD = 0.08  # more would make every token predict itself
ROUTER_NOISE = 5e-5  # router choices must survive this relative change of their input
GREEDY_MARGIN = 1e-4  # of the largest logit, between the two likeliest tokens
ATTEMPTS = 60


def generator_for(*words):
    return torch.Generator().manual_seed(zlib.crc32(" ".join(map(str, words)).encode()))


def make_config(case, overrides=None):
    fields = copy.deepcopy({**case.config, **(overrides or {})})
    return AutoConfig.for_model(case.family, **fields)


def build(config):
    return AutoModelForCausalLM.from_config(
        copy.deepcopy(config), attn_implementation="eager", dtype=torch.get_default_dtype(),
        **({"experts_implementation": "eager"} if has_experts(config) else {})).eval()


def has_experts(config):
    return any(getattr(config, key, None) for key in ("num_experts", "num_local_experts",
                                                      "n_routed_experts"))


def _drawn(name, tensor, kind, case):
    generator = generator_for(case.family, name)
    leaf = name.rsplit(".", 1)[-1]
    normal = torch.randn(tensor.shape, generator=generator, dtype=torch.float32)
    if leaf == "sinks":
        return normal
    if leaf in ("alpha_p", "alpha_n"):
        return 0.5 * normal
    if "bias" in leaf:
        return (0.1 if leaf == "e_score_correction_bias" else 0.2) * normal
    if kind == "norm":
        neutral = float(tensor.flatten()[0])  # transformers initialises norms to it
        return neutral + torch.rand(tensor.shape, generator=generator) - 0.5
    if kind == "last norm":  # of either sign, or a tied model says one word again and again
        return normal - (1.0 if float(tensor.flatten()[0]) == 0 else 0.0)
    return (TIED_EMBEDDING_STD if kind == "tied" else case.matrix_std) * normal


def reinitialise(model, case):
    """Gives every parameter, and every buffer that is saved, a value that changes the output."""
    kinds = {}
    tied = model.config.tie_word_embeddings
    for name, module in model.named_modules():
        if "Norm" in type(module).__name__:
            in_layer = any(part.isdigit() for part in name.split("."))
            for parameter in module.parameters(recurse=False):
                kinds[id(parameter)] = "norm" if in_layer or not tied else "last norm"
    if tied:
        kinds[id(model.get_input_embeddings().weight)] = "tied"
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(_drawn(name, parameter, kinds.get(id(parameter)), case))
        for name, buffer in model.named_buffers():
            if name.endswith("e_score_correction_bias"):
                buffer.copy_(_drawn(name, buffer, None, case))


def save_model(case, folder):
    """The Hugging Face folder of the case, as transformers writes it; the fp32 model's state."""
    config = make_config(case)
    model = build(config).float()
    reinitialise(model, case)
    model.save_pretrained(folder)
    return model.state_dict()


def _stretch(model, factor):
    """Linear scaling where the family's config cannot say it."""
    for module in model.modules():
        for name in ("inv_freq", "original_inv_freq"):
            if getattr(module, name, None) is not None:
                getattr(module, name).div_(factor)
        table = getattr(module, "embed_positions", None)
        if table is not None:
            positions = torch.arange(table.shape[0]).double()[:, None] / factor
            half = table.shape[1] // 2
            frequencies = 10000.0 ** (-torch.arange(half).double() / half)
            angles = positions * frequencies
            module.embed_positions = torch.cat((angles.sin(), angles.cos()), dim=1)


def _hear_length(module, args, kwargs):
    """transformers 5.23 asks PhiMoE's longrope for frequencies without saying for which length, so that
    the short list serves every one. The model's authors take the long list beyond the original
    context, and so do all other families."""
    positions = kwargs["position_ids"] if "position_ids" in kwargs else args[1]
    module.rope_init_fn = functools.partial(ROPE_INIT_FUNCTIONS[module.rope_type],
                                            seq_len=int(positions.max()) + 1)


def exact_model(case, state, overrides=None, own_factor=1):
    """The model in float64, nothing in fp32. Use it under Lifted."""
    model = build(make_config(case, {**(overrides or {}), **case.oracle}))
    if own_factor != 1:
        _stretch(model, own_factor)
    for module in model.modules():
        if type(module).__name__ == "PhimoeRotaryEmbedding" and module.rope_type == "longrope":
            module.register_forward_pre_hook(_hear_length, with_kwargs=True)
    missing = model.load_state_dict(state, strict=False)
    assert not missing.missing_keys and not missing.unexpected_keys, missing
    return model


class RouterWatch:
    """Whether the choices of all routers hold when their inputs change a little."""

    def __init__(self, model):
        self.stable = True
        self._handles = [module.register_forward_hook(self._check) for module in model.modules()
                         if "outer" in type(module).__name__]

    def _check(self, module, inputs, output):
        with torch.no_grad():
            x = inputs[0]
            noise = torch.randn(x.shape, generator=generator_for("noise"), dtype=x.dtype)
            size = x.pow(2).mean(-1, keepdim=True).sqrt()
            # Not through __call__, whose hooks collect the logits of the router loss.
            _, weights, chosen = type(module).forward(module, x + ROUTER_NOISE * size * noise)
        dense = [torch.zeros_like(output[0]).scatter(-1, c, w) for c, w in
                 ((output[2], output[1].detach()), (chosen, weights))]
        self.stable &= bool((dense[0] - dense[1]).abs().max() < 0.02)

    def close(self):
        for handle in self._handles:
            handle.remove()


def _draw_tokens(config, shape, *seed):
    """Never the padding token: transformers drops the gradient of its row."""
    generator = generator_for(*seed)
    return torch.randint(3, config.vocab_size, shape, generator=generator)


def _loss(case, model, out, targets, router_loss):
    loss = torch.nn.functional.cross_entropy(
        out.logits.flatten(0, 1), targets.flatten(), ignore_index=-100)
    return loss + model.config.router_aux_loss_coef * out.aux_loss if router_loss else loss


def forward_reference(case, model, length, gradients, router_loss=False):
    """(inputs, outputs) of one batch whose router choices are no near-ties."""
    rows = 2
    for attempt in range(ATTEMPTS):
        tokens = _draw_tokens(model.config, (rows, length), case.name, length, attempt)
        targets = _draw_tokens(model.config, (rows, length), "targets", case.name, length)
        targets[:, ::5] = -100
        watch = RouterWatch(model)
        with torch.set_grad_enabled(gradients):
            out = model(tokens, use_cache=False,
                        **({"output_router_logits": True} if router_loss else {}))
        watch.close()
        if watch.stable:
            break
    else:
        raise RuntimeError(f"{case.name}: every batch has a router choice that is a near-tie")
    loss = _loss(case, model, out, targets, router_loss)
    outputs = {"logits": out.logits.detach(), "loss": loss.detach().reshape(1)}
    inputs = {"tokens": tokens}
    if gradients:
        inputs["targets"] = targets
        model.zero_grad()
        loss.backward()
    return inputs, outputs


def greedy_reference(case, model, new_tokens):
    """A prompt, and its likeliest continuation with a KV cache, without near-ties."""
    for attempt in range(ATTEMPTS):
        prompt = _draw_tokens(model.config, (1, 7), "prompt", case.name, attempt)
        watch, tokens, ids, cache = RouterWatch(model), prompt, [], None
        margin, varied = float("inf"), True
        with torch.no_grad():
            while len(ids) < new_tokens and watch.stable and margin > GREEDY_MARGIN and varied:
                out = model(tokens, past_key_values=cache, use_cache=True)
                cache, logits = out.past_key_values, out.logits[0, -1]
                top = logits.topk(2).values
                margin = min(margin, float((top[0] - top[1]) / logits.abs().max()))
                ids.append(int(logits.argmax()))
                tokens = torch.tensor([[ids[-1]]])
                # Some models repeat themselves all the same: not every prompt is worth the time.
                varied = len(ids) < 24 or len(set(ids)) > 3 or attempt >= 6
        watch.close()
        if len(ids) == new_tokens and watch.stable and margin > GREEDY_MARGIN and varied:
            return prompt, torch.tensor(ids)
    raise RuntimeError(f"{case.name}: every continuation has a near-tie")


def saved_gradients(model, folder):
    """Gradients under the names, and in the layout, that transformers writes weights in."""
    shadow = copy.deepcopy(model)
    with torch.no_grad():
        for (_, target), (_, source) in zip(shadow.named_parameters(), model.named_parameters()):
            target.copy_(torch.zeros_like(source) if source.grad is None else source.grad)
        for buffer in shadow.buffers():
            if buffer.is_floating_point():
                buffer.fill_(float("nan"))  # not learned; recognised below
    shadow.save_pretrained(folder)
    gradients = {}
    for path in folder.glob("*.safetensors"):
        gradients.update(load_file(path))
    return {f"grad/{name}": g for name, g in gradients.items() if not torch.isnan(g).any()}
