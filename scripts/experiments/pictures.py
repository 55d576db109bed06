"""Pictures of what was measured, drawn by ropewalk_chart_tool as docs/experiments/*.svg."""

import json
import subprocess

from base import DIRECT, KINDS, LINEAR
from results import ARM_NAMES

PERPLEXITY = {"label": "perplexity", "logarithmic": True}


def axis(label, ticks, **more):
    return {"label": label, "ticks": ticks, "logarithmic": True, **more}


def series(name, points, dashed=False):
    return {"name": name, "dashed": dashed, "points": [[x, y] for x, y in points if y is not None]}


def level(name, value, ticks):
    return series(name, [(ticks[0], value), (ticks[-1], value)], dashed=True)


def arms(results, factor, value):
    """A line for each kind over its steps."""
    return [series(ARM_NAMES[kind], [(steps, value(kind, factor, steps).mean)
                                     for steps in results.settings.steps_of(kind)]) for kind in KINDS]


def seeds_of(results):
    count = len(results.settings.seeds)
    return f"mean of {count} seeds" + (", where measured" if results.missing() else "")


def over_steps(results, factor):
    settings = results.settings
    window, ticks = settings.window(factor), settings.direct_steps
    lines = arms(results, factor, results.tuned)
    lines.append(level(f"base at {settings.context}", results.base, ticks))
    lines.append(level("linear, untuned", results.untuned(LINEAR, factor), ticks))
    lines.append(level("unscaled, untuned", results.untuned(DIRECT, factor), ticks))
    return {"title": f"{settings.context} to {window} tokens (x{factor})",
            "subtitle": f"perplexity at {window} after tuning; {seeds_of(results)}",
            "x": axis("steps of tuning", ticks), "y": PERPLEXITY, "series": lines}


def untuned(results):
    settings = results.settings
    ticks = [settings.window(factor) for factor in settings.factors]
    lines = [series("unscaled" if kind == DIRECT else ARM_NAMES[kind],
                    [(settings.window(factor), results.untuned(kind, factor)) for factor in settings.factors])
             for kind in KINDS]
    lines.append(level(f"base at {settings.context}", results.base, ticks))
    return {"title": "Without tuning", "subtitle": "each window under the factor that reaches it",
            "x": axis("window", ticks, unit="tokens"), "y": PERPLEXITY, "series": lines}


def over_windows(results):
    settings = results.settings
    steps = settings.steps[-1]
    ticks = settings.windows(results.longest)
    lines = [series(f"linear x{factor}", [(window, results.tuned(LINEAR, factor, steps, window).mean)
                                          for window in settings.windows(factor)])
             for factor in settings.factors]
    lines.append(series("base, unscaled", [(window, results.untuned(DIRECT, results.longest, window))
                                           for window in ticks], dashed=True))
    return {"title": "Perplexity over the window",
            "subtitle": f"linear interpolation after {steps} steps; {seeds_of(results)}",
            "x": axis("window", ticks, unit="tokens"), "y": PERPLEXITY, "series": lines}


def pass_keys(results, factor):
    settings = results.settings
    return {"title": f"Pass key, {settings.window(factor)} tokens (x{factor})",
            "subtitle": f"k_max; {seeds_of(results)}", "x": axis("steps of tuning", settings.direct_steps),
            "y": {"label": "k_max", "unit": "tokens", "minimum": 0, "maximum": settings.window(factor)},
            "series": arms(results, factor, results.k_max)}


def all_pictures(results):
    """{file name: chart}."""
    name = results.name
    charts = {f"{name}-untuned.svg": untuned(results), f"{name}-windows.svg": over_windows(results)}
    for factor in results.settings.factors:
        charts[f"{name}-steps-x{factor}.svg"] = over_steps(results, factor)
        if results.settings.passkey_training:
            charts[f"{name}-passkey-x{factor}.svg"] = pass_keys(results, factor)
    return charts


def draw(tool, chart, file):
    done = subprocess.run([tool], input=json.dumps(chart), capture_output=True, text=True, check=True)
    file.write_text(done.stdout)
