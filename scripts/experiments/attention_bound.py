"""The bounds of section 2 of the Position Interpolation paper (arXiv 2306.15595), on a model's own queries
and keys.

A query and a key that are s apart have the score a(s) = Re sum_j h_j exp(i s theta_j), where h_j is the
product of pair j of the query with the conjugate of the key's, and theta_j = c^(-2j/d) (section 2.3;
without the division by sqrt(d)). Between whole positions s1 and s2 = s1 + 1 the distance from a straight
line is at most max |a''| (s - s1) (s2 - s) / 2, and |a''| <= max_j |h_j| S, S = sum_j theta_j^2. Theorem
2.1 takes d / (4 ln c) for S:

    |a(s) - a_linear(s)| <= d max_j |h_j| (s - s1) (s2 - s) / (8 ln c)

That is the integral in place of the sum, and less than it: 3.47 for 4.00 where d = 128 and c = 10000.
Beyond the trained positions the bound of RoFormer, section 3.4.3, is

    |a(s)| <= 2 max_j |h_j| B(s),  B(s) = sum_k |sum_{j<=k} exp(i s theta_j)|.
"""

import json

import numpy
import torch
import transformers

SEED = 1
PAIRS = 64  # of query and key, drawn in each head of each layer
NUM_PLACES = 64  # whole positions s1, drawn for each pair
PARTS = 16  # between s1 and s2


def heads_of(states, num_heads):
    """[tokens, heads * d] -> [heads, tokens, d/2] complex: pair j is elements j and j + d/2 of a head."""
    tokens = states.shape[0]
    halves = states.reshape(tokens, num_heads, 2, -1).transpose(1, 0, 2, 3)
    return halves[:, :, 0] + 1j * halves[:, :, 1]


def queries_and_keys(model, ids):
    """Of every layer, before rotation."""
    found = []
    hooks = []
    for layer in model.model.layers:
        for projection in (layer.self_attn.q_proj, layer.self_attn.k_proj):
            hooks.append(projection.register_forward_hook(
                lambda module, inputs, output: found.append(output[0].double().numpy())))
    with torch.no_grad():
        model(ids[None])
    for hook in hooks:
        hook.remove()
    return list(zip(found[::2], found[1::2]))


def pairs_of_document(model, ids, dice):
    """h of pairs that causal attention has, [layers, heads, pairs, d/2] complex, and where their queries
    and keys are, [layers, heads, pairs]."""
    config = model.config
    group = config.num_attention_heads // config.num_key_value_heads
    shape = (config.num_attention_heads, PAIRS)
    head = numpy.arange(config.num_attention_heads)[:, None]
    found = []
    for queries, keys in queries_and_keys(model, ids):
        queries = heads_of(queries, config.num_attention_heads)
        keys = heads_of(keys, config.num_key_value_heads).repeat(group, axis=0)
        ends = dice.integers(1, len(ids), shape)
        begins = (dice.random(shape) * ends).astype(int)
        found.append((queries[head, ends] * keys[head, begins].conj(), ends, begins))
    return tuple(map(numpy.stack, zip(*found)))


def score(h, theta, s):
    """a(s): h [pairs, d/2], s [pairs, places] or [places]."""
    angles = numpy.exp(1j * s[..., None] * theta)
    return numpy.einsum("pj,pnj->pn" if s.ndim == 2 else "pj,nj->pn", h, angles, optimize=True).real


def interpolation(h, theta, context, base, dice):
    """The largest |a - a_linear| of each pair: over the theorem's bound, and as it is."""
    dim = 2 * len(theta)
    begins = dice.integers(0, context - 1, (len(h), NUM_PLACES)).astype(float)
    ends = score(h, theta, begins), score(h, theta, begins + 1)
    largest = numpy.abs(h).max(axis=1)[:, None]
    worst, error = numpy.zeros(len(h)), numpy.zeros(len(h))
    for part in range(1, PARTS):
        u = part / PARTS
        off = numpy.abs(score(h, theta, begins + u) - (1 - u) * ends[0] - u * ends[1])
        bound = dim * largest * u * (1 - u) / (8 * numpy.log(base))
        worst = numpy.maximum(worst, (off / bound).max(axis=1))
        error = numpy.maximum(error, off.max(axis=1))
    return worst, error


def extrapolation_sum(theta, positions):
    """B(s)."""
    return numpy.abs(numpy.exp(1j * positions[:, None] * theta).cumsum(axis=1)).sum(axis=1)


def attention_bound(folder, documents_file, context, factor):
    """Of a model, on documents; scores are looked at from its context to `factor` times as far."""
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    texts = [json.loads(line)["text"] for line in documents_file.read_text().splitlines()]
    documents = [torch.tensor(tokenizer(text, add_special_tokens=False)["input_ids"][:context])
                 for text in texts]
    dice = numpy.random.default_rng(SEED)
    h = numpy.concatenate([pairs_of_document(model, ids, dice)[0] for ids in documents])
    h = h.reshape(-1, h.shape[-1])
    base = model.config.rope_parameters["rope_theta"]
    dim = 2 * h.shape[1]
    theta = base ** (-2 * numpy.arange(dim // 2) / dim)
    worst, error = interpolation(h, theta, context, base, dice)
    within = numpy.abs(score(h, theta, numpy.arange(context))).max(axis=1)
    far = numpy.arange(context, factor * context)
    beyond = numpy.abs(score(h, theta, far))
    sums = extrapolation_sum(theta, far)
    allowed = 2 * numpy.abs(h).max(axis=1)[:, None] * sums
    return {"far": factor, "dim": dim, "theta": base, "pairs": len(h),
            "squares": float((theta ** 2).sum()), "squares_in_theorem": dim / (4 * numpy.log(base)),
            "error_over_bound": quantiles(worst), "error_over_largest_score": quantiles(error / within),
            "beyond_over_within": quantiles(beyond.max(axis=1) / within),
            "beyond_over_bound": quantiles((beyond / allowed).max(axis=1)),
            "least_sum_over_dim": float(sums.min() / dim),
            "bounds_ratio": float(2 * sums.min() / (dim / (32 * numpy.log(base))))}


def quantiles(values):
    """Median, 99th of a hundred, largest."""
    return [float(value) for value in numpy.quantile(values, [0.5, 0.99, 1.0])]
