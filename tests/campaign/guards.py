#!/usr/bin/env python3
"""Switches off one guard of the engine after the other, and sees who notices.

Called by tests/campaign/guards, which builds what it needs. First a control: without a guard off
every test and every seed must hold; one that does not is named and counts for nothing afterwards.
Then, for each guard, the tests of its rule run with the guard off, and so does the campaign until a
seed breaks. Prints a line for each guard: the number of seeds that were needed, the invariant that
broke, and the first test that failed. The exit status is 1 when the campaign or every test did not
notice a guard, or when of some rule no test noticed anything.
"""

import argparse
import collections
import concurrent.futures
import html
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROW = re.compile(r'^RETAILSYNC_GUARD\(\w+, "([^"]+)", (\d+),\s*"([^"]+)"\)', re.M)
RULES = range(1, 13)
# No run and no test takes nearly as long, unless it hangs.
SECONDS_MAX = 120

Guard = collections.namedtuple("Guard", "name rule without")
# `seed`: the one that broke; None: none did. `invariant`: that broke, or "aborted".
Broken = collections.namedtuple("Broken", "seed invariant message")


def read_guards():
    text = (ROOT / "src/engine/guards.inc").read_text()
    guards = [Guard(name, int(rule), without) for name, rule, without in ROW.findall(text)]
    if len(guards) != len(re.findall(r"^RETAILSYNC_GUARD\(k", text, re.M)):
        sys.exit("guards: src/engine/guards.inc has a row that cannot be read")
    return guards


def run(command, guard):
    """What a program wrote, and why it did not come to its end ('': it did)."""
    environment = {**os.environ, "RETAILSYNC_GUARD_OFF": guard}
    with tempfile.TemporaryFile("w+") as out:
        try:
            code = subprocess.run(command, stdout=out, stderr=subprocess.DEVNULL, env=environment,
                                  timeout=SECONDS_MAX).returncode
            end = "by " + signal.Signals(-code).name if code < 0 else ""
        except subprocess.TimeoutExpired:
            end = f"after {SECONDS_MAX} s: it hangs"
        out.seek(0)
        return out.read(), end


class Campaign:
    def __init__(self, build):
        self.program = str(build / "tests/campaign/campaign")
        self.excluded = set()

    def first_broken(self, first, last, guard=""):
        """The first seed from first to last that breaks."""
        while first <= last:
            while first in self.excluded:
                first += 1
            until = min((seed for seed in self.excluded if seed > first), default=last + 1)
            until = min(until, last + 1)
            if first >= until:
                break
            told, end = run([self.program, "--until-broken", "--first", str(first),
                             "--seeds", str(until - first)], guard)
            broken = re.search(r"^broken (\d+) (.*)\n(.*)", told, re.M)
            if broken:
                return Broken(int(broken[1]), broken[2], broken[3])
            if end:
                begun = re.findall(r"^seed (\d+)$", told, re.M)
                return Broken(int(begun[-1]) if begun else first, "aborted", end)
            first = until
        return None

    def control(self, first, last):
        """Every seed from first to last that breaks with all guards on."""
        found = []
        while broken := self.first_broken(first, last):
            found.append(broken)
            first = broken.seed + 1
        return found


class RuleTests:
    def __init__(self, build):
        self.program = str(build / "tests/engine/engine_rules_test")
        listed, _ = run([self.program, "--list-test-names-only"], "")
        self.names = [name.strip() for name in listed.splitlines() if name.strip()]
        self.excluded = set()

    def of(self, rule):
        return [name for name in self.names
                if re.match(rf"rule {rule}[:,]", name) and name not in self.excluded]

    def others(self, rule):
        return [name for name in self.names
                if not re.match(rf"rule {rule}[:,]", name) and name not in self.excluded]

    def failing(self, names, guard=""):
        """Those that fail, the first first; where one brings the program down, that too."""
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as wanted:
            # Names as Catch2 takes them: a comma would end one.
            wanted.write("".join(re.sub(r"([\\,\[\]\"])", r"\\\1", name) + "\n" for name in names))
            wanted.flush()
            told, end = run([self.program, "--reporter", "xml", "--input-file", wanted.name], guard)
        cases = re.findall(r'<TestCase name="([^"]*)"(.*?)(?=<TestCase |\Z)', told, re.S)
        if not end and len(cases) != len(names):
            sys.exit(f"guards: of {len(names)} tests {len(cases)} were run")
        failed = [html.unescape(name) for name, rest in cases
                  if 'OverallResult success="true"' not in rest]
        return failed or (["(aborted " + end + ")"] if end else [])


def control(campaign, tests, seeds, jobs, pool):
    share = -(-seeds // jobs)
    chunks = [(first, min(first + share - 1, seeds)) for first in range(1, seeds + 1, share)]
    failing = pool.submit(tests.failing, tests.names)
    for broken in [b for found in pool.map(lambda c: campaign.control(*c), chunks) for b in found]:
        print(f"control: seed {broken.seed} breaks {broken.invariant} with all guards on, and is left"
              f" out: {broken.message}")
        campaign.excluded.add(broken.seed)
    for name in failing.result():
        print(f"control: a test fails with all guards on, and is left out: {name}")
        tests.excluded.add(name)
    print(f"control: with all guards on {seeds - len(campaign.excluded)} of {seeds} seeds hold, and"
          f" {len(tests.names) - len(tests.excluded)} of {len(tests.names)} tests\n", flush=True)


def try_out(guard, campaign, tests, seeds):
    """What the campaign found; whether a test of the rule failed; what failed."""
    failed = tests.failing(tests.of(guard.rule), guard.name)
    broken = campaign.first_broken(1, seeds, guard.name)
    return broken, bool(failed), failed or tests.failing(tests.others(guard.rule), guard.name)


def shorten(text, width):
    return text if len(text) <= width else text[:width - 3] + "..."


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("guards", nargs="*", help="names; none: all")
    parser.add_argument("--seeds", type=int, default=500, help="at most so many for each guard")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build-mutation")
    arguments = parser.parse_args()
    guards = read_guards()
    if unknown := set(arguments.guards) - {guard.name for guard in guards}:
        parser.error("src/engine/guards.inc has no guard " + ", ".join(sorted(unknown)))
    if arguments.seeds < 1 or arguments.jobs < 1:
        parser.error("--seeds and --jobs must be 1 or more")
    if arguments.guards:
        guards = [guard for guard in guards if guard.name in arguments.guards]

    began = time.monotonic()
    campaign, tests = Campaign(arguments.build), RuleTests(arguments.build)
    pool = concurrent.futures.ThreadPoolExecutor(arguments.jobs)
    control(campaign, tests, arguments.seeds, arguments.jobs, pool)

    line = "{:<28} {:>4} {:>5}  {:<8} {:<72} {}"
    print(line.format("guard", "rule", "seeds", "broke", "which said", "first test that failed, of the rule if one did"))
    missed, noticed, caught = [], set(), 0
    results = pool.map(lambda g: try_out(g, campaign, tests, arguments.seeds), guards)
    for guard, (broken, is_of_rule, failed) in zip(guards, results):
        if is_of_rule:
            noticed.add(guard.rule)
        caught += broken is not None
        if broken is None or not failed:
            missed.append((guard, "the campaign" if broken is None else "any test"))
        needed = broken and broken.seed - sum(seed < broken.seed for seed in campaign.excluded)
        print(line.format(guard.name, guard.rule, needed or "-", broken.invariant if broken else "-",
                          shorten(broken.message, 72) if broken else "-",
                          failed[0] if failed else "-"), flush=True)

    print(f"\n{len(guards)} guards; {caught} caught by the campaign within {arguments.seeds} seeds;"
          f" {time.monotonic() - began:.0f} s on {arguments.jobs} processes")
    for guard, finder in missed:
        print(f"NOT CAUGHT by {finder}: {guard.name}: {guard.without}")
    unproved = [] if arguments.guards else [rule for rule in RULES if rule not in noticed]
    for rule in unproved:
        print(f"NO TEST of rule {rule} failed, whatever was switched off")
    return 1 if missed or unproved else 0


if __name__ == "__main__":
    sys.exit(main())
