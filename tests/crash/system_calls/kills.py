#!/usr/bin/env python3
"""Ends retail_year at its system calls, lets them fail, and compares what comes of it with an undisturbed run.

    kills.py --program PATH --shim PATH [--every N] [--big-kills N] [--least N] [--jobs N] [--self-test]

A small input is tried at every Nth of its calls, a year's sample at as many as are asked for. After each, the same command
runs again, and once more: the ERP must hold exactly what it would hold anyway, and the last run must apply nothing.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "retail_year"))
from check import FAULTS, Failure, Place, compare, require, require_equal, row  # noqa: E402
from independent import HEADER, Expected  # noqa: E402

CALLS = {"o": "open", "w": "write", "s": "sync", "t": "truncate", "u": "unlink"}
NEVER = "kill_never"
KILLS = ("kill_before", "kill_after", "kill_torn", NEVER)
ERRORS = ("EIO", "ENOSPC", "EINTR", "short")
ONLY_WRITES = ("kill_torn", "short")
RUN_SECONDS_MAX = 120

SMALL = (HEADER + "\n" +
         row("536365", "85123A", "HEART", price="2.55") + row("536365") +
         row("C536379", "D", "Discount", "-1", price="27.5", customer="14527.0") +
         row("536589", "21777", "damages", "-10", price="0.0", customer="") +
         row("536590", "85123A", "HEART", "1", price="2.95", customer="", country="EIRE") +
         row("A536591", "B", "Adjust bad debt", "1", customer="") + "536592,71053\n")


class Workload:
    """An input, what an undisturbed run makes of it, and the calls of that run, as letters."""

    def __init__(self, name, files, options, context):
        self.name, self.files, self.options = name, files, options
        place = Place(context.program, os.path.join(context.folder, name, "undisturbed"))
        log = os.path.join(context.folder, name, "calls")
        done = run(context, place, self, SYSTEM_CALLS_LOG=log)
        require_equal(done.returncode, 0, f"exit code of an undisturbed run ({done.stderr})")
        self.calls = open(log).read()
        self.held = place.fingerprint()
        compare(place, Expected().read(files), json.loads(done.stdout))


class Context:
    def __init__(self, arguments, folder):
        self.program, self.shim, self.folder = arguments.program, arguments.shim, folder


def run(context, place, workload, **settings):
    environment = dict(os.environ, LD_PRELOAD=context.shim, SYSTEM_CALLS_FOLDER=place.folder, **settings)
    # A sanitizer's library does not mind that another one comes before it.
    environment["ASAN_OPTIONS"] = "verify_asan_link_order=0:" + environment.get("ASAN_OPTIONS", "")
    return subprocess.run(place.command(workload.files, workload.options), capture_output=True, text=True,
                          env=environment, timeout=RUN_SECONDS_MAX)


# -- What may be wrong with the parts, to show that this test finds it.


def remove(path):
    for end in ("", "-wal", "-shm", "-journal"):
        if os.path.exists(path + end):
            os.remove(path + end)


def forget_postings(place):
    """An ERP that says that it has a document before that is so."""
    remove(place.erp)


def forget_attempts(place):
    """An engine that does not know after a kill what it has sent."""
    remove(place.store)


def check_sound(place):
    for path in (place.store, place.erp):
        with sqlite3.connect(path) as database:
            answer = database.execute("PRAGMA integrity_check").fetchall()
        require_equal(answer, [("ok",)], f"integrity of {os.path.basename(path)}")


def trial(context, workload, nth, what, mutate=None):
    """One kill or error at one call. How it ended: 'killed', 'told' or 'went on'."""
    place = Place(context.program, os.path.join(context.folder, workload.name, f"{what}-{nth}"))
    try:
        done = run(context, place, workload, SYSTEM_CALLS_NTH=str(nth), SYSTEM_CALLS_WHAT=what)
        if what in KILLS:
            require_equal(done.returncode, -signal.SIGKILL, "a run that is to be killed ended with")
            end = "killed"
        else:
            require(done.returncode in (0, 1), f"a run with an error ended with {done.returncode}: {done.stderr}")
            end = "told" if done.returncode == 1 else "went on"
            if end == "told":
                require(re.match(r"retail_year: .*(store|erp)\.db", done.stderr), f"an unclear error: {done.stderr!r}")
        if mutate:
            mutate(place)
        again = run(context, place, workload)
        require_equal(again.returncode, 0, f"exit code of the next run ({again.stderr!r})")
        require_equal(place.fingerprint(), workload.held, "the ERP")
        once_more = run(context, place, workload)
        require_equal(once_more.returncode, 0, f"exit code of a further run ({once_more.stderr!r})")
        require_equal(sum(json.loads(once_more.stdout)["posted"].values()), 0, "posted by a further run")
        require_equal(place.fingerprint(), workload.held, "the ERP after a further run")
        check_sound(place)
        return end
    except Failure as failure:
        raise Failure(f"{workload.name}, {what} at call {nth} of {len(workload.calls)} "
                      f"({CALLS[workload.calls[nth - 1]]}): {failure}") from None
    finally:
        shutil.rmtree(place.folder, ignore_errors=True)


def points(workload, what, every, first=1):
    """Every so many calls, those that make no sense left out."""
    calls = [n for n, letter in enumerate(workload.calls, 1) if what not in ONLY_WRITES or letter == "w"]
    return calls[first - 1::every]


def plan(small, big, big_faulty, arguments):
    every = arguments.every
    tries = [(small, n, "kill_before") for n in points(small, "kill_before", every)]
    # What is on the disk after a call is there before the next; the answer is what is missing.
    tries += [(small, n, "kill_after") for n in points(small, "kill_after", 4 * every)]
    tries += [(small, n, "kill_torn") for n in points(small, "kill_torn", 3 * every, 2)]
    for shift, error in enumerate(ERRORS, 1):
        tries += [(small, n, error) for n in points(small, error, (3 if error == "EIO" else 5) * every, shift)]
    for workload in (big, big_faulty):
        # A run with faults has not the same calls each time: the end is left out.
        last = len(workload.calls) * 3 // 4
        stride = max(1, 2 * last // max(1, arguments.big_kills))
        tries += [(workload, n, KILLS[n % 2]) for n in range(1, last, stride)]
    return tries


def campaign(context, workloads, arguments):
    tries = plan(*workloads, arguments)
    ends = collections.Counter()
    began = time.monotonic()
    failures = []
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        jobs = {pool.submit(trial, context, *one): one for one in tries}
        for job in concurrent.futures.as_completed(jobs):
            workload, nth, what = jobs[job]
            try:
                ends[(workload.name, what, CALLS[workload.calls[nth - 1]], job.result())] += 1
            except Failure as failure:
                failures.append(str(failure))
    killed = sum(n for (_, _, _, end), n in ends.items() if end == "killed")
    failed = sum(n for (_, _, _, end), n in ends.items() if end != "killed")
    for workload in workloads:
        print(f"{workload.name}: {len(workload.calls)} system calls")
    for (name, what, call, end), count in sorted(ends.items()):
        print(f"  {count:5}  {name}: {what} at {call}: {end}")
    print(f"{killed} kills and {failed} failing calls in {time.monotonic() - began:.1f} s: "
          f"{len(failures)} with another result than an undisturbed run")
    for failure in failures[:10]:
        print(f"FAILED: {failure}")
    require(killed >= arguments.least, f"{killed} kills prove too little")
    return not failures


def self_test(context, small):
    """Each of these is wrong, and must be found, at the words that say how."""
    # retail_year's own books say so first: that is its exit code 3.
    books = "next run.*got 3|the ERP: "
    wrongs = (("an ERP that forgets what it confirmed", "kill_before", forget_postings, books),
              ("an engine that forgets what it has sent", "kill_before", forget_attempts, books),
              ("a kill that never happens", NEVER, None, "ended with"))
    found = 0
    for name, what, mutate, words in wrongs:
        # From the end: there is more to forget.
        for tried, nth in enumerate(reversed(points(small, what, 20)), 1):
            try:
                trial(context, small, nth, what, mutate)
            except Failure as failure:
                require(re.search(words, str(failure)), f"{name}: found by other words than {words!r}: {failure}")
                print(f"{name}: found at the {tried}. kill\n    {failure}")
                found += 1
                break
        else:
            print(f"FAILED: {name}: not found")
    return found == len(wrongs)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--shim", required=True)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--big-kills", type=int, default=200)
    parser.add_argument("--least", type=int, default=100, help="fewer kills prove too little")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        context = Context(arguments, folder)
        path = os.path.join(folder, "small.csv")
        with open(path, "w") as out:
            out.write(SMALL)
        small = Workload("small", [path], [], context)
        if arguments.self_test:
            return 0 if self_test(context, small) else 1
        made = subprocess.run([arguments.program, "--make-sample", os.path.join(folder, "sample")], check=True,
                              capture_output=True, text=True)
        files = made.stdout.split()
        workloads = [small, Workload("sample", files, [], context), Workload("sample with faults", files, FAULTS, context)]
        return 0 if campaign(context, workloads, arguments) else 1


if __name__ == "__main__":
    sys.exit(main())
