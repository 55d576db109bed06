"""Which cases a command or a test run takes."""

from cases import family_cases
from kinds import cross_cases, kind_cases

GROUPS = {"families": family_cases, "kinds": kind_cases, "cross": cross_cases}


def select(names=(), groups=("families", "kinds")):
    """The cases of the groups, or those of them that are named: a family or a case."""
    cases = [case for group in groups for case in GROUPS[group]()]
    if not names:
        return cases
    chosen = [case for case in cases if case.name in names or case.family in names]
    missing = set(names) - {case.name for case in chosen} - {case.family for case in chosen}
    if missing:
        raise SystemExit(f"no such family or case: {', '.join(sorted(missing))}")
    return chosen
