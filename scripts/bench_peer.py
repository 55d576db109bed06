#!/usr/bin/env python3
"""Training steps of ours and of `transformers`, alternating, on the same weights and batches.

    python scripts/bench_peer.py --bench build/tests/ropewalk_train_step_bench \
        --model s --shape 4x512 --rounds 5 [--threads 1] [--peers hf,eager,compile] [--json FILE]

Every contestant is a process of its own that runs one step per line on its standard input (forward,
backward, clipping, AdamW), so that a busy machine hits all alike; reported are medians of the ratios
ours / peer of the same round. Peers: hf = as it comes; eager and compile = tuned (fused AdamW and
tcmalloc, the latter with torch.compile as well).
"""

import argparse
import ctypes.util
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

MODELS = {
    "s": dict(vocab_size=4096, hidden_size=256, intermediate_size=688, num_hidden_layers=6,
              num_attention_heads=4, num_key_value_heads=2),
    "m": dict(vocab_size=32000, hidden_size=512, intermediate_size=1376, num_hidden_layers=8,
              num_attention_heads=8, num_key_value_heads=4),
}


def machine():
    """What every result says about where it was measured."""
    import torch
    import transformers
    names = re.findall(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {"cpu": names[0].strip() if names else "unknown CPU", "cores": os.cpu_count(),
            "capability": torch.backends.cpu.get_cpu_capability(),
            "versions": f"torch {torch.__version__.split('+')[0]}, transformers {transformers.__version__}"}


def make_model(name, folder):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM
    torch.manual_seed(1)
    config = LlamaConfig(max_position_embeddings=8192, tie_word_embeddings=False,
                         bos_token_id=1, eos_token_id=2, **MODELS[name])
    LlamaForCausalLM(config).float().save_pretrained(folder)


def peak_mib():
    """Of this process alone: ru_maxrss would begin with the peak of the process that started it."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) / 1024


def peer_main(options):
    """The contestant process of a peer."""
    import time

    import torch
    from transformers import LlamaForCausalLM
    torch.set_num_threads(options.threads)
    model = LlamaForCausalLM.from_pretrained(options.folder, dtype=torch.float32,
                                             attn_implementation="sdpa").train()
    tuned = options.peer != "hf"
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=0.0,
                                  fused=True if tuned else None)
    run = torch.compile(model) if options.peer == "compile" else model
    batch, sequence = map(int, options.shape.split("x"))
    for step, _ in enumerate(sys.stdin):
        index = torch.arange(batch * (sequence + 1))
        ids = (index * 7919 + index * index * 31 + step * 104729).remainder(
            model.config.vocab_size).view(batch, sequence + 1)
        begin, cpu_begin = time.perf_counter(), time.process_time()
        logits = run(input_ids=ids[:, :-1].contiguous(), use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu_begin
        print(json.dumps({
            "step": step, "seconds": seconds, "cpu_s": cpu, "loss": loss.item(), "grad_norm": norm.item(),
            "peak_mib": peak_mib()}), flush=True)


class Contestant:
    def __init__(self, name, command, environment):
        self.name = name
        self.steps = []
        self.process = subprocess.Popen(command, env={**os.environ, **environment}, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)

    def step(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"bench_peer: {self.name} ended early")
        self.steps.append(json.loads(line))
        return self.steps[-1]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def contestants(options, folder):
    batch, sequence = options.shape.split("x")
    threads = {"OMP_NUM_THREADS": str(options.threads), "MKL_NUM_THREADS": str(options.threads)}
    yield Contestant("ours", [options.bench, folder, "--batch", batch, "--sequence", sequence,
                              "--threads", str(options.threads), *options.ours_option], threads)
    tcmalloc = options.tcmalloc or ctypes.util.find_library("tcmalloc_minimal")
    for peer in filter(None, options.peers.split(",")):
        if peer != "hf" and not tcmalloc:
            raise SystemExit("bench_peer: the tuned peers need libtcmalloc-minimal4 (apt), or --tcmalloc")
        environment = dict(threads, **({"LD_PRELOAD": tcmalloc} if peer != "hf" else {}))
        yield Contestant(peer, [sys.executable, __file__, "--peer", peer, "--folder", folder,
                                "--shape", options.shape, "--threads", str(options.threads)],
                         environment)


def report(options, runs, warmup):
    ours = runs[0]
    out = {"model": options.model, "shape": options.shape, "threads": options.threads,
           "rounds": options.rounds, "peers": {}, **machine()}
    assert out["capability"] == ours.steps[-1]["capability"], "ours runs on other instructions"
    out["ours_s"] = statistics.median(s["seconds"] for s in ours.steps[warmup:])
    out["ours_peak_mib"] = ours.steps[-1]["peak_mib"]
    for peer in runs[1:]:
        ratios = [a["seconds"] / b["seconds"]
                  for a, b in zip(ours.steps[warmup:], peer.steps[warmup:])]
        out["peers"][peer.name] = {
            "ratio": statistics.median(ratios), "ratios": ratios,
            "cpu_ratio": statistics.median(
                a["cpu_s"] / b["cpu_s"] for a, b in zip(ours.steps[warmup:], peer.steps[warmup:])),
            "peer_s": statistics.median(s["seconds"] for s in peer.steps[warmup:]),
            "peak_mib": peer.steps[-1]["peak_mib"],
            "memory_ratio": ours.steps[-1]["peak_mib"] / peer.steps[-1]["peak_mib"],
            "loss_difference": max(abs(a["loss"] - b["loss"])
                                   for a, b in zip(ours.steps, peer.steps)),
            "grad_norm_difference": max(abs(a["grad_norm"] - b["grad_norm"])
                                        for a, b in zip(ours.steps, peer.steps))}
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench")
    parser.add_argument("--model", choices=MODELS, default="s")
    parser.add_argument("--shape", default="4x512", help="batch x sequence")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--warmup", type=int, default=1, help="rounds that do not count")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--peers", default="hf,eager,compile")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--folder", help="the model, made there if it is not")
    parser.add_argument("--tcmalloc", help="libtcmalloc_minimal.so; default: the system's")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    parser.add_argument("--ours-option", action="append", default=[])
    options = parser.parse_args()
    if options.peer:
        return peer_main(options)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or scratch + "/model"
        if not os.path.exists(os.path.join(folder, "config.json")):
            make_model(options.model, folder)
        runs = list(contestants(options, folder))
        for number in range(options.warmup + options.rounds):
            line = {run.name: (round(run.step()["seconds"], 3), round(run.steps[-1]["cpu_s"], 3))
                    for run in runs}
            print(f"round {number}: seconds and processor seconds {line}", file=sys.stderr, flush=True)
        for run in runs:
            run.close()
    result = report(options, runs, options.warmup)
    text = json.dumps(result, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
