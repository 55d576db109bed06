"""docs/experiments.md, from docs/experiments/*.json alone."""

from base import DIRECT, KINDS
from findings import findings
from pictures import all_pictures, draw
from results import ARM_NAMES, Results, perplexity, tokens
from store import all_cells

HASH_DIGITS = 12
VERDICTS = {True: "yes", False: "**no**", None: "open: cells are missing"}

HEAD = """# The paper's experiments on small models

The experiments of the Position Interpolation paper (arXiv 2306.15595) on models that two CPU cores can
train, and what they show of it. `scripts/experiments` measures them and makes this page:

```
PY=$(echo ~/.cache/ropewalk/oracles-*/bin/python)
$PY scripts/experiments measure configs/experiments/example-model.json
$PY scripts/experiments measure configs/experiments/small-64.json --model DIR --text DIR
$PY scripts/experiments page
```

`scripts/setup.sh --oracles` installs that interpreter. A measurement may be stopped at any time; started
again it goes on with what is missing. All numbers are in `docs/experiments/`, one file for each base.

**How to read it.** L is the context that a base was pre-trained with and k the factor: the new window is
k L. Perplexity follows protocol `pi` ([evaluation](evaluation.md)) with a stride of a quarter of the
window, on the same held-out documents for every window and model. A number is the mean over the seeds of
tuning (the order of samples), with the lowest and the highest in brackets where they differ. "Direct" is
tuned at the new window without scaling, "linear" is Position Interpolation. All kinds have k as their
factor: dynamic NTK multiplies theta by (k^2 - k + 1)^(d / (d - 2)) at k L, for rotary dimension d, and by
less in shorter texts. The learning rate is constant after the warm-up. Prompts for pass keys have no filler
in front of the key, where the paper's have: a short distance is asked in a short prompt, not in a full
window.

Two hashes name a base, one of its model's files and one of its text: here by their first digits, whole in
the file of its numbers. `measure` works them out before all else and refuses another model or text.

These are models of a million parameters: what they do not show says nothing against the paper, and what
they show is no proof for models of billions. Every experiment is listed, whatever it says; of the reasons
given the figures are measured, and the rest is what is likely.
"""

BASE_HEAD = """
## {title}

{about}

Hash of the model `{model}`, of the text `{text}`.

L = {context}; k = {factors}. The base's perplexity at L is {base} (95 % confidence interval over the held-out
documents: {interval}). Tuning: AdamW, rate {rate:g}, {seeds} seeds. Tokens a step, at least one sequence:
{step_tokens}. {measured}

### What is seen

| the papers | seen if | this model | seen? |
|---|---|---|---|
{findings}

{reasons}"""


def table(head, rows):
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def picture(results, what, alternative):
    return f"![{alternative}](experiments/{results.name}-{what}.svg)"


def pictures_by_factor(results, what, alternative):
    return [picture(results, f"{what}-x{factor}", f"{alternative} at factor {factor}")
            for factor in results.settings.factors]


def untuned_section(results):
    settings = results.settings
    rows = [["unscaled" if kind == DIRECT else ARM_NAMES[kind],
             *(perplexity(results.untuned(kind, factor)) for factor in settings.factors)] for kind in KINDS]
    head = ["", *(f"x{factor}: {settings.window(factor)}" for factor in settings.factors)]
    return "\n\n".join([
        "### Without tuning: beyond L, interpolated, other kinds",
        "Perplexity at k L.", table(head, rows),
        picture(results, "untuned", "Perplexity at each new window without tuning, by kind of scaling")])


def steps_table(results, value, form, untuned):
    """A row for each factor and kind, a column for each number of steps."""
    settings = results.settings
    rows = [[f"x{factor}: {settings.window(factor)}", ARM_NAMES[kind], form(untuned(kind, factor)),
             *(value(kind, factor, steps).text(form) if steps in settings.steps_of(kind) else ""
               for steps in settings.direct_steps)]
            for factor in settings.factors for kind in KINDS]
    return table(["k: window", "tuned", "0 steps", *map(str, settings.direct_steps)], rows)


def tuned_section(results):
    return "\n\n".join([
        "### Tuned: Position Interpolation, direct up to "
        f"{results.settings.direct_times} times the steps, other kinds",
        "Perplexity at k L by steps of tuning.",
        steps_table(results, results.tuned, perplexity, results.untuned),
        *pictures_by_factor(results, "steps", "Perplexity over steps of tuning")])


def window_section(results):
    settings = results.settings
    steps = settings.steps[-1]
    windows = settings.windows(results.longest)

    def row(kind, factor, count, text_at):
        return [f"x{factor}", ARM_NAMES[kind], str(count),
                *(text_at(window) if window in settings.windows(factor) else "" for window in windows)]

    rows = [["-", "base, unscaled", "0", *(perplexity(results.untuned(DIRECT, results.longest, window))
                                           for window in windows)]]
    for kind in KINDS:
        for factor in settings.factors:
            if kind != DIRECT:  # which is the base before its first step
                rows.append(row(kind, factor, 0, lambda window: perplexity(
                    results.untuned(kind, factor, window))))
            rows.append(row(kind, factor, steps, lambda window: results.tuned(
                kind, factor, steps, window).text(perplexity)))
    return "\n\n".join([
        "### Over the windows: gain of the longer one, cost at the short one",
        f"Perplexity at windows from L to k L, untuned and after {steps} steps; the column of "
        f"{settings.context} is what extension costs at short context.",
        table(["k", "scaling", "steps", *map(str, windows)], rows),
        picture(results, "windows", "Perplexity over the window after tuning, by factor")])


def passkey_section(results):
    settings = results.settings
    asked = f"{settings.passkey['trials']} keys of {settings.passkey['digits']} digits"
    if not settings.passkey_training:
        found = results.base_passkey
        said = "missing" if not found else (
            f"k_max of the base is {found['k_max']} within its own context of {settings.context}; it found "
            f"{sum(successes for _, successes in found['found'])} keys in all.")
        return (f"### Pass key\n\n{said} It was trained on nothing of the kind, so that tuned models are not "
                f"asked ({asked} at a distance).")
    cells = [cell["passkey"] for cell in results.cells.values() if "passkey" in cell]
    nearest = min((distance for cell in cells for distance, _ in cell["found"]), default=None)
    return "\n\n".join([
        "### Pass key: k_max by step",
        f"The largest distance up to which at least 20 % of {asked} are found at every distance, of 32 that "
        f"divide the window. A question needs some tokens itself: distances below {tokens(nearest)} are left "
        "out, and within L no prompt fits.",
        steps_table(results, results.k_max, tokens, results.untuned_k_max),
        *pictures_by_factor(results, "passkey", "k_max over steps of tuning")])


BOUND_SECTION = """### The interpolation bound on the model's own attention

{pairs:,} pairs of a query and a key from every layer and head, read from held-out text before rotation:
their scores a(s) at whole and divided distances s, for rotary dimension d = {dim} and theta c = {theta:g}.

| | median | 99 % | largest |
|---|---|---|---|
| distance from the straight line between whole positions, over the bound of Theorem 2.1 | {error} |
| the same, over the pair's largest score within L | {relative} |
| largest score from L to {far} L, over the largest within L | {beyond} |
| score from L to {far} L over the bound of extrapolation there, at its largest | {beyond_bound} |

The sum B(s) in the bound of extrapolation is at least {sum:.2f} d from L to {far} L (above d in the paper,
for LLaMA), and that bound is at least {ratio:.0f} times the one of interpolation at the middle of two
positions (about 600 in the paper)."""


def bound_section(results):
    cell = results.bound
    if not cell:
        return "### The interpolation bound on the model's own attention\n\nmissing"

    def row(key):
        return " | ".join(f"{value:.3g}" for value in cell[key])

    return BOUND_SECTION.format(
        pairs=cell["pairs"], dim=cell["dim"], theta=cell["theta"], far=cell["far"],
        error=row("error_over_bound"), relative=row("error_over_largest_score"),
        beyond=row("beyond_over_within"), beyond_bound=row("beyond_over_bound"),
        sum=cell["least_sum_over_dim"], ratio=cell["bounds_ratio"])


def measured_text(results):
    missing, wanted = len(results.missing()), len(all_cells(results.settings))
    return f"All {wanted} cells are measured." if not missing else \
        f"Of {wanted} cells {missing} are missing, and shown as missing."


def base_section(results):
    settings = results.settings
    found = findings(results)
    reasons = [f"* **{finding.name}.** {finding.why_not}"
               for finding in found if finding.seen is False and finding.why_not]
    interval = results.base_interval
    head = BASE_HEAD.format(
        title=settings.title, about=settings.about, context=settings.context,
        model=results.model[:HASH_DIGITS], text=results.text[:HASH_DIGITS],
        base=perplexity(results.base), interval=" to ".join(map(perplexity, interval or [None, None])),
        factors=", ".join(map(str, settings.factors)), seeds=len(settings.seeds),
        rate=settings.run["optimizer"]["learning_rate"],
        step_tokens=", ".join(f"x{factor} {settings.sequences_per_step(factor) * settings.window(factor)}"
                              for factor in settings.factors),
        measured=measured_text(results),
        findings="\n".join(f"| **{f.name}.** {f.paper} | {f.rule} | {f.here} | {VERDICTS[f.seen]} |"
                           for f in found),
        reasons="Why not, where it is not seen:\n\n" + "\n".join(reasons) if reasons else "")
    sections = [untuned_section, tuned_section, window_section, passkey_section, bound_section]
    return head + "\n\n" + "\n\n".join(section(results) for section in sections) + "\n"


def all_results(docs):
    return [Results(file) for file in sorted((docs / "experiments").glob("*.json"))]


def page_text(results):
    return HEAD + "".join(map(base_section, results))


def write_page(docs, tool):
    results = all_results(docs)
    for found in results:
        for name, chart in all_pictures(found).items():
            draw(tool, chart, docs / "experiments" / name)
    (docs / "experiments.md").write_text(page_text(results))
