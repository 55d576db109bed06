"""docs/experiments.md, from docs/experiments/*.json alone."""

import json

from base import DIRECT, Settings
from findings import findings
from pictures import all_pictures, draw
from results import KINDS, Results

ARMS = {DIRECT: "direct", "linear": "linear (PI)", "dynamic": "dynamic NTK", "yarn": "YaRN"}
VERDICTS = {True: "yes", False: "**no**", None: "open: cells are missing"}

HEAD = """# The paper's experiments on small models

The experiments of the Position Interpolation paper (arXiv 2306.15595) on models that two CPU cores can
train, and what they show of it. `scripts/experiments` measures them and makes this page:

```
python scripts/experiments measure configs/experiments/example-model.json
python scripts/experiments measure configs/experiments/small-64.json --model DIR --text DIR
python scripts/experiments page
```

The interpreter has `third_party/pins/oracles.txt`. A measurement may be stopped at any time; started
again it goes on with what is missing. All numbers are in `docs/experiments/`, one file for each base.

**How to read it.** L is the context that a base was pre-trained with and k the factor: the new window is
k L. Perplexity follows protocol `pi` ([evaluation](evaluation.md)) with a stride of a quarter of the
window, on the same held-out documents for every window and model. A number is the mean over the seeds of
tuning (order of samples), with the lowest and the highest in brackets. "Direct" is tuned at the new window
without scaling. Dynamic NTK has k as its `factor` too. The rate is constant after the warm-up.

These are models of a million parameters: what they do not show says nothing against the paper, and what
they show is no proof for models of billions. Every experiment is listed, whatever it says.
"""

BASE_HEAD = """
## {title}

{about}

L = {context}; k = {factors}. Perplexity at L: {base:.2f} (95 % of {documents} documents: {low:.2f} to
{high:.2f}). Tuning: AdamW, rate {rate:g}, {tokens} tokens a step or one sequence if that is longer;
{measured}.

### What is seen

| the papers | this model | seen? |
|---|---|---|
{findings}

{reasons}"""


def number(value):
    """A perplexity."""
    return "missing" if value is None else f"{value:.{2 if value < 100 else 1}f}"


def tokens(value):
    return "missing" if value is None else f"{value:.0f}"


def table(head, rows):
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def picture(results, what, alternative):
    return f"![{alternative}](experiments/{results.name}-{what}.svg)"


def untuned_section(results):
    settings = results.settings
    rows = [["unscaled" if kind == DIRECT else ARMS[kind],
             *(number(results.untuned(kind, factor, settings.window(factor))) for factor in settings.factors)]
            for kind in KINDS]
    head = ["perplexity at k L, untuned", *(f"x{factor}: {settings.window(factor)}"
                                            for factor in settings.factors)]
    return "\n\n".join([
        "### Without tuning: beyond L, interpolated, other kinds", table(head, rows),
        picture(results, "untuned", "Perplexity at each new window without tuning, by kind of scaling")])


def tuned_section(results):
    settings = results.settings
    columns = settings.direct_steps
    rows = [[f"x{factor}", ARMS[kind],
             *(results.tuned(kind, factor, steps).text(number) if steps in settings.steps_of(kind) else ""
               for steps in columns)]
            for factor in settings.factors for kind in KINDS]
    pictures = [picture(results, f"steps-x{factor}", f"Perplexity over steps of tuning at factor {factor}")
                for factor in settings.factors]
    return "\n\n".join([
        "### Tuned: Position Interpolation, direct up to "
        f"{settings.direct_times} times the steps, other kinds",
        table(["k", "perplexity at k L after steps:", *map(str, columns)], rows), *pictures])


def window_section(results):
    settings = results.settings
    steps = settings.steps[-1]
    windows = settings.windows(results.longest)
    rows = [["-", "base, unscaled", *(number(results.untuned(DIRECT, results.longest, window))
                                      for window in windows)]]
    for kind in KINDS:
        for factor in settings.factors:
            rows.append([f"x{factor}", ARMS[kind],
                         *(results.tuned(kind, factor, steps, window).text(number)
                           if window in settings.windows(factor) else "" for window in windows)])
    return "\n\n".join([
        f"### Windows from L on, after {steps} steps: gain of the longer one, cost at the short one",
        "The first column of windows is what extension costs at short context.",
        table(["k", "perplexity at window:", *map(str, windows)], rows),
        picture(results, "windows", "Perplexity over the window after tuning, by factor")])


def passkey_section(results):
    settings = results.settings
    if not settings.passkey:
        return ("### Pass key\n\nNot asked: this base was not trained on anything of the kind and finds no "
                "key within its own context.")
    columns = settings.direct_steps
    rows = []
    for factor in settings.factors:
        for kind in KINDS:
            untuned = tokens(results.untuned_k_max(kind, factor)) \
                if kind != DIRECT or factor == results.longest else ""
            rows.append([f"x{factor}: {settings.window(factor)}", ARMS[kind], untuned,
                         *(results.k_max(kind, factor, steps).text(tokens)
                           if steps in settings.steps_of(kind) else "" for steps in columns)])
    pictures = [picture(results, f"passkey-x{factor}", f"k_max over steps of tuning at factor {factor}")
                for factor in settings.factors]
    return "\n\n".join([
        "### Pass key: k_max by step",
        f"The largest distance up to which at least 20 % of {settings.passkey['trials']} keys of "
        f"{settings.passkey['digits']} digits are found at every distance, of 32 that divide the window; the "
        "prompt's own words fill the shortest ones, which are left out. The unscaled base was asked in the "
        "longest window.",
        table(["window", "k_max after steps:", "0", *map(str, columns)], rows), *pictures])


BOUND = """### The interpolation bound on the model's own attention

{pairs:,} pairs of a query and a key from every layer and head, read from held-out text before rotation;
scores a(s) of each at whole and divided distances s (d = {dim}, c = {theta:g}).

| | median | 99 % | largest |
|---|---|---|---|
| distance from the straight line between whole positions, over the bound of Theorem 2.1 | {error} |
| the same, over the pair's largest score within L | {relative} |
| largest score from L to {far} L, over the largest within L | {beyond} |
| largest score from L to {far} L, over the bound of extrapolation | {beyond_bound} |

The sum B(s) in the bound of extrapolation is at least {sum:.2f} d from L to {far} L (above d in the paper,
for LLaMA), and that bound is {ratio:.0f} times the one of interpolation at the middle of two positions
(about 600 in the paper). The theorem has d / (4 ln c) = {theorem:.2f} where the sum of the squared
frequencies is {squares:.2f}; with the sum in its place the largest ratio is {error_with_sum:.2f}."""


def bound_section(results):
    cell = results.cells.get("bound")
    if not cell:
        return "### The interpolation bound on the model's own attention\n\nmissing"

    def row(key):
        return " | ".join(f"{value:.3g}" for value in cell[key])

    return BOUND.format(
        pairs=cell["pairs"], dim=cell["dim"], theta=cell["theta"], far=results.longest,
        error=row("error_over_bound"), relative=row("error_over_largest_score"),
        beyond=row("beyond_over_within"), beyond_bound=row("beyond_over_bound"),
        sum=cell["least_sum_over_dim"], ratio=cell["bounds_ratio"], theorem=cell["squares_in_theorem"],
        squares=cell["squares"],
        error_with_sum=cell["error_over_bound"][2] * cell["squares_in_theorem"] / cell["squares"])


def base_section(results):
    settings = results.settings
    if results.base is None:
        return f"\n## {settings.title}\n\nmissing: not measured yet\n"
    found = findings(results)
    reasons = [f"* **{finding.name}.** {finding.why_not}"
               for finding in found if finding.seen is False and finding.why_not]
    missing, wanted = results.number_missing()
    low, high = results.interval()
    head = BASE_HEAD.format(
        title=settings.title, about=settings.about, context=settings.context, base=results.base, low=low,
        high=high, documents=settings.validation["documents"], factors=", ".join(map(str, settings.factors)),
        rate=settings.run["optimizer"]["learning_rate"], tokens=settings.tokens_per_step,
        measured=f"{wanted - missing} of {wanted} cells measured",
        findings="\n".join(f"| **{f.name}.** {f.paper} | {f.here} | {VERDICTS[f.seen]} |" for f in found),
        reasons="Where it is not seen, the likely reason:\n\n" + "\n".join(reasons) if reasons else "")
    sections = [untuned_section, tuned_section, window_section, passkey_section, bound_section]
    return head + "\n\n" + "\n\n".join(section(results) for section in sections) + "\n"


def all_results(docs, specs):
    return [Results(spec.stem, Settings(**json.loads(spec.read_text())),
                    docs / "experiments" / f"{spec.stem}.json") for spec in sorted(specs.glob("*.json"))]


def page_text(results):
    return HEAD + "".join(map(base_section, results))


def write_page(docs, specs, tool):
    results = all_results(docs, specs)
    for found in results:
        for name, chart in all_pictures(found).items():
            draw(tool, chart, docs / "experiments" / name)
    (docs / "experiments.md").write_text(page_text(results))
