"""Chat data against transformers: text, ids and the mask of answers for every chat form."""
import json
import os
import pathlib
import random
import subprocess
import unicodedata

import pytest
from chat_templates import TEMPLATES
from test_tokenizer import LLAMA3, QWEN2, split, strings, trained, with_bytes
from tokenizers import AddedToken, Tokenizer, normalizers
from transformers import PreTrainedTokenizerFast

TOOL = pathlib.Path(os.environ.get("ROPEWALK_TOOLS", "build/tests")) / "ropewalk_chat_tool"
DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs/chat_data.md"
BOS, EOS = "<s>", "<|endoftext|>"
PIECES = ["Hello", "  padded  ", "\n\nlines\n", "\n", "a\tb ", " ", "\u3000wide\u00a0", "\x1cfs", "u\u0308ni",
          "\u4e2d\u6587", "<b>", "{{x}}", "it's", "x\r\n", "[INST]", "<s", "3.14", "\u0301combining"]


def tool(*words, lines=()):
    done = subprocess.run([TOOL, *map(str, words)], input="".join(line + "\n" for line in lines),
                          capture_output=True, text=True)
    return done


def encode(folder, form, lines):
    done = tool("encode", folder, form, lines=[json.dumps(line) for line in lines])
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def form_tokens():
    return {words[0]: words[1:] for words in map(str.split, tool("forms").stdout.splitlines())}


def base(kind):
    if kind == "llama3":
        return trained(with_bytes(split(LLAMA3)), ignore_merges=True)
    return trained(with_bytes(split(QWEN2)), normalizer=normalizers.NFC())


@pytest.fixture(scope="module", params=["llama3", "qwen2"])
def tokenizer_text(request):
    return base(request.param).to_str()


def checkpoint(tokenizer_text, folder, tokens, template=None):
    tokenizer = Tokenizer.from_str(tokenizer_text)
    tokenizer.add_special_tokens(
        [AddedToken(t, special=True, normalized=False) for t in tokens if not t.startswith("{")])
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"bos_token": BOS, "eos_token": EOS}
    if template is not None:
        config["chat_template"] = template
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=BOS, eos_token=EOS)


def conversation(rng, template, tokens=()):
    pieces = [piece for piece in PIECES if piece not in tokens]

    def content():
        return "".join(rng.choice(pieces) for _ in range(rng.randint(0, 4)))

    alternate = "must alternate" in template
    messages = []
    if rng.random() < 0.5 and "no place for a system" not in template:
        messages.append({"role": "system", "content": content()})
    for _ in range(rng.randint(1, 4)):
        messages.append({"role": "user", "content": content()})
        messages.append({"role": "assistant", "content": content() + "answer" + content()})
        if not alternate and rng.random() < 0.3:
            messages.append({"role": rng.choice(["user", "assistant"]), "content": "x" + content()})
    if rng.random() < 0.2 and messages[-1]["role"] == "assistant":
        messages.append({"role": "user", "content": "not answered"})
    return messages


def test_every_form_has_a_template_here():
    assert list(form_tokens()) == list(TEMPLATES)


@pytest.mark.parametrize("form", TEMPLATES)
def test_ids_and_mask_equal_transformers(form, tokenizer_text, tmp_path):
    template = TEMPLATES[form]
    tokens = form_tokens()[form]
    theirs = checkpoint(tokenizer_text, tmp_path / "model", tokens, template)
    rng = random.Random(form)
    chats = [conversation(rng, template, tokens) for _ in range(120)]
    # The form comes from the checkpoint's own template.
    ours = encode(tmp_path / "model", "", [{"messages": chat} for chat in chats])
    for chat, found in zip(chats, ours):
        expected = theirs.apply_chat_template(chat, chat_template=template, tokenize=True,
                                              return_dict=True, return_assistant_tokens_mask=True)
        assert found.get("ids") == expected["input_ids"], (chat, found)
        assert found["trained"] == expected["assistant_masks"], (
            chat, theirs.convert_ids_to_tokens(found["ids"]))


def test_switches_leave_answers_out_of_the_loss(tokenizer_text, tmp_path):
    theirs = checkpoint(tokenizer_text, tmp_path / "model", form_tokens()["chatml"])
    chat = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "first"},
            {"role": "user", "content": "b"}, {"role": "assistant", "content": "second"},
            {"role": "user", "content": "c"}, {"role": "assistant", "content": "third"}]
    switched = [dict(m) for m in chat]
    switched[1]["train"], switched[3]["weight"], switched[5]["weight"] = False, 0, 1
    in_completion = {"prompt": chat[:5], "completion": chat[5:]}
    shared = {"conversations": [
        {"from": {"user": "human", "assistant": "gpt"}[m["role"]], "value": m["content"]} for m in chat]}
    all_of, last, by_list, by_name = encode(
        tmp_path / "model", "chatml",
        [{"messages": chat}, {"messages": switched}, in_completion, shared])
    end = theirs.convert_tokens_to_ids("<|im_end|>")

    def answers(found):
        """The texts of the trained runs."""
        texts, run = [], []
        for token, trained_here in zip([*found["ids"], 0], [*found["trained"], 0]):
            if trained_here:
                run.append(token)
            elif run:
                assert run[-1] == end
                texts.append(theirs.decode(run))
                run = []
        return texts

    assert answers(all_of) == ["first<|im_end|>", "second<|im_end|>", "third<|im_end|>"]
    assert answers(last) == ["third<|im_end|>"]
    assert last["ids"] == all_of["ids"]
    assert by_list == last and by_name == all_of


def test_prompt_and_completion(tokenizer_text, tmp_path):
    checkpoint(tokenizer_text, tmp_path / "model", [])
    tokenizer = Tokenizer.from_file(str(tmp_path / "model/tokenizer.json"))
    rng = random.Random(3)
    pairs = [("", "only"), ("Answer: ", "yes"), ("a \u4e2d", "\u6587 b"), ("tab\t", "\ttab")]
    for text in strings(11, 400):
        at = rng.randint(0, len(text))
        # A mark that joins the character before it has no place of its own in `offsets`.
        if text[at:] and not unicodedata.combining(text[at]) and BOS not in text and EOS not in text:
            pairs.append((text[:at], text[at:]))
    found = encode(tmp_path / "model", "none", [{"prompt": p, "completion": c} for p, c in pairs])
    eos = tokenizer.token_to_id(EOS)
    crossed = 0
    for (prompt, completion), ours in zip(pairs, found):
        expected = tokenizer.encode(prompt + completion, add_special_tokens=False)
        assert ours["ids"] == expected.ids + [eos]
        mask = [int(end > len(prompt)) for _, end in expected.offsets] + [1]
        assert ours["trained"] == mask, (prompt, completion, expected.tokens, expected.offsets)
        crossed += any(begin < len(prompt) < end for begin, end in expected.offsets)
    assert crossed > 10


LINES = {
    "not json": ("{", "line"),
    "a list": ("[]", "line: is a JSON array, expected an object"),
    "no known field": ({"text": "a"}, "has none of 'messages', 'conversations' and 'prompt'"),
    "two kinds": ({"messages": [], "prompt": "a", "completion": "b"}, "has more than one of"),
    "no completion": ({"prompt": "a"}, "completion: is missing"),
    "empty completion": ({"prompt": "a", "completion": ""}, "completion: is empty"),
    "number": ({"prompt": 1, "completion": "b"}, "prompt: is a JSON number, expected text"),
    "mixed": ({"prompt": [], "completion": "b"}, "prompt: is a JSON array, expected text"),
    "no messages": ({"messages": []}, "messages: is empty"),
    "a text": ({"messages": "hi"}, "messages: is a JSON string, expected a list"),
    "parts": ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]},
              "messages[0].content: is a JSON array, expected text"),
    "no content": ({"messages": [{"role": "user"}]}, "messages[0].content: is missing"),
    "null": ({"messages": [{"role": "assistant", "content": None}]},
             "messages[0].content: is a JSON null, expected text"),
    "role": ({"messages": [{"role": "tool", "content": "a"}]},
             'messages[0].role: is "tool", expected system, user or assistant'),
    "tool calls": ({"messages": [{"role": "assistant", "content": "a", "tool_calls": [{}]}]},
                   "messages[0].tool_calls: is not supported"),
    "tools": ({"tools": [{}], "messages": [{"role": "assistant", "content": "a"}]},
              "tools: is not supported"),
    "weight": ({"messages": [{"role": "assistant", "content": "a", "weight": 0.5}]},
               "messages[0].weight: is 0.5, expected 0 or 1"),
    "trained user": ({"messages": [{"role": "user", "content": "a", "train": True}]},
                     "messages[0]: asks for training on a message that is not the assistant's"),
    "no answer": ({"messages": [{"role": "user", "content": "a"}]},
                  "messages: holds no assistant message"),
    "nothing trained": ({"messages": [{"role": "assistant", "content": "a", "train": False}]},
                        "every assistant message is left out"),
    "empty answer": ({"messages": [{"role": "user", "content": "a"},
                                   {"role": "assistant", "content": " \n"}]},
                     "messages[1]: an empty answer"),
    "late system": ({"messages": [{"role": "assistant", "content": "a"},
                                  {"role": "system", "content": "b"}]},
                    "messages[1]: a system message after others"),
    "forged turn": ({"messages": [{"role": "user", "content": "a<|im_end|>b"},
                                  {"role": "assistant", "content": "a"}]},
                    "messages[0]: spells the special token '<|im_end|>'"),
    "forged end": ({"prompt": "a", "completion": f"b{EOS}c"},
                   f"completion: spells the special token '{EOS}'"),
    "two faults": ({"messages": [{"role": "x", "content": "a"}, {"role": "user", "content": 1}]},
                   "; messages[1].content: is a JSON number"),
}


@pytest.fixture(scope="module")
def chatml_model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chat") / "model"
    checkpoint(base("qwen2").to_str(), folder, form_tokens()["chatml"])
    return folder


@pytest.mark.parametrize("name", LINES)
def test_bad_lines_say_what_is_wrong(name, chatml_model):
    line, text = LINES[name]
    done = tool("encode", chatml_model, "chatml",
                lines=[line if isinstance(line, str) else json.dumps(line)])
    assert text in json.loads(done.stdout)["error"]


def test_forms_that_alternate_refuse_other_orders(tokenizer_text, tmp_path):
    checkpoint(tokenizer_text, tmp_path / "model", form_tokens()["gemma"])
    answer, user = {"role": "assistant", "content": "a"}, {"role": "user", "content": "u"}
    errors = [found["error"] for found in encode(
        tmp_path / "model", "gemma",
        [{"messages": [answer]}, {"messages": [user, user, answer]}, {"messages": [user, answer, answer]},
         {"messages": [{"role": "system", "content": "s"}, user, answer]}])]
    assert "messages[0]: role 'assistant', expected 'user'" in errors[0]
    assert "messages[1]: role 'user', expected 'assistant'" in errors[1]
    assert "messages[2]: role 'assistant', expected 'user'" in errors[2]
    assert "messages[0]: a system message, for which the form 'gemma' has no place" in errors[3]


def test_messages_need_a_form(chatml_model):
    line = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    assert "no" in encode(chatml_model, "none", [line])[0]["error"]


def refusal(folder, form=""):
    done = tool("encode", folder, form)
    assert done.returncode == 2 and not done.stdout
    return done.stderr


def test_only_known_templates_are_taken(tmp_path):
    text = base("qwen2").to_str()
    folder = tmp_path / "model"
    checkpoint(text, folder, form_tokens()["chatml"])
    assert "has no chat template" in refusal(folder) and "chatml, chatml-bos" in refusal(folder)

    known = TEMPLATES["chatml"]
    checkpoint(text, folder, form_tokens()["chatml"], known + "\n")  # Jinja drops that newline
    assert tool("encode", folder, "").returncode == 0
    for changed in (known + " ", known.replace("<|im_end|>", "<|im_end|> ", 1), known + "\n\n"):
        checkpoint(text, folder, form_tokens()["chatml"], changed)
        message = refusal(folder)
        assert "tokenizer_config.json: chat_template: not one of the templates that are known" in message
        assert "--chat-form" in message and "hash " in message and "begins " in message
    assert tool("encode", folder, "chatml").returncode == 0

    (folder / "chat_template.jinja").write_text(known)  # wins over the configuration
    assert tool("encode", folder, "").returncode == 0
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    assert "chat_template.jinja: not one of" in refusal(folder)
    (folder / "chat_template.jinja").unlink()

    named = [{"name": "rag", "template": "x"}, {"name": "default", "template": known}]
    checkpoint(text, folder, form_tokens()["chatml"], named)
    assert tool("encode", folder, "").returncode == 0
    checkpoint(text, folder, form_tokens()["chatml"], named[:1])
    assert 'lists the templates ["rag"], none of them' in refusal(folder)
    assert "did you mean 'chatml'?" in refusal(folder, "chatnl")


def test_a_form_needs_its_tokens(tmp_path):
    folder = tmp_path / "model"
    checkpoint(base("qwen2").to_str(), folder, ["<|im_start|>"])
    message = refusal(folder, "chatml")
    assert "chat form 'chatml': 1 fault" in message and "'<|im_end|>': is read as" in message
    (folder / "tokenizer_config.json").write_text("{}")
    message = refusal(folder, "llama2")
    assert "2 faults" in message and "{bos}: the tokenizer names no such token" in message


def examples_of_the_page():
    """form -> example, from the table's rows `| form | `example` |`."""
    rows = {}
    for line in DOCS.read_text().splitlines():
        cells = [cell.strip() for cell in line.split(" | ")]
        if line.startswith("| `") and len(cells) == 3:
            rows[cells[0].strip("| `")] = cells[1]
    return rows


def test_the_page_shows_what_each_form_renders():
    chat = [{"role": "system", "content": "S"}, {"role": "user", "content": "U"},
            {"role": "assistant", "content": "A"}]
    shown = examples_of_the_page()
    assert list(shown) == list(TEMPLATES)
    for form, cell in shown.items():
        messages = chat[1:] if "no place for a system" in TEMPLATES[form] else chat
        done = tool("render", form, "BOS", "EOS", lines=[json.dumps({"messages": messages})])
        text = json.loads(done.stdout).replace("\n", "\\n").replace("|", "\\|")
        assert cell == f"`{text}`", form
