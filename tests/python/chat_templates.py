"""Chat templates of this project's own, one per chat form, written from the published ones' rendering.

`generation` marks what the model has to produce, as transformers' assistant mask wants it. The
program knows these texts, too: a tokenizer that is given one of them is recognised.
"""
import json

CONTENT = "{{ m['content'] }}"
TRIMMED = "{{ m['content'] | trim }}"
BOS, EOS = "{{ bos_token }}", "{{ eos_token }}"
ALTERNATE = ("{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
             "{{ raise_exception('user and assistant must alternate') }}{% endif %}")
NO_SYSTEM = ("{% if messages[0]['role'] == 'system' %}"
             "{{ raise_exception('no place for a system message') }}{% endif %}")
SPLIT_SYSTEM = ("{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}"
                "{% set rest = messages[1:] %}{% else %}{% set rest = messages %}{% endif %}")


def lit(text):
    """Text of the form, safe from Jinja's handling of white space beside tags."""
    return "{{ " + json.dumps(text) + " }}"


def produced(*parts):
    return "{% generation %}" + "".join(parts) + "{% endgeneration %}"


def turns(user, answer, system=None, over="messages", check=""):
    branches = f"{{% if m['role'] == 'user' %}}{user}{{% elif m['role'] == 'assistant' %}}{answer}"
    if system is not None:
        branches += f"{{% elif m['role'] == 'system' %}}{system}"
    return f"{{% for m in {over} %}}{check}{branches}{{% endif %}}{{% endfor %}}"


def chatml(first="", default=None):
    def turn(role):
        return lit(f"<|im_start|>{role}\n") + CONTENT + lit("<|im_end|>\n")
    answer = lit("<|im_start|>assistant\n") + produced(CONTENT, lit("<|im_end|>")) + lit("\n")
    if default is not None:
        first += ("{% if messages[0]['role'] != 'system' %}"
                  + lit(f"<|im_start|>system\n{default}<|im_end|>\n") + "{% endif %}")
    return first + turns(turn("user"), answer, turn("system"))


def phi4():
    def turn(role, body):
        return lit(f"<|im_start|>{role}<|im_sep|>") + body
    return (SPLIT_SYSTEM
            + "{% if system is defined %}" + turn("system", "{{ system }}") + lit("<|im_end|>")
            + "{% endif %}"
            + turns(turn("user", CONTENT) + lit("<|im_end|><|im_start|>assistant<|im_sep|>"),
                    produced(CONTENT, lit("<|im_end|>")), over="rest", check=ALTERNATE))


def llama2():
    joined = ("{% if loop.first and system is defined %}"
              "{% set text = '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' + m['content'] %}"
              "{% else %}{% set text = m['content'] %}{% endif %}")
    return SPLIT_SYSTEM + turns(
        joined + BOS + lit("[INST] ") + "{{ text | trim }}" + lit(" [/INST]"),
        produced(lit(" "), TRIMMED, lit(" "), EOS), over="rest", check=ALTERNATE)


def llama3_turns(over="messages"):
    def head(role):
        return lit(f"<|start_header_id|>{role}<|end_header_id|>\n\n")
    end = lit("<|eot_id|>")
    return turns(head("user") + TRIMMED + end, head("assistant") + produced(TRIMMED, end),
                 head("system") + TRIMMED + end, over=over)


def llama31():
    dates = lit("<|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023"
                "\nToday Date: 26 Jul 2024\n\n")
    system = "{% if system is defined %}{{ system | trim }}{% endif %}"
    return BOS + SPLIT_SYSTEM + dates + system + lit("<|eot_id|>") + llama3_turns("rest")


def mistral(before, after, *answer, behind=""):
    return NO_SYSTEM + BOS + turns(lit(before) + CONTENT + lit(after), produced(*answer) + behind,
                                   check=ALTERNATE)


def mistral_v1():
    system = "{% if loop.first and system is defined %}{{ system }}" + lit("\n\n") + "{% endif %}"
    return SPLIT_SYSTEM + BOS + turns(lit(" [INST] ") + system + CONTENT + lit(" [/INST]"),
                                      produced(lit(" "), CONTENT, EOS), over="rest", check=ALTERNATE)


def mistral_v7():
    return BOS + turns(lit("[INST] ") + CONTENT + lit("[/INST]"), produced(lit(" "), CONTENT, EOS),
                       lit("[SYSTEM_PROMPT] ") + CONTENT + lit("[/SYSTEM_PROMPT]"))


def gemma(start, system="", over="messages"):
    end = lit("<end_of_turn>")
    return start + BOS + turns(
        lit("<start_of_turn>user\n") + system + TRIMMED + end + lit("\n"),
        lit("<start_of_turn>model\n") + produced(TRIMMED, end) + lit("\n"), over=over, check=ALTERNATE)


def gemma3():
    system = "{% if loop.first and system is defined %}{{ system }}" + lit("\n\n") + "{% endif %}"
    return gemma(SPLIT_SYSTEM, system, "rest")


def phi3(first="", condition="true"):
    system = f"{{% if {condition} %}}" + lit("<|system|>\n") + CONTENT + lit("<|end|>\n") + "{% endif %}"
    return first + turns(lit("<|user|>\n") + CONTENT + lit("<|end|>\n"),
                         lit("<|assistant|>\n") + produced(CONTENT, lit("<|end|>")) + lit("\n"),
                         system) + EOS


def phi3_first(first):
    return NO_SYSTEM + first + turns(
        lit("<|user|>\n") + CONTENT + lit("<|end|>\n<|assistant|>\n"),
        produced(CONTENT, lit("<|end|>")) + lit("\n"), check=ALTERNATE)


def zephyr():
    return turns(lit("<|user|>\n") + CONTENT + EOS + lit("\n"),
                 lit("<|assistant|>\n") + produced(CONTENT, EOS) + lit("\n"),
                 lit("<|system|>\n") + CONTENT + EOS + lit("\n"))


def deepseek_v2():
    return BOS + turns(lit("User: ") + CONTENT + lit("\n\n"),
                       lit("Assistant:") + produced(lit(" "), CONTENT, EOS), CONTENT + lit("\n\n"))


def granite3():
    def head(role):
        return lit(f"<|start_of_role|>{role}<|end_of_role|>")
    end = lit("<|end_of_text|>")
    return turns(head("user") + CONTENT + end + lit("\n"),
                 head("assistant") + produced(CONTENT, end) + lit("\n"),
                 head("system") + CONTENT + end + lit("\n"))


def command_r():
    def head(role):
        return lit(f"<|START_OF_TURN_TOKEN|><|{role}_TOKEN|>")
    end = lit("<|END_OF_TURN_TOKEN|>")
    system = "{% if system is defined %}" + head("SYSTEM") + "{{ system }}" + end + "{% endif %}"
    return SPLIT_SYSTEM + BOS + system + turns(
        head("USER") + TRIMMED + end, head("CHATBOT") + produced(TRIMMED, end), over="rest",
        check=ALTERNATE)


def openchat():
    end = lit("<|end_of_turn|>")
    return BOS + turns(lit("GPT4 Correct User: ") + CONTENT + end,
                       lit("GPT4 Correct Assistant:") + produced(lit(" "), CONTENT, end),
                       lit("GPT4 Correct System: ") + CONTENT + end)


TEMPLATES = {
    "chatml": chatml(),
    "chatml-bos": chatml(BOS),
    "qwen1.5": chatml(default="You are a helpful assistant"),
    "qwen2": chatml(default="You are a helpful assistant."),
    "qwen2.5": chatml(default="You are Qwen, created by Alibaba Cloud. You are a helpful assistant."),
    "qwen2.5-math": chatml(
        default="Please reason step by step, and put your final answer within \\boxed{}."),
    "smollm2": chatml(
        default="You are a helpful AI assistant named SmolLM, trained by Hugging Face"),
    "phi4": phi4(),
    "llama2": llama2(),
    "llama3": BOS + llama3_turns(),
    "llama3.1": llama31(),
    "mistral-v0.1": mistral("[INST] ", " [/INST]", CONTENT, EOS, behind=lit(" ")),
    "mistral-v0.2": mistral("[INST] ", " [/INST]", CONTENT, EOS),
    "mixtral-8x22b": mistral(" [INST] ", " [/INST]", lit(" "), CONTENT, lit(" "), EOS),
    "mistral-v1": mistral_v1(),
    "mistral-v3": mistral("[INST] ", "[/INST]", lit(" "), CONTENT, EOS),
    "mistral-large-2407": mistral("[INST] ", "[/INST]", lit(" "), TRIMMED, EOS),
    "mistral-nemo": mistral("[INST]", "[/INST]", CONTENT, EOS),
    "mistral-v7": mistral_v7(),
    "gemma": gemma(NO_SYSTEM),
    "gemma3": gemma3(),
    "phi3": phi3(),
    "phi3.5": phi3(condition="m['content']"),
    "phi3-small": phi3(BOS),
    "phi3-mini-first": phi3_first(BOS),
    "phi3-medium-first": phi3_first(""),
    "zephyr": zephyr(),
    "deepseek-v2": deepseek_v2(),
    "granite3": granite3(),
    "command-r": command_r(),
    "openchat": openchat(),
}
