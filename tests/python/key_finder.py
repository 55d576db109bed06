"""A model that finds some pass keys of one digit and misses others. Its weights are written down, not
trained."""

import shutil

import torch
import transformers

# Of the hidden state: one place for each digit; what kind of token is read; the same for all.
GAP, DIGIT, ALWAYS, WIDTH = 10, 11, 12, 16
# Up to how many tokens a digit that stands among them twice outweighs "." behind " ", for each digit.
REACHES = torch.tensor([0, 0, 100.5, 120.5, 140.5, 160.5, 180.5, 200.5, 430.5, 480.5])
GAP_WEIGHT = 4  # of " " behind a word: a digit outweighs it up to a quarter of its reach
NEVER = -1000


def write_key_finder(folder, tokenizer_folder):
    """Its one layer attends evenly to all tokens, so that a digit weighs the less the longer the prompt is.
    The reply is " d" as far as the reach of d, and " ." beyond it; in short prompts 8 and 9 come without
    " ", and 9 twice."""
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(tokenizer_folder / "tokenizer.json"))
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=WIDTH, intermediate_size=WIDTH, num_hidden_layers=1,
        num_attention_heads=1, num_key_value_heads=1, max_position_embeddings=64, tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0})
    model = transformers.LlamaForCausalLM(config)
    digits = tokenizer.convert_tokens_to_ids([str(digit) for digit in range(10)])
    gap, full_stop = tokenizer.convert_tokens_to_ids(["\u0120", "."])
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.fill_(1.0 if "norm" in name else 0.0)
        read = model.get_input_embeddings().weight
        read[:, ALWAYS] = 1
        read[gap, GAP] = 1
        read[digits, DIGIT] = 1
        read[digits, range(10)] = 1
        attention = model.model.layers[0].self_attn
        attention.v_proj.weight[range(10), range(10)] = 1
        attention.o_proj.weight[range(10), range(10)] = 1
        said = model.get_output_embeddings().weight
        said[gap, ALWAYS], said[gap, GAP], said[gap, DIGIT] = GAP_WEIGHT, NEVER, NEVER
        said[full_stop, GAP], said[full_stop, DIGIT] = 1, 1
        normalized_digit = (WIDTH / 3) ** 0.5
        said[digits, range(10)] = REACHES / (2 * normalized_digit)
        said[digits[:9], DIGIT] = NEVER
    model.save_pretrained(folder)
    shutil.copy(tokenizer_folder / "tokenizer.json", folder)
