#!/usr/bin/env python3
"""Trains the example model's tokenizer: byte-level BPE over the given text files.

Usage: make_example_tokenizer.py OUTPUT_FOLDER TEXT...
Needs the tests' oracle environment (pip `tokenizers`); the product reads what this writes.
"""
import json
import pathlib
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY = 2048
SPECIAL = ["<unk>", "<s>", "</s>"]

output = pathlib.Path(sys.argv[1])
output.mkdir(parents=True, exist_ok=True)
files = sys.argv[2:]

tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
    [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
)
tokenizer.decoder = decoders.ByteLevel()
tokenizer.train(
    files,
    trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    ),
)
tokenizer.save(str(output / "tokenizer.json"))
config = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "bos_token": "<s>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "clean_up_tokenization_spaces": False,
}
(output / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
