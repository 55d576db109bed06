"""What the papers found beside what a small model shows: each finding is judged by its own figures and a
rule that the page prints. Reasons take their figures from the cells too."""

import dataclasses
import math

from base import DIRECT, LINEAR

EXPLODED = 1e3
CLEARLY = 1.1
LEVEL = 1.02  # the noise between seeds is about 1 %
LITTLE = 1.05


@dataclasses.dataclass(frozen=True)
class Finding:
    name: str
    paper: str  # what it says, with its place
    rule: str  # seen if
    here: str
    seen: bool | None  # None: cells that it needs are missing
    why_not: str = ""  # told where it is not seen


class Ratios:
    """A value at each factor, None where it is missing."""

    def __init__(self, settings, value):
        self.by_factor = {factor: value(factor) for factor in settings.factors}

    @property
    def known(self):
        return [value for value in self.by_factor.values() if value is not None]

    def judged(self, rule):
        """Of all of them, in the order of factors; None while one is missing."""
        return rule(self.known) if len(self.known) == len(self.by_factor) else None

    def reached(self, least):
        """Factors whose value is at least this."""
        names = [f"x{factor}" for factor, value in self.by_factor.items()
                 if value is not None and value >= least]
        return ", ".join(names) or "no factor"

    def text(self, form="{:.2f}"):
        return ", ".join(f"x{factor} {'missing' if value is None else form.format(value)}"
                         for factor, value in self.by_factor.items())


def judging_mean(spread):
    return spread.mean if spread.complete else None


def all_seen(verdicts):
    """None while one of them is open."""
    return None if None in verdicts else all(verdicts)


def over(numerator, denominator):
    return None if None in (numerator, denominator) else numerator / denominator


def remaining(found, untuned, base):
    """What is left of the loss that a model has untuned, in log perplexity, in per cent."""
    loss = over(untuned, base)
    if found is None or not loss or loss <= 1:
        return None
    return 100 * math.log(found / base) / math.log(loss)


def rising(values):
    return values == sorted(values)


def untuned_over_base(results, kind):
    return Ratios(results.settings, lambda factor: over(results.untuned(kind, factor), results.base))


def unscaled_over_linear(results):
    return Ratios(results.settings, lambda factor: over(results.untuned(DIRECT, factor),
                                                        results.untuned(LINEAR, factor)))


def tuned_over_base(results, kind, steps, window=None):
    """Perplexity at k L, or at `window`, over the base's at L."""
    return Ratios(results.settings, lambda factor: over(
        judging_mean(results.tuned(kind, factor, steps, window)), results.base))


def million_tokens(settings, steps):
    """Of so many steps of tuning: the fewest and the most of all factors."""
    counts = [steps * settings.sequences_per_step(factor) * settings.window(factor) / 1e6
              for factor in settings.factors]
    shown = sorted({f"{count:.2f}" for count in (min(counts), max(counts))}, key=float)
    return f"{' to '.join(shown)} M tokens"


def explosion(results):
    worst = Ratios(results.settings, lambda factor: results.untuned(DIRECT, factor))
    return Finding(
        "Explosion", "Unscaled beyond L, perplexity explodes above 10^3 (Table 1).",
        f"unscaled perplexity is above {EXPLODED:g} at every k L", worst.text("{:.1f}"),
        worst.judged(lambda values: min(values) > EXPLODED),
        "With 2048 tokens to choose from, guessing blindly is a perplexity of 2048: beyond 10^3 a model has "
        "lost most of what it knows, and much of that is in the nearest tokens, whose distances are the "
        f"trained ones in any window. This one gets to {untuned_over_base(results, DIRECT).text()} times the "
        "base's perplexity at L.")


def untuned_interpolation(results):
    settings = results.settings
    linear = Ratios(settings, lambda factor: results.untuned(LINEAR, factor))
    lead = unscaled_over_linear(results)
    verdicts = (linear.judged(lambda values: rising(values) and max(values) < EXPLODED),
                lead.judged(lambda values: min(values) >= CLEARLY))
    return Finding(
        "Untuned interpolation",
        "Interpolated without tuning it stays finite, worsens with k (16.1 at x4, 112 at x8 from 7.2, "
        "Table 3) and is far below the unscaled model.",
        f"perplexity at k L rises with k, stays below {EXPLODED:g}, and unscaled is at least {CLEARLY} "
        "times as high",
        f"{linear.text()}; unscaled over that: {lead.text('{:.3f}')}",
        all_seen(verdicts),
        "The unscaled model does not explode, and interpolation costs the nearest tokens their exact "
        f"distances. Over the base's perplexity at L, unscaled: {untuned_over_base(results, DIRECT).text()}; "
        f"interpolated: {untuned_over_base(results, LINEAR).text()}.")


def back_at_base(results):
    settings = results.settings
    steps = settings.steps[-1]
    found = tuned_over_base(results, LINEAR, steps)
    return Finding(
        "Back at the base's level",
        "200 steps of tuning bring Position Interpolation to the base's level at the new window (7.12 of "
        "7.20 at x4, 7.05 at x8, Table 3).",
        f"perplexity at k L after {steps} steps is at most {LEVEL} of the base's at L", found.text(),
        found.judged(lambda values: max(values) <= LEVEL),
        f"The steps are as many as the paper's, but they are {million_tokens(settings, steps)} to its 105 M "
        "or more, and a model of four layers has little that could make up for blurred near distances. "
        "YaRN, which leaves the fastest rotary pairs as they are, is after these steps at "
        f"{tuned_over_base(results, 'yarn', steps).text()} of the base's.")


def lead_of_linear(results, times):
    """For each factor and number of steps: is every seed of Position Interpolation ahead of every seed of
    direct tuning with so many times the steps? None where seeds are missing."""
    for factor in results.settings.factors:
        for steps in results.settings.steps:
            linear = results.tuned(LINEAR, factor, steps)
            direct = results.tuned(DIRECT, factor, times * steps)
            known = linear.complete and direct.complete
            yield factor, steps, max(linear.values) < min(direct.values) if known else None


def lead_text(leads):
    won = [f"x{factor} at {steps}" for factor, steps, lead in leads if lead]
    known = sum(lead is not None for *_, lead in leads)
    return f"so in {len(won) or 'none'} of {known} measured places" + (f": {', '.join(won)}" if won else "")


def lead_verdict(leads):
    return all_seen([lead for *_, lead in leads])


def ahead_of_direct(results):
    settings = results.settings
    steps = settings.steps[-1]
    leads = list(lead_of_linear(results, 1))
    return Finding(
        "Ahead of direct tuning",
        "With the same steps direct tuning stays behind: k_max 1792 to 2304 of 8192 after 200 to 1000 steps, "
        "where Position Interpolation has 8192 (Table 4; the paper gives no perplexity for it).",
        "perplexity at k L is lower with every seed, at each factor and number of steps", lead_text(leads),
        lead_verdict(leads),
        "As nothing explodes, interpolation starts with little of a lead where k is large, or with none: "
        f"untuned, unscaled over linear is {unscaled_over_linear(results).text('{:.3f}')}. And {steps} steps "
        f"are {million_tokens(settings, steps)}, some per cent of the pre-training, the paper's less than "
        "one, so that direct tuning has time to learn the new distances outright. One learning rate was "
        "measured; which of the two leads may depend on it.")


def ahead_of_more_direct(results):
    settings = results.settings
    times = settings.direct_times
    longest = times * settings.steps[-1]
    leads = list(lead_of_linear(results, times))
    return Finding(
        "Ahead of longer direct tuning",
        "10 times the steps do not bring direct tuning there: 7.69 against 6.95 at 8192 (Table 1), k_max "
        "2560 (Table 4).",
        f"the same against {times} times the steps", lead_text(leads), lead_verdict(leads),
        f"The longest, {longest} steps, are {million_tokens(settings, longest)}, a good part of the "
        "pre-training once more, and train a model of the longer context: direct tuning ends at k L "
        f"at {tuned_over_base(results, DIRECT, longest).text()} of the base's perplexity at L.")


def falls_with_window(results):
    settings = results.settings
    steps = settings.steps[-1]

    def at(factor, window):
        return judging_mean(results.tuned(LINEAR, factor, steps, window))

    found = Ratios(settings, lambda factor: over(at(factor, settings.window(factor)),
                                                 at(factor, settings.context)))

    def worst_doubling(factor):
        """The largest change between neighbouring windows, in per cent."""
        if found.by_factor[factor] is None:
            return None
        values = [at(factor, window) for window in settings.windows(factor)]
        return max(100 * (after / before - 1) for before, after in zip(values, values[1:]))

    changes = Ratios(settings, worst_doubling)
    return Finding(
        "Gain of a longer window",
        "A tuned model's perplexity falls as its window grows (7.13 to 6.95 from 2048 to 8192, 7.23 to 6.77 "
        "to 32768, Table 1).",
        f"after {steps} steps it falls with every doubling, up to k L", f"at k L over at L: {found.text()}",
        changes.judged(lambda values: max(values) < 0),
        f"At the worst of its doublings it changes by {changes.text('{:+.2f} %')}; one of the paper's own "
        "models rises too (6.82 to 6.83 from 8192 to 16384, Table 1). The text further away is of use: tuned "
        f"with YaRN the model is at k L at {tuned_over_base(results, 'yarn', steps).text()} of the base's at "
        "L. Interpolation, whose near distances are blurred, makes less of it.")


def reaches_pass_keys(results):
    settings = results.settings
    steps = settings.steps[-1]

    def over_length(kind, length_of):
        return Ratios(settings, lambda factor: over(
            judging_mean(results.k_max(kind, factor, steps)), length_of(factor)))

    linear, direct, yarn = (over_length(kind, settings.window) for kind in (LINEAR, DIRECT, "yarn"))
    direct_over_context = over_length(DIRECT, lambda factor: settings.context)
    verdicts = (linear.judged(lambda values: min(values) >= 1),
                direct_over_context.judged(lambda values: max(values) <= 1.25))
    return Finding(
        "Pass key",
        "After 200 steps Position Interpolation finds the key in all of the new window, direct tuning barely "
        "beyond L (at most 1.25 L, Table 4).",
        f"k_max after {steps} steps is k L with every seed, and at most 1.25 L for direct tuning",
        f"k_max over k L: linear {linear.text()}; direct {direct.text()}",
        all_seen(verdicts),
        "Copying a key takes heads that tell neighbouring tokens apart. Divided positions blur those, and "
        f"{steps} steps on so small a model bring them back at {linear.reached(1)}; YaRN, which leaves the "
        f"fastest rotary pairs as they are, has k L at {yarn.reached(1)}. Direct tuning keeps near distances "
        f"as they were and has only the far ones to learn: k_max over L is {direct_over_context.text()}.")


def short_cost(results):
    settings, base = results.settings, results.base
    steps = settings.steps[-1]
    found = tuned_over_base(results, LINEAR, steps, settings.context)
    left = Ratios(settings, lambda factor: remaining(
        judging_mean(results.tuned(LINEAR, factor, steps, settings.context)),
        results.untuned(LINEAR, factor, settings.context), base))
    return Finding(
        "Cost at short context",
        "Tuned models lose little perplexity at L (7.11 to 7.23 of 7.20, Table 1), and more in tasks the "
        "larger k is (11 points of BoolQ at x16, Table 5; such tasks are beyond these models).",
        f"perplexity at L after {steps} steps is at most {LITTLE} of the base's", found.text(),
        found.judged(lambda values: max(values) <= LITTLE),
        "Of what interpolation costs at L without tuning, in log perplexity, these steps leave "
        f"{left.text('{:.0f} %')}. The near distances are as blurred as in the long window, where tuned "
        f"models are at {tuned_over_base(results, LINEAR, steps).text()} of the base's.")


def kinds(results):
    settings = results.settings
    steps = settings.steps[-1]

    def over_linear(kind):
        untuned = Ratios(settings, lambda factor: over(results.untuned(kind, factor),
                                                       results.untuned(LINEAR, factor)))
        tuned = Ratios(settings, lambda factor: over(judging_mean(results.tuned(kind, factor, steps)),
                                                     judging_mean(results.tuned(LINEAR, factor, steps))))
        return untuned, tuned

    yarn, dynamic = over_linear("yarn"), over_linear("dynamic")
    return Finding(
        "Kinds",
        "Tuned, YaRN is level with linear interpolation inside the new window at fewer tokens (3.35 and "
        "3.34, arXiv 2309.00071, Table 1); scaling by NTK is behind both (3.59).",
        f"YaRN's perplexity at k L after {steps} steps is at most {LEVEL} of linear's; NTK is not judged",
        f"over linear's, YaRN: untuned {yarn[0].text()}, tuned {yarn[1].text()}; dynamic NTK: untuned "
        f"{dynamic[0].text()}, tuned {dynamic[1].text()}",
        yarn[1].judged(lambda values: max(values) <= LEVEL))


def bound_holds(results):
    cell = results.bound
    if not cell:
        here, seen, why_not = "missing", None, ""
    else:
        with_sum = cell["error_over_bound"][2] * cell["squares_in_theorem"] / cell["squares"]
        here = f"at most {cell['error_over_bound'][2]:.2f} of the bound in {cell['pairs']:,} pairs"
        seen = cell["error_over_bound"][2] <= 1
        why_not = (f"The theorem has d / (4 ln c) = {cell['squares_in_theorem']:.2f} for the sum of the "
                   f"squared frequencies, which is {cell['squares']:.2f} here: with so few rotary pairs an "
                   "integral is well below its sum. Over the bound with the sum the largest is "
                   f"{with_sum:.2f}.")
    return Finding(
        "Interpolation bound",
        "Between whole positions the score stays near a straight line: within d / (32 ln c) times the "
        "largest h at the middle (Theorem 2.1).",
        "no pair of a query and a key is beyond the bound", here, seen, why_not)


def findings(results):
    tests = [explosion, untuned_interpolation, back_at_base, ahead_of_direct, ahead_of_more_direct,
             falls_with_window, short_cost, kinds, bound_holds]
    if results.settings.passkey_training:
        tests.insert(6, reaches_pass_keys)
    return [test(results) for test in tests]
