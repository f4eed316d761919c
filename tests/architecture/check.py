#!/usr/bin/env python3
"""Holds the repository to the layers in layers.txt.

    check.py ROOT [--links FILE] [--archive LAYER=FILE]...

Prints one line for each violation, `file:line: [rule] sentence`, and exits with 1 if there is any.
--links is what CMake wrote about the targets (`layer: linked targets`); --archive is a layer's
compiled archive, whose undefined symbols are looked at too. The rules:

  layer-include       an include, or a linked target, of a layer that this layer may not use
  private-header      an include of another layer's private header, or with a path through ..
  sibling-include     a connector that includes another one
  third-party         a library that this layer may not name, or one that nobody knows
  public-third-party  a library in a public header that must stay out of it
  public-vocabulary   std::chrono or absl::string_view in a public header
  outside-world       a clock, random source, thread, socket or file in a layer that has none
  unknown-layer       a folder that is not in the table
  top-level           something at the top of the repository that does not belong there
"""

import argparse
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

# -- What may not be used where there is no outside world.
IMPURE_HEADERS = {
    "atomic", "barrier", "chrono", "condition_variable", "csignal", "cstdio", "ctime",
    "filesystem", "fstream", "future", "iostream", "latch", "mutex", "random", "semaphore",
    "shared_mutex", "stop_token", "syncstream", "thread",
    "dirent.h", "dlfcn.h", "fcntl.h", "netdb.h", "poll.h", "pthread.h", "sched.h", "semaphore.h",
    "signal.h", "stdio.h", "time.h", "unistd.h",
}
IMPURE_PREFIXES = ("absl/random/", "absl/synchronization/", "absl/time/clock.h", "arpa/",
                   "net/", "netinet/", "sys/")
# After `absl::`, `std::` or `::`, or bare; never the name of a member.
FREE = r"(?:(?<![\w.>:])|(?<=std::)|(?<=[^\w>:]::))"
IMPURE_CALLS = re.compile("|".join((
    r"absl::(?:Now|GetCurrentTimeNanos|SleepFor|BitGen|InsecureBitGen|Mutex|CondVar|"
    r"Notification|BlockingCounter|Barrier)\b",
    r"std::(?:this_thread|thread|jthread|mutex|recursive_mutex|timed_mutex|shared_mutex|"
    r"condition_variable\w*|atomic\w*|async|future|promise|counting_semaphore|binary_semaphore|"
    r"latch|barrier|random_device|mt19937\w*|minstd_rand0?|default_random_engine|chrono|"
    r"filesystem|[io]?fstream|cout|cerr|clog|cin|system|time|clock|tmpfile|getenv)\b",
    FREE + r"(?:s?rand(?:_r|om)?|[dejlmn]rand48|getrandom|arc4random\w*|getenv|setenv|putenv|"
    r"f(?:re)?open|fdopen|tmpfile|mkstemp|popen|printf|fprintf|puts|fputs|usleep|nanosleep|sleep|"
    r"gettimeofday|clock_gettime|localtime(?:_r)?|gmtime(?:_r)?|pthread_\w+|fork|execv\w*|"
    r"sched_yield|getaddrinfo|inet_\w+|mmap|fsync|fdatasync)\s*\(",
    FREE + r"time\s*\(\s*(?:nullptr|NULL|0|&\w+)\s*\)",
    r"(?<![\w>:])::(?:open|creat|read|write|close|unlink|stat|socket|connect|bind|listen|accept|"
    r"send|recv|poll|select|clock|time|remove|rename|sleep)\s*\(",
)))
IMPURE_SYMBOLS = re.compile("^(?:" + "|".join((
    r"absl::\w*:?:?(?:Now|GetCurrentTimeNanos|SleepFor)\(.*",
    r"absl::(?:\w+::)?(?:Mutex|CondVar)::.*", r"absl::(?:\w+::)*random_internal::.*",
    r"std::(?:thread|random_device|filesystem|condition_variable)\b.*",
    r"std::(?:\w+::)?(?:chrono::(?:\w+::)?\w+_clock::now|this_thread::|"
    r"basic_(?:[io]?fstream|filebuf)).*",
    r"std::(?:cout|cerr|clog|cin)\b.*",
    r"(?:s?rand|random|getrandom|arc4random|getenv|secure_getenv|f?open(?:64|at)?|fopen64|fdopen|"
    r"tmpfile|mkstemp|popen|usleep|nanosleep|sleep|time|clock|gettimeofday|clock_gettime|"
    r"localtime(?:_r)?|pthread_(?:create|mutex_\w+|cond_\w+)|fork|execve?|socket|connect|bind|"
    r"listen|accept|send|recv|poll|select|getaddrinfo|mmap|fsync|fdatasync|read|write|printf|"
    r"puts|fputs|fprintf|system)",
)) + r")(?:@.*)?$")

# Standard C and POSIX headers that are not a library's.
SYSTEM_HEADERS = re.compile(
    r"^(?:[a-z_]+|(?:sys|arpa|net|netinet|linux)/\w+\.h|"
    r"(?:dirent|dlfcn|errno|fcntl|netdb|poll|pthread|sched|semaphore|signal|stdint|stdio|stdlib|"
    r"string|time|unistd)\.h)$")


class Table:
    """layers.txt."""

    def __init__(self, path):
        self.libraries, self.uses, self.public, self.private = {}, {}, {}, {}
        self.pure, self.siblings, self.top, self.allowed = set(), set(), set(), {}
        self.adapters = set()
        for line in path.read_text().splitlines():
            words = line.split("#")[0].split()
            if not words:
                continue
            kind, rest = words[0], words[1:]
            if kind == "library":
                self.libraries[rest[0]] = rest[1:]
            elif kind == "layer":
                name, uses, public, private = re.match(
                    r"(\w+) uses (.*) public (.*) private (.*)$", " ".join(rest)).groups()
                self.uses[name] = [w for w in uses.split() if w != "-"]
                self.public[name] = set(public.split())
                self.private[name] = set(private.split())
            elif kind == "adapter":
                self.adapters.add((rest[0], rest[1]))
            elif kind == "allow":
                self.allowed[rest[0]] = set(rest[1:])
            elif kind in ("pure", "siblings", "top"):
                getattr(self, kind).update(rest)
            else:
                raise SystemExit(f"{path}: '{kind}' means nothing here")

    def may_use(self, layer):
        """The layers that `layer` may include, itself among them."""
        found, todo = set(), [layer]
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                todo += self.uses[name]
        return found

    def library_of(self, include):
        for name, prefixes in self.libraries.items():
            for prefix in prefixes:
                if include == prefix or (prefix.endswith("/") and include.startswith(prefix)):
                    return name
        return None


def code_of(text):
    """The text with comments and the insides of literals blanked, line for line."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|'
        r"(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])*'", re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


class Checker:
    def __init__(self, root, table):
        self.root, self.table, self.violations = root, table, []

    def report(self, where, rule, sentence):
        self.violations.append(f"{where}: [{rule}] {sentence}")

    def run(self):
        self.check_top()
        for base in (self.root / "include" / "retailsync", self.root / "src"):
            if not base.is_dir():
                continue
            for entry in sorted(base.iterdir()):
                if entry.name not in self.table.uses:
                    self.report(entry.relative_to(self.root), "unknown-layer",
                                f"'{entry.name}' is not a layer of layers.txt")
                    continue
                for path in sorted(entry.rglob("*")):
                    if path.suffix in (".h", ".cc", ".inc"):
                        self.check_file(path, entry.name, public=base.name == "retailsync")

    def check_top(self):
        names = None
        try:
            listed = subprocess.run(
                ["git", "-C", str(self.root), "ls-files", "-co", "--exclude-standard"],
                capture_output=True, text=True, check=True).stdout.splitlines()
            names = {line.split("/")[0] for line in listed}
        except (OSError, subprocess.CalledProcessError):
            pass
        if not names:  # not a clone: an unpacked archive
            names = {p.name for p in self.root.iterdir() if not p.name.startswith("build")}
        for name in sorted(names):
            if not name.startswith(".") and name not in self.table.top:
                self.report(name, "top-level", f"'{name}' does not belong at the top level")

    def check_file(self, path, layer, public):
        text = path.read_text(errors="replace")
        name = path.relative_to(self.root)
        inside = path.relative_to(self.root / ("include/retailsync" if public else "src"))
        for number, line in enumerate(text.splitlines(), 1):
            match = INCLUDE.match(line)
            if match:
                self.check_include(f"{name}:{number}", path, inside, layer, public, match.group(2))
        for number, line in enumerate(code_of(text).splitlines(), 1):
            if line.lstrip().startswith("#"):
                continue
            where = f"{name}:{number}"
            if layer in self.table.pure:
                for match in IMPURE_CALLS.finditer(line):
                    used = match.group().strip()
                    allowed = self.table.allowed.get(layer, ())
                    if not any(used.startswith(f"std::{word}") for word in allowed):
                        self.report(where, "outside-world",
                                    f"'{layer}' must not use {used.rstrip('( ')}")
            if public and re.search(r"\bstd::chrono\b|\babsl::string_view\b", line):
                self.report(where, "public-vocabulary",
                            "public headers use absl::Time, absl::Duration and std::string_view")

    def check_include(self, where, path, inside, layer, public, include):
        table = self.table
        if ".." in include.split("/"):
            self.report(where, "private-header", f"\"{include}\" goes through ..")
            return
        if layer in table.pure and include not in table.allowed.get(layer, ()) and (
                include in IMPURE_HEADERS or include.startswith(IMPURE_PREFIXES)):
            self.report(where, "outside-world", f"'{layer}' must not include <{include}>")
        parts = include.split("/")
        other = None
        if parts[0] == "retailsync" and len(parts) > 2:
            other, below = parts[1], parts[2:]
        elif (path.parent / include).is_file():
            return  # a private header beside this file
        elif (self.root / "src" / include).is_file() or parts[0] in table.uses:
            other, below = parts[0], parts[1:]
            if other != layer or public:
                self.report(where, "private-header", f"\"{include}\" is private to '{other}'")
        if other is not None:
            if other not in table.uses:
                self.report(where, "unknown-layer", f"\"{include}\" is of no layer")
            elif other not in table.may_use(layer):
                self.report(where, "layer-include", f"'{layer}' must not use '{other}' ({include})")
            elif other == layer and layer in table.siblings and len(below) > 1 and (
                    below[0] != inside.parts[1]):
                self.report(where, "sibling-include",
                            f"'{inside.parts[1]}' must not know '{below[0]}'")
            return
        library = table.library_of(include)
        if library is None:
            if not SYSTEM_HEADERS.match(include):
                self.report(where, "third-party", f"<{include}> is of no library of layers.txt")
        elif (path.relative_to(self.root).as_posix(), library) in table.adapters:
            return
        elif library not in table.public[layer] | table.private[layer]:
            self.report(where, "third-party", f"'{layer}' must not name {library} ({include})")
        elif public and library not in table.public[layer]:
            self.report(where, "public-third-party",
                        f"{library} must stay out of public headers of '{layer}' ({include})")

    def check_links(self, path):
        for line in path.read_text().splitlines():
            layer, _, targets = line.partition(":")
            if layer not in self.table.uses:
                self.report(path.name, "unknown-layer", f"target '{layer}' is not of layers.txt")
                continue
            for other in re.findall(r"\bretailsync(?:::|_)(\w+)", targets):
                if other not in self.table.may_use(layer):
                    self.report(path.name, "layer-include",
                                f"target '{layer}' must not link to '{other}'")

    def check_archive(self, layer, path):
        listed = subprocess.run(["nm", "-C", "-u", str(path)], capture_output=True, text=True,
                                check=True).stdout
        symbols = {line.split(maxsplit=1)[1] for line in listed.splitlines()
                   if re.match(r"^\s+U ", line)}
        for symbol in sorted(symbols):
            if IMPURE_SYMBOLS.match(symbol):
                self.report(path.name, "outside-world", f"'{layer}' calls {symbol}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--links", type=pathlib.Path)
    parser.add_argument("--archive", action="append", default=[])
    arguments = parser.parse_args(argv)
    checker = Checker(arguments.root.resolve(), Table(HERE / "layers.txt"))
    checker.run()
    if arguments.links:
        checker.check_links(arguments.links)
    for archive in arguments.archive:
        layer, _, path = archive.partition("=")
        checker.check_archive(layer, pathlib.Path(path))
    for violation in checker.violations:
        print(violation)
    return 1 if checker.violations else 0


if __name__ == "__main__":
    sys.exit(main())
