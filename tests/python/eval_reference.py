"""Perplexity and retrieval prompts once more, from the papers' scripts and with `transformers`: what ours
must equal. Shares no code with the product."""

import math
import re

import torch
import transformers

MASK = (1 << 64) - 1


def model(folder, kind="default", factor=1.0):
    config = transformers.AutoConfig.from_pretrained(folder)
    config.rope_parameters = {"rope_type": kind, "rope_theta": config.rope_parameters["rope_theta"],
                              **({} if kind == "default" else {"factor": factor})}
    return transformers.AutoModelForCausalLM.from_pretrained(folder, config=config,
                                                             dtype=torch.float32).eval()


def token_losses(peer, ids):
    """Of every token but the first."""
    with torch.no_grad():
        logits = peer(torch.tensor([ids])).logits[0, :-1].double()
    return torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="none").tolist()


def pi(peer, documents, window, stride):
    """Sliding windows, every token once: (sum of losses, tokens) of each document."""
    sums = []
    for ids in documents:
        total, scored, seen, begin = 0.0, 0, 0, 0
        while seen < len(ids):
            end = min(begin + window, len(ids))
            new = token_losses(peer, ids[begin:end])[max(seen - begin, 1) - 1:]
            total, scored = total + sum(new), scored + len(new)
            seen, begin = end, begin + stride
        sums.append((total, scored))
    return sums


def yarn(peer, documents, window, stride, bos):
    """As the YaRN authors' eval/perplexity.py: BOS in front, the mean of windows' means."""
    means = []
    for ids in documents:
        previous_end = 0
        for begin in range(0, len(ids), stride):
            end = min(begin + window - 1, len(ids))
            losses = token_losses(peer, [bos, *ids[begin:end]])
            new = losses[-(end - previous_end):]
            means.append(sum(new) / len(new))
            previous_end = end
            if end == len(ids):
                break
    return sum(means) / len(means)


def yarn_truncate(peer, documents, window, bos):
    """The same with --truncate: what fits of a document is all of it, and one window."""
    return yarn(peer, [ids[:window - 1] for ids in documents], window, window - 1, bos)


def longlora(peer, documents, window, stride):
    """As the LongLoRA authors' eval.py: whole windows over one stream, the last begin dropped."""
    stream = [token for ids in documents for token in ids]
    begins = list(range(0, len(stream) - window, stride))
    begins.pop()
    means = [sum(losses) / len(losses)
             for losses in (token_losses(peer, stream[begin:begin + window]) for begin in begins)]
    return sum(means) / len(means)


def loss_at(peer, documents, window, stride, part):
    """Mean loss of the tokens at positions [part) of sliding windows."""
    found = []
    for ids in documents:
        for begin in range(0, len(ids), stride):
            losses = token_losses(peer, ids[begin:begin + window])
            found += [loss for position, loss in enumerate(losses, 1) if position in range(*part)]
            if begin + window >= len(ids):
                break
    return sum(found) / len(found), len(found)


def interval_of_mean(sums, t):
    """Of sum of sums / sum of weights, by the ratio estimator."""
    weight = sum(w for _, w in sums)
    mean = sum(s for s, _ in sums) / weight
    squares = sum((s - mean * w) ** 2 for s, w in sums)
    half = t * math.sqrt(squares * len(sums) / (len(sums) - 1)) / weight
    return mean - half, mean + half


def random_bits(seed, stream, index):
    """SplitMix64's finalizer over three words."""
    def mix(z):
        z = ((z ^ (z >> 30)) * 0xbf58476d1ce4e5b9) & MASK
        z = ((z ^ (z >> 27)) * 0x94d049bb133111eb) & MASK
        return z ^ (z >> 31)

    gamma = 0x9e3779b97f4a7c15
    state = mix((seed + gamma) & MASK)
    state = mix(((state ^ stream) + gamma) & MASK)
    return mix(((state ^ index) + gamma) & MASK)


TASK = ("There is an important info hidden inside a lot of irrelevant text. Find it and memorize them. "
        "I will quiz you about the important information there.")
FILLER = ["The grass is green.", "The sky is blue.", "The sun is yellow.", "Here we go.",
          "There and back again."]


def filler(count):
    return " ".join(FILLER[i % len(FILLER)] for i in range(count))


def passkey_prompt(key, before, after):
    parts = [TASK, filler(before), f"The pass key is {key}. Remember it. {key} is the pass key.",
             filler(after), "What is the pass key? The pass key is"]
    return "\n".join(part for part in parts if part)


def answer_tokens(tokenizer, key):
    """With one for a space in front."""
    return len(tokenizer.encode(key, add_special_tokens=False)) + 1


def passkey_prompts(tokenizer, window, distance, trials, seed, digits=5):
    """(prompt, key): the longest that keep the key's line within the distance and all within the window;
    no prompt where none does."""
    least = 10 ** (digits - 1)
    for trial in range(trials):
        key = str(least + random_bits(seed, 0x6b6579 + distance, trial) % (9 * least))
        best = None
        for sentences in range(window):
            prompt = passkey_prompt(key, 0, sentences)
            length = len(tokenizer.encode(prompt))
            from_line = length - len(tokenizer.encode(TASK + "\n"))
            if from_line > distance or length + answer_tokens(tokenizer, key) > window:
                break
            best = prompt
        yield best, key


def greedy(peer, tokenizer, prompt, count):
    ids = torch.tensor([tokenizer.encode(prompt)])
    out = peer.generate(ids, max_new_tokens=count, min_new_tokens=count, do_sample=False)[0]
    return tokenizer.decode(out)[len(tokenizer.decode(ids[0])):]


def says(reply, key):
    """The key comes first, with no letter or digit behind it."""
    return re.match(rf"\s*{key}(?![0-9A-Za-z])", reply) is not None


def passkey_scores(peer, tokenizer, window, trials, seed, digits):
    """As the Position Interpolation paper, section 3.3: (distance, keys found) at 32 distances evenly over
    the window, without those that no prompt fits."""
    scores = []
    for part in range(1, 33):
        distance = part * window // 32
        found = 0
        for prompt, key in passkey_prompts(tokenizer, window, distance, trials, seed, digits):
            if not prompt:
                break
            found += says(greedy(peer, tokenizer, prompt, answer_tokens(tokenizer, key)), key)
        else:
            scores.append((distance, found))
    return scores


def k_max(scores, trials):
    """The largest distance up to which at least a fifth of the keys is found at every one."""
    return max((distance for distance, _ in scores
                if all(5 * found >= trials for nearer, found in scores if nearer <= distance)), default=0)


def choice_scores(peer, tokenizer, context, choices, delimiter=" "):
    """log-likelihood of each choice, and that by character, as lm-evaluation-harness scores them."""
    scores = []
    for choice in choices:
        ids = tokenizer.encode(context + delimiter + choice)
        first = len(tokenizer.encode(context))
        scores.append(-sum(token_losses(peer, ids)[first - 1:]))
    return scores, [score / len(choice) for score, choice in zip(scores, choices)]
