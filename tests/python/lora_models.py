"""Small random models and their PEFT adapters, for the tests of `lora`."""

import contextlib
import json
import pathlib
import subprocess

import numpy
import peft
import torch
import transformers
from main_job import OWN_MODEL, PROGRAM, ropewalk
from safetensors.torch import load_file, save_file

SMALL = {"vocab_size": 2048, "hidden_size": 64, "intermediate_size": 80, "num_hidden_layers": 2,
         "num_attention_heads": 4, "max_position_embeddings": 64, "initializer_range": 0.15,
         "bos_token_id": 1, "eos_token_id": 2}
# model_type: (entries of its config.json, lora.targets, norms)
FAMILIES = {
    "llama": ({"num_key_value_heads": 2, "tie_word_embeddings": False},
              ["q_proj", "v_proj", "gate_proj", "down_proj"],
              ["input_layernorm", "post_attention_layernorm", "norm", "embed_tokens"]),
    "gpt_neox": ({"tie_word_embeddings": False},
                 ["query_key_value", "dense", "dense_4h_to_h"],
                 ["input_layernorm", "post_attention_layernorm", "final_layer_norm", "embed_in"]),
    "phi3": ({"num_key_value_heads": 2, "pad_token_id": 0, "tie_word_embeddings": False},
             ["qkv_proj", "gate_up_proj"],
             ["input_layernorm", "post_attention_layernorm", "norm", "embed_tokens"]),
}


def make_model(folder, model_type="llama", **entries):
    torch.manual_seed(5)
    config = transformers.AutoConfig.for_model(
        model_type, **{**SMALL, **FAMILIES[model_type][0], **entries})
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.save_pretrained(folder)
    return folder


def opened(folder, config=None):
    return transformers.AutoModelForCausalLM.from_pretrained(
        folder, config=config, dtype=torch.float32).eval()


def make_adapter(folder, base, rank=4, alpha=6, **settings):
    """Of random numbers everywhere, so that no gradient is zero."""
    torch.manual_seed(6)
    config = peft.LoraConfig(r=rank, lora_alpha=alpha, task_type="CAUSAL_LM",
                             init_lora_weights=False, **settings)
    model = peft.get_peft_model(opened(base), config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.05 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    return folder


def with_adapter(base, adapter, config=None):
    return peft.PeftModel.from_pretrained(opened(base, config), str(adapter)).eval()


def logits_of(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0]


def our_logits(folder, ids, scratch):
    tool = pathlib.Path(PROGRAM).parent / "tests" / "ropewalk_logits_tool"
    out = pathlib.Path(scratch) / "logits.bin"
    subprocess.run([tool, folder, out, *map(str, ids)], check=True)
    return torch.from_numpy(numpy.fromfile(out, numpy.float32)).reshape(len(ids), -1)


@contextlib.contextmanager
def edited(path):
    """A JSON file to change in place."""
    content = json.loads(path.read_text())
    yield content
    path.write_text(json.dumps(content))


@contextlib.contextmanager
def edited_tensors(path):
    tensors = load_file(path)
    yield tensors
    save_file(tensors, path)


def one_sample(folder, num_words=20):
    """Shards that make exactly one sequence of all their tokens: (folder, ids with the last target)."""
    folder.mkdir()
    text = folder / "text.txt"
    text.write_text(" ".join(f"word{number}" for number in range(num_words)))
    ids = [int(word) for word in ropewalk("tokenize", OWN_MODEL, text).split()]
    ropewalk("prepare", text, "--tokenizer", OWN_MODEL, "--output", folder / "shards")
    return folder / "shards", [*ids, SMALL["eos_token_id"]]
