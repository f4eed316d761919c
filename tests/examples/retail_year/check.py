#!/usr/bin/env python3
"""Runs retail_year in every way it may go wrong and compares its ERP with an independent reading of the same files.

    check.py --program PATH [--kills N] [--seeds N] [--only NAME] [FILE...]

Without files it works on the data set that the program makes itself. Python's standard library only.
"""
import argparse
import collections
import gzip
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from decimal import Decimal

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from independent import HEADER, Expected  # noqa: E402

FAULTS = ["--duplicate", "0.3", "--reorder", "500", "--fail", "0.1", "--lose-response", "0.05"]
RUN_SECONDS_MAX = 1800


class Failure(Exception):
    pass


def require(condition, message):
    if not condition:
        raise Failure(message)


def require_equal(got, wanted, what):
    if got == wanted:
        return
    if isinstance(wanted, dict):
        differing = [k for k in sorted(set(got) | set(wanted), key=str) if got.get(k) != wanted.get(k)]
        sample = [(k, got.get(k), wanted.get(k)) for k in differing[:3]]
        raise Failure(f"{what}: {len(differing)} differ, such as (key, got, wanted) {sample}")
    raise Failure(f"{what}: got {got!r}, wanted {wanted!r}")


class Place:
    """A folder with a store and an ERP, and the program to run on them."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        os.makedirs(folder)
        self.store = os.path.join(folder, "store.db")
        self.erp = os.path.join(folder, "erp.db")

    def command(self, files, options=()):
        return [self.program, "--json", "--store", self.store, "--erp", self.erp, *options, *files]

    def run(self, files, options=(), code=0):
        done = subprocess.run(self.command(files, options), capture_output=True, timeout=RUN_SECONDS_MAX)
        error = done.stderr.decode(errors="replace")
        require_equal(done.returncode, code, f"exit code of {options} on {files} (stderr: {error!r})")
        return (json.loads(done.stdout) if done.stdout else None), error

    def fingerprint(self):
        """Everything the ERP holds."""
        with sqlite3.connect(self.erp) as erp:
            return {table: sorted(erp.execute(f"SELECT * FROM {table}"))
                    for table in ("document", "line", "item", "customer", "price", "movement", "movement_line",
                                  "defect")}


def compare(place, expected, report=None):
    """The ERP against the independent reading: everything, to the last digit."""
    held = place.fingerprint()
    require_equal(held["defect"], [], "defects that the ERP recorded")
    documents = {d[0]: (d[1], d[2], d[3], Decimal(d[5])) for d in held["document"]}
    require_equal(len(documents), len(held["document"]), "every document exactly once")
    require_equal({d[4] for d in held["document"]} - {"GBP"}, set(), "currencies")
    require_equal(collections.Counter(d[0] for d in documents.values()),
                  collections.Counter(d[0] for d in expected.documents.values()), "documents by kind")
    require_equal(documents, expected.documents, "documents")
    require_equal(sum((d[3] for d in documents.values()), Decimal(0)), expected.total(), "sum of the totals")
    lines = {(l[0], l[1]): (l[2], int(l[3]), Decimal(l[4]), Decimal(l[5])) for l in held["line"]}
    require_equal(len(lines), len(expected.lines), "lines")
    require_equal(lines, {(l[0], l[1]): l[2:] for l in expected.lines}, "lines")
    movements = {}
    for number, _, item, quantity in sorted(held["movement_line"], key=lambda m: (m[0], m[1])):
        movements.setdefault(number, []).append((item, int(quantity)))
    require_equal({m[0] for m in held["movement"]}, set(movements), "movements with lines")
    require_equal(movements, expected.movements, "stock movements")
    require_equal({i[0]: (i[1], i[2]) for i in held["item"]}, expected.items, "items")
    require_equal({c[0]: (c[1], c[2]) for c in held["customer"]}, expected.customers, "customers")
    require_equal({(p[0], p[1]): Decimal(p[3]) for p in held["price"]}, expected.prices, "prices")
    if report is not None:
        require_equal(report["rows"], expected.rows, "rows")
        require_equal(report["set_aside"], expected.aside, "rows set aside, by reason")
        require_equal(Decimal(report["erp_total"]), expected.total(), "erp_total")
        require_equal(report["erp_defects"], 0, "defects reported")
        require_equal(report["rows_documents"], len(expected.lines), "rows on documents")
        require_equal(report["rows_corrections"], expected.corrected, "rows on stock corrections")
        require_equal(report["rows_repeated"], expected.repeated, "rows repeated")
        require_equal(report["rows_held_back"], expected.held_back, "rows held back")
        require_equal(report["books_balance"], True, "the books")


def run_again(place, files, expected):
    """A second run applies nothing."""
    before = place.fingerprint()
    report, _ = place.run(files)
    require_equal(sum(report["posted"].values()), 0, "posted by a second run")
    require_equal(place.fingerprint(), before, "the ERP after a second run")
    compare(place, expected, report)


# -- What is checked. Each takes the context and a fresh place.


def check_plain(context, place):
    report, _ = place.run(context.files)
    expected = context.expected
    compare(place, expected, report)
    require_equal(report["posted"], {
        "order": expected.of_kind("order"), "credit_note": expected.of_kind("credit_note"),
        "stock_movement": len(expected.movements), "product": len(expected.items),
        "price": len(expected.prices), "customer": len(expected.customers)}, "posted")
    require_equal(report["unknown_resolved"], 0, "unknown outcomes without faults")
    run_again(place, context.files, expected)
    print(f"    {report['rows']} rows, {report['changes']} changes in {report['seconds']} s "
          f"({report['changes_per_second']} a second)")


def check_faults(context, place):
    for seed in range(1, context.seeds + 1):
        here = Place(place.program, os.path.join(place.folder, f"seed{seed}"))
        report, _ = here.run(context.files, [*FAULTS, "--seed", str(seed)])
        compare(here, context.expected, report)
        for key in ("duplicates_suppressed", "unknown_resolved", "retried"):
            require(report[key] > 0, f"{key}: must be above 0 with faults (seed {seed})")
        run_again(here, context.files, context.expected)
        print(f"    seed {seed}: {report['duplicates_suppressed']} duplicates, {report['retried']} retries, "
              f"{report['unknown_resolved']} unknown outcomes in {report['seconds']} s")


def kill_until_complete(context, place, options, span, seed):
    """SIGKILL at context.kills random moments within `span` seconds of a start, then once to the end."""
    chance = random.Random(seed)
    killed = 0
    while killed < context.kills:
        process = subprocess.Popen(place.command(context.files, options), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        # The moments move on with the kills, so that the last ones meet a run that is nearly done.
        time.sleep(chance.uniform(0, 2 * span / context.kills))
        process.send_signal(signal.SIGKILL)
        error = process.communicate()[1].decode(errors="replace")
        require(process.returncode in (0, -signal.SIGKILL),
                f"a run after {killed} kills failed by itself: {process.returncode} {error!r}")
        if process.returncode == 0:
            # It was done before it could be killed: begin anew, so that every kill hits work.
            for path in (place.store, place.erp):
                for end in ("", "-wal", "-shm", "-journal", ".lock", "-lock"):
                    if os.path.exists(path + end):
                        os.remove(path + end)
            continue
        killed += 1
    report, _ = place.run(context.files, options)
    compare(place, context.expected, report)
    run_again(place, context.files, context.expected)
    print(f"    killed {killed} times")


def check_kills(context, place):
    timed = Place(place.program, os.path.join(place.folder, "timed"))
    began = time.monotonic()
    timed.run(context.files)
    span = time.monotonic() - began
    kill_until_complete(context, place, [], span, seed=1)


def check_kills_with_faults(context, place):
    timed = Place(place.program, os.path.join(place.folder, "timed"))
    options = [*FAULTS, "--seed", "7"]
    began = time.monotonic()
    timed.run(context.files, options)
    span = time.monotonic() - began
    kill_until_complete(context, place, options, span, seed=2)


def check_other_options(context, place):
    """A run that was killed goes on with other options than it began with."""
    for index in range(3):
        options = [["--reorder", "100"], FAULTS, []][index]
        process = subprocess.Popen(place.command(context.files, options), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(0.05 * (index + 1))
        process.kill()
        process.wait()
    report, _ = place.run(context.files, ["--reorder", "37", "--seed", "5"])
    compare(place, context.expected, report)
    run_again(place, context.files, context.expected)


def check_one_file_after_the_other(context, place):
    """Files that come in month by month, and again all at once, give the same ERP."""
    for index in range(1, len(context.files) + 1):
        place.run(context.files[:index])
    report, _ = place.run(context.files)
    compare(place, context.expected, report)
    require_equal(sum(report["posted"].values()), 0, "posted by a run over all files")


def write(path, text):
    data = text if isinstance(text, bytes) else text.encode()
    if path.endswith(".gz"):
        data = gzip.compress(data, mtime=0)
    with open(path, "wb") as out:
        out.write(data)
    return path


def check_truncated(context, place):
    """What can be read is posted, the program says what is wrong and fails; with the whole file nothing is missing."""
    whole = context.files[-1]
    data = open(whole, "rb").read()
    cut = os.path.join(place.folder, os.path.basename(whole))
    for share in (0.6, 0.9):
        with open(cut, "wb") as out:
            out.write(data[:int(len(data) * share)])
        files = [*context.files[:-1], cut]
        report, error = place.run(files, code=1)
        require(os.path.basename(cut) in error and "truncated" in error and "line" in error,
                f"the error must name the file, the line and what is wrong: {error!r}")
        require(report["problem"] is not None, "the summary must say that reading stopped")
        expected = Expected().read(files)
        require(expected.problem and expected.held_back > 0, "the independent reading stops too")
        compare(place, expected, report)
    report, _ = place.run(context.files)
    compare(place, context.expected, report)
    run_again(place, context.files, context.expected)


def row(invoice, code="71053", description="LANTERN", quantity="6", date="2010-12-01 08:26:00", price="3.39",
        customer="17850.0", country="United Kingdom"):
    return ",".join([invoice, code, description, quantity, date, price, customer, country]) + "\n"


def check_garbage_rows(context, place):
    """Each bad row is set aside with its reason; the rows around it are posted."""
    del context
    bad = [
        b"just some words\n",
        b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe,,,,,,,\n",
        b"600001,71053,two columns are missing,6,2010-12-01 08:26:00,3.39\n",
        row("600002", quantity="six").encode(),
        row("600003", quantity="0").encode(),
        row("600004", quantity="2.5").encode(),
        row("600005", date="2010-02-30 08:26:00").encode(),
        row("600006", date="01/12/2010 08:26").encode(),
        row("600007", price="3,39").encode(),
        row("600008", price="1e3").encode(),
        row("600009", price="NaN").encode(),
        row("600010", price="0.0000000001").encode(),
        row("600011", customer="anna").encode(),
        row("600012", country="").encode(),
        row("600013", code=" ").encode(),
        row("600014", description="caf\xe9").encode("latin-1"),
        row("B600015").encode(),
        row("").encode(),
        row("600016", description='7" SINGLE').encode(),
        row("600017", description='"open').encode(),
        b"\n",
        row("600018", quantity="99999999999999999999").encode(),
        b"x" * 40000 + b"\n",
        row("600019", price="-1.00").encode(),
        row("600020", quantity="-5").encode(),
        row("C600021", quantity="5").encode(),
        row("600022").encode() + row("600022", customer="17851.0").encode(),
        row("A600023", code="B").encode(),
    ]
    good = b"".join(row(str(500000 + i)).encode() + b for i, b in enumerate(bad))
    text = (HEADER + "\n").encode() + good + row("500999").encode()
    # The same invoice again with other content, and again as it was.
    text += b"".join(row(str(510000 + i)).encode() for i in range(250))
    text += row("500000", quantity="7").encode() + row("500001").encode()
    path = write(os.path.join(place.folder, "2010-12.csv"), text)
    expected = Expected().read([path])
    require(expected.aside.get("unreadable_row", 0) >= 5 and expected.aside.get("contradiction") == 1,
            f"the input has what it is meant to have: {expected.aside}")
    report, _ = place.run([path])
    compare(place, expected, report)
    run_again(place, [path], expected)
    with sqlite3.connect(place.store) as store:
        tables = [t for (t,) in store.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
        require("dead_letter" in " ".join(tables), "the store shows its dead letters to a person")


def check_line_breaks(context, place):
    """CRLF, a byte order mark, a last line without a line break, quoted commas, quotes and line breaks."""
    del context
    text = (HEADER + "\n" + row("500000", description='"A, B"') + row("500000", description='"7"" SINGLE"') +
            row("500001", description='"two\nlines"') + row("C500002", quantity="-1", price="0.001")).rstrip("\n")
    plain = write(os.path.join(place.folder, "a.csv"), b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    expected = Expected().read([plain])
    require_equal((len(expected.documents), expected.rows), (3, 4), "documents and rows")
    report, _ = place.run([plain])
    compare(place, expected, report)


def check_bad_files(context, place):
    """Files that cannot be read at all: a sentence, exit code 1, and nothing of them in the ERP."""
    first = context.files[0]
    damaged = bytearray(open(first, "rb").read())
    damaged[len(damaged) // 2] ^= 0xFF
    cases = {
        "missing.csv.gz": (None, "cannot be opened"),
        "empty.csv.gz": (b"", "is empty"),
        "plain.csv.gz": ((HEADER + "\n" + row("500000")).encode(), "does not hold gzip data"),
        "damaged.csv.gz": (bytes(damaged), "is damaged"),
        "noheader.csv": (row("500000").encode(), "header"),
        "picture.csv": (b"\x89PNG\r\n\x1a\n" + os.urandom(2000), "header"),
        "cut.csv": ((HEADER + "\n" + row("500000") + "500001,71053,LAN").encode(), "ends before it should"),
    }
    for name, (data, words) in cases.items():
        path = os.path.join(place.folder, name)
        if data is not None:
            with open(path, "wb") as out:
                out.write(data)
        report, error = place.run([path], code=1)
        require(name in error and words in error, f"{name}: the error must say '{words}': {error!r}")
        require_equal(sum(report["posted"].values()), 0, f"posted from {name}")


def check_bad_store(context, place):
    """A store or an ERP that cannot be used: a sentence that names it, exit code 1, and the file is as it was."""
    for which in ("store", "erp"):
        path = getattr(place, which)
        garbage = b"this is no database, " * 500
        with open(path, "wb") as out:
            out.write(garbage)
        report, error = place.run(context.files, code=1)
        require(report is None and path in error, f"a garbage {which}: {error!r}")
        require_equal(open(path, "rb").read(), garbage, f"the garbage {which} afterwards")
        os.remove(path)
        foreign = os.path.join(place.folder, f"no-such-folder-{which}", "file.db")
        here = Place(place.program, os.path.join(place.folder, f"missing-{which}"))
        setattr(here, which, foreign)
        report, error = here.run(context.files, code=1)
        require(report is None and foreign in error, f"a {which} in a folder that does not exist: {error!r}")

    place.run(context.files)
    before = place.fingerprint()
    for which in ("store", "erp"):
        path = getattr(place, which)
        here = Place(place.program, os.path.join(place.folder, f"readonly-{which}"))
        for source, target in ((place.store, here.store), (place.erp, here.erp)):
            shutil.copy(source, target)
        if os.geteuid() != 0:
            os.chmod(getattr(here, which), 0o444)
            os.chmod(here.folder, 0o555)
            report, error = here.run(context.files, code=1)
            os.chmod(here.folder, 0o755)
            require(report is None and getattr(here, which) in error, f"a read-only {which}: {error!r}")
        else:
            # Root writes what it likes; a device that refuses is as good.
            setattr(here, which, "/proc/version")
            report, error = here.run(context.files, code=1)
            require(report is None and "/proc/version" in error, f"a read-only {which}: {error!r}")
    holder = sqlite3.connect(place.erp)
    holder.isolation_level = None
    holder.execute("BEGIN EXCLUSIVE")
    report, error = place.run(context.files, code=1)
    require(report is None and place.erp in error, f"a locked erp: {error!r}")
    holder.execute("ROLLBACK")
    holder.close()
    require_equal(place.fingerprint(), before, "the ERP afterwards")
    run_again(place, context.files, context.expected)


def check_store_in_use(context, place):
    """A second program on the same store is refused with a sentence; the first one's work goes on after it."""
    process = subprocess.Popen(place.command(context.files, ["--fail", "0.99"]), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    while not os.path.exists(place.erp):
        require(process.poll() is None, "the first program must run")
        time.sleep(0.01)
    process.send_signal(signal.SIGSTOP)
    other = Place(place.program, os.path.join(place.folder, "other"))
    other.store = place.store
    report, error = other.run(context.files, code=1)
    require(report is None and place.store in error, f"a store in use: {error!r}")
    process.kill()
    process.wait()
    report, _ = place.run(context.files)
    compare(place, context.expected, report)


def check_options(context, place):
    """Contradictory or malformed options: one sentence on stderr and exit code 2."""
    one = context.files[0]
    cases = [
        (["--duplicate", "1.5"], "--duplicate"), (["--duplicate", "-0.1"], "--duplicate"),
        (["--fail", "1"], "--fail"), (["--fail", "nan"], "--fail"), (["--fail", ""], "--fail"),
        (["--lose-response", "often"], "--lose-response"), (["--reorder", "1"], "--reorder"),
        (["--reorder", "2.5"], "--reorder"), (["--reorder", "1000000"], "--reorder"),
        (["--seed", "-1"], "--seed"), (["--seed", "x"], "--seed"), (["--json", "--json"], "--json"),
        (["--json=yes"], "--json"), (["--frobnicate"], "--frobnicate"), (["--seed"], "--seed"),
        (["--store", "a.db", "--erp", "./a.db"], "--store"), (["--store", one], "--store"),
        (["--make-sample", "x", "--json"], "--make-sample"), (["--seed", "1", "--seed", "2"], "--seed"),
    ]
    for options, name in cases:
        done = subprocess.run([place.program, one, *options], capture_output=True, cwd=place.folder,
                              timeout=RUN_SECONDS_MAX)
        error = done.stderr.decode()
        require_equal(done.returncode, 2, f"exit code of {options}: {error!r}")
        require(name in error and error.count("\n") == 1 and not done.stdout, f"{options}: {error!r}")
    require_equal(os.listdir(place.folder), [], "files that a refused call leaves behind")


def check_no_arguments(context, place):
    """Without arguments it runs on a data set of its own and tells a person what it did."""
    del context
    done = subprocess.run([place.program], capture_output=True, cwd=place.folder, timeout=RUN_SECONDS_MAX,
                          env={**os.environ, "TMPDIR": place.folder})
    text = done.stdout.decode()
    require_equal(done.returncode, 0, f"exit code: {done.stderr.decode()!r}")
    for words in ("orders", "credit notes", "Set aside", "bad_debt_adjustment", "balance"):
        require(words in text, f"the summary must tell of {words}: {text}")
    made = os.listdir(place.folder)
    require(len(made) == 1 and made[0].startswith("retail_year."), f"where it worked: {made}")


CHECKS = [check_plain, check_faults, check_kills, check_kills_with_faults, check_other_options,
          check_one_file_after_the_other, check_truncated, check_garbage_rows, check_line_breaks, check_bad_files,
          check_bad_store, check_store_in_use, check_options, check_no_arguments]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", action="append", help="the name of a check; may be repeated")
    parser.add_argument("files", nargs="*")
    context = parser.parse_args()
    context.program = os.path.abspath(context.program)
    context.files = [os.path.abspath(f) for f in context.files]
    folder = tempfile.mkdtemp(prefix="retail_year_check.")
    failed = 0
    try:
        if not context.files:
            made = subprocess.run([context.program, "--make-sample", os.path.join(folder, "sample")],
                                  capture_output=True, check=True)
            context.files = made.stdout.decode().split()
        context.expected = Expected().read(context.files)
        require(not context.expected.problem and context.expected.rows > 0, "the files must be readable")
        print(json.dumps(context.expected.summary(), ensure_ascii=False), flush=True)
        for check in CHECKS:
            name = check.__name__.removeprefix("check_")
            if context.only and name not in context.only:
                continue
            began = time.monotonic()
            try:
                check(context, Place(context.program, os.path.join(folder, name)))
            except Failure as failure:
                failed += 1
                print(f"FAILED {name}: {failure}", flush=True)
            else:
                print(f"passed {name} in {time.monotonic() - began:.1f} s", flush=True)
    finally:
        shutil.rmtree(folder)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
