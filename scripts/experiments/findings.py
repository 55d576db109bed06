"""What the papers found beside what a small model shows: each finding is judged by its own figures."""

import dataclasses

from base import DIRECT
from results import Results

LINEAR = "linear"
EXPLODED = 1e3
AT_BASE = 1.02  # "the base's level": the noise between seeds is about 1 %


@dataclasses.dataclass(frozen=True)
class Finding:
    name: str
    paper: str  # what it says, with its place
    here: str
    seen: bool | None  # None: cells that it needs are missing
    why_not: str = ""  # told where it is not seen


def ratios(pairs):
    """[(factor, value)] as text: x2 1.05, x4 1.20."""
    return ", ".join(f"x{factor} {value:.2f}" for factor, value in pairs)


def by_factor(results, value):
    """[(factor, value(factor))] of the factors that have one; and whether all have."""
    pairs = [(factor, value(factor)) for factor in results.settings.factors]
    known = [(factor, found) for factor, found in pairs if found is not None]
    return known, len(known) == len(pairs)


def quotient(numerator, denominator):
    return numerator / denominator if numerator is not None and denominator else None


def judged(seen, complete):
    return seen if complete else None


def explosion(results):
    worst = results.untuned(DIRECT, results.longest, results.settings.window(results.longest))
    return Finding(
        "Explosion",
        "Unscaled beyond L, perplexity explodes above 10^3 (Table 1)",
        "missing" if worst is None else
        f"{worst:.1f} at {results.longest} L, {worst / results.base:.1f} times the base",
        None if worst is None else worst > EXPLODED,
        "A perplexity above 10^3 needs scores beyond L that drown everything else. One of 2048 tokens "
        "guessed blindly is 2048, and a model that leans on the last few tokens, as this one does, keeps "
        "most of what it knows however wrong the far ones are.")


def untuned_interpolation(results):
    linear, complete = by_factor(results, lambda factor: results.untuned(
        LINEAR, factor, results.settings.window(factor)))
    less = [factor for factor, value in linear if value < results.untuned(
        DIRECT, factor, results.settings.window(factor))]
    values = [value for _, value in linear]
    return Finding(
        "Untuned interpolation",
        "Interpolated without tuning, it stays finite, worsens with k (16.1 at x4, 112 at x8 from 7.2, "
        "Table 3), and is far below the unscaled model",
        f"{ratios(linear)}; below the unscaled model at {named(less)}",
        judged(values == sorted(values) and max(values, default=0) < EXPLODED and
               len(less) == len(results.settings.factors), complete),
        "Finite and worse with k it is; below the unscaled model only as far as that one breaks down more.")


def named(factors):
    return ", ".join(f"x{factor}" for factor in factors) or "no factor"


def back_at_base(results):
    steps = results.settings.steps[-1]
    found, complete = by_factor(results, lambda factor: quotient(
        results.tuned(LINEAR, factor, steps).mean, results.base))
    return Finding(
        "Back at the base's level",
        "200 steps of tuning bring Position Interpolation to the base's level at the new window (Table 3)",
        f"perplexity at k L after {steps} steps over the base's at L: {ratios(found)}",
        judged(all(value <= AT_BASE for _, value in found), complete),
        "Interpolated positions squeeze the fast rotary pairs, which a small head has few of, and the steps "
        "are few tokens for a model that was not pre-trained to generalise over positions.")


def ahead_of_direct(results):
    def places():
        for factor in results.settings.factors:
            for steps in results.settings.steps:
                linear = results.tuned(LINEAR, factor, steps).mean
                direct = results.tuned(DIRECT, factor, steps).mean
                yield factor, steps, None if None in (linear, direct) else linear < direct

    judgements = list(places())
    ahead = [f"x{factor} at {steps}" for factor, steps, won in judgements if won]
    known = [won for *_, won in judgements if won is not None]
    return Finding(
        "Ahead of direct tuning",
        "With the same steps, tuning directly stays behind Position Interpolation (Tables 1 and 4)",
        f"Position Interpolation is ahead in {len(ahead)} of {len(known)} budgets: "
        f"{', '.join(ahead) or 'none'}",
        judged(all(known), len(known) == len(judgements)),
        "The steps here are some per cent of the pre-training, in the paper about a hundredth of one: "
        "enough to learn the new positions outright. Where Position Interpolation leads, it leads early.")


def ahead_of_more_direct(results):
    times = results.settings.direct_times

    def places():
        for factor in results.settings.factors:
            for steps in results.settings.steps:
                linear = results.tuned(LINEAR, factor, steps).mean
                direct = results.tuned(DIRECT, factor, times * steps).mean
                yield None if None in (linear, direct) else linear < direct

    judgements = list(places())
    known = [won for won in judgements if won is not None]
    return Finding(
        "Ahead of longer direct tuning",
        f"Even {times} times the steps do not bring direct tuning there (10000 steps, Table 4)",
        f"Position Interpolation is ahead of direct tuning with {times} times the steps in {sum(known)} of "
        f"{len(known)} budgets",
        judged(all(known), len(known) == len(judgements)),
        f"{times} times the steps are a good part of the pre-training again: that trains a model "
        "of the longer context, whatever its positions.")


def falls_with_window(results):
    steps = results.settings.steps[-1]
    found, complete = by_factor(results, lambda factor: quotient(
        results.tuned(LINEAR, factor, steps).mean,
        results.tuned(LINEAR, factor, steps, results.settings.context).mean))
    return Finding(
        "Gain of a longer window",
        "A tuned model's perplexity falls as its window grows (7.23 to 6.77 from 2048 to 32768, Table 1)",
        f"perplexity at k L over that at L after {steps} steps: {ratios(found)}",
        judged(all(value < 1 / AT_BASE for _, value in found), complete),
        "A model of a million parameters gains little from far context to begin with; what it gains, the "
        "interpolated positions of its nearest tokens cost it.")


def reaches_pass_keys(results):
    steps = results.settings.steps[-1]
    linear, complete = by_factor(results, lambda factor: results.k_max(LINEAR, factor, steps).mean)
    direct, _ = by_factor(results, lambda factor: results.k_max(DIRECT, factor, steps).mean)
    whole = [factor for factor, value in linear if value >= results.settings.window(factor)]

    def shown(pairs):
        return ", ".join(f"x{factor} {value:.0f} of {results.settings.window(factor)}"
                         for factor, value in pairs)

    return Finding(
        "Pass key",
        "Position Interpolation finds the pass key in all of the new window after 200 steps; direct tuning "
        "barely beyond L (Table 4)",
        f"k_max after {steps} steps: Position Interpolation {shown(linear)}; direct {shown(direct)}",
        judged(len(whole) == len(results.settings.factors), complete),
        "Finding a key is a matter of a few heads that match tokens exactly one position apart. Divided "
        "positions blur that, and in so few steps it is not learned again; YaRN, which leaves the fast "
        "pairs alone, keeps it.")


def short_cost(results):
    steps = results.settings.steps[-1]
    found, complete = by_factor(results, lambda factor: quotient(
        results.tuned(LINEAR, factor, steps, results.settings.context).mean, results.base))
    values = [value for _, value in found]
    return Finding(
        "Cost at short context",
        "Short context loses little in perplexity (7.20 to 7.11-7.23, Table 1), more in tasks and the more "
        "the larger k (11 points of BoolQ at x16, Table 5)",
        f"perplexity at L over the base's, tuned: {ratios(found)}",
        judged(values == sorted(values), complete),
        "The cost is there, but does not grow with every step of k.")


def frequencies_matter(results):
    def better(value):
        return [factor for factor in results.settings.factors
                if None not in (value("yarn", factor), value(LINEAR, factor))
                and value("yarn", factor) < value(LINEAR, factor)]

    def untuned(kind, factor):
        return results.untuned(kind, factor, results.settings.window(factor))

    def tuned(kind, factor):
        return results.tuned(kind, factor, results.settings.steps[-1]).mean

    before, after = better(untuned), better(tuned)
    complete = all(value(kind, factor) is not None for value in (untuned, tuned)
                   for kind in ("yarn", LINEAR) for factor in results.settings.factors)
    return Finding(
        "Kinds",
        "YaRN is ahead of linear interpolation, tuned and untuned (arXiv 2309.00071, Tables 1 and 2)",
        f"untuned at {named(before)}, tuned at {named(after)}",
        judged(len(before) == len(after) == len(results.settings.factors), complete))


def bound_holds(results):
    cell = results.cells.get("bound")
    return Finding(
        "Interpolation bound",
        "Between whole positions the score is near a straight line: at the middle within "
        "d / (32 ln c) times the largest h (Theorem 2.1)",
        "missing" if not cell else
        f"at most {cell['error_over_bound'][2]:.2f} of the bound in {cell['pairs']:,} pairs",
        cell and cell["error_over_bound"][2] <= 1,
        "" if not cell else
        f"The theorem puts d / (4 ln c) = {cell['squares_in_theorem']:.2f} in place of the sum of squared "
        f"frequencies, {cell['squares']:.2f} here: with so few pairs the integral is well below "
        "the sum. Within the bound that has the sum all pairs are.")


def findings(results: Results):
    tests = [explosion, untuned_interpolation, back_at_base, ahead_of_direct, ahead_of_more_direct,
             falls_with_window, short_cost, frequencies_matter, bound_holds]
    if results.settings.passkey:
        tests.insert(6, reaches_pass_keys)
    return [test(results) for test in tests]
