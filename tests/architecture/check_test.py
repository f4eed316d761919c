#!/usr/bin/env python3
"""Shows that check.py finds what it must: each case is a small tree that breaks one rule."""

import contextlib
import io
import os
import pathlib
import subprocess
import tempfile
import unittest

import check as check_layers

CLEAN = {
    "CMakeLists.txt": "",
    ".clang-format": "",
    "include/retailsync/base/clock.h": "#include <atomic>\n#include \"absl/time/time.h\"\n",
    "include/retailsync/spi/store.h": "#include \"retailsync/model/v1/change.pb.h\"\n",
    "include/retailsync/engine/engine.h": "#include \"retailsync/spi/store.h\"\n",
    "src/model/v1/shape.cc": "#include <mutex>\nstd::shared_mutex lock;\n",
    "src/engine/core.h": "#include <vector>\n",
    "src/engine/core.cc": "#include \"engine/core.h\"\n#include \"retailsync/base/clock.h\"\n"
                          "#include <fmt/format.h>\n"
                          "// std::thread is not used; rand() neither\n"
                          "auto text = \"time(nullptr)\";\n"
                          "auto now = clock.Now(), later = options.time(0), sent = queue->send(1);\n"
                          "auto end = std::remove(a, b, c); int64_t big = 10'000'000;\n",
    "src/store/sqlite_store.cc": "#include <sqlite3.h>\n#include <unistd.h>\n",
    "src/host/runner.cc": "#include <thread>\n#include \"absl/time/clock.h\"\n"
                          "#include \"retailsync/store/memory_store.h\"\n",
    "include/retailsync/testing/catch2.h": "#include <catch2/catch.hpp>\n",
    "include/retailsync/testing/gtest.h": "#include <gtest/gtest.h>\n",
    "src/connector/shopify/orders.cc": "#include \"retailsync/connector/shopify/orders.h\"\n"
                                       "#include \"retailsync/http/client.h\"\n",
}

# rule, file that breaks it, its text
BROKEN = [
    ("layer-include", "include/retailsync/base/up.h", '#include "retailsync/model/v1/entity.h"\n'),
    ("layer-include", "include/retailsync/spi/up.h", '#include "retailsync/engine/engine.h"\n'),
    ("layer-include", "src/model/v1/up.cc", '#include "retailsync/spi/rows.h"\n'),
    ("layer-include", "src/engine/up.cc", '#  include <retailsync/store/memory_store.h>\n'),
    ("layer-include", "src/engine/sideways.cc", '#include "retailsync/governance/access_table.h"\n'),
    ("layer-include", "src/governance/sideways.cc", '#include "retailsync/engine/engine.h"\n'),
    ("layer-include", "src/store/sideways.cc", '#include "retailsync/engine/engine.h"\n'),
    ("layer-include", "src/host/up.cc", '#include "retailsync/testing/world.h"\n'),
    ("private-header", "src/host/peek.cc", '#include "engine/core.h"\n'),
    ("private-header", "src/engine/dots.cc", '#include "../store/rows.h"\n'),
    ("private-header", "include/retailsync/engine/leak.h", '#include "engine/core.h"\n'),
    ("sibling-include", "src/connector/d365/orders.cc",
     '#include "retailsync/connector/shopify/orders.h"\n'),
    ("third-party", "src/engine/database.cc", "#include <sqlite3.h>\n"),
    ("third-party", "src/store/crypto.cc", "#include <openssl/sha.h>\n"),
    ("third-party", "src/base/proto.cc", "#include <google/protobuf/message.h>\n"),
    ("third-party", "src/host/boost.cc", "#include <boost/asio.hpp>\n"),
    ("third-party", "src/testing/kit.cc", "#include <catch2/catch.hpp>\n"),
    ("third-party", "include/retailsync/testing/kit.h", "#include <catch2/catch.hpp>\n"),
    ("third-party", "include/retailsync/testing/catch2.h", "#include <gtest/gtest.h>\n"),
    ("public-third-party", "include/retailsync/store/raw.h", "#include <sqlite3.h>\n"),
    ("public-third-party", "include/retailsync/engine/text.h", "#include <fmt/format.h>\n"),
    ("public-vocabulary", "include/retailsync/host/wait.h", "void F(std::chrono::seconds s);\n"),
    ("public-vocabulary", "include/retailsync/spi/name.h", "void F(absl::string_view name);\n"),
    ("unknown-layer", "src/util/strings.cc", "\n"),
    ("unknown-layer", "include/retailsync/util/strings.h", "\n"),
    ("top-level", "docs/notes.md", "\n"),
    ("top-level", "NOTES.md", "\n"),
] + [("outside-world", "src/engine/bad.cc", f"#include <{header}>\n") for header in (
    "thread", "mutex", "atomic", "chrono", "random", "fstream", "filesystem", "cstdio", "ctime",
    "iostream", "condition_variable", "unistd.h", "fcntl.h", "pthread.h", "sys/socket.h",
    "sys/time.h", "netinet/in.h", "absl/time/clock.h", "absl/random/random.h",
    "absl/synchronization/mutex.h")
] + [("outside-world", "src/engine/bad.cc", f"auto x = {call};\n") for call in (
    "absl::Now()", "time(nullptr)", "::time(&t)", "std::time(nullptr)", "rand()", "std::rand()",
    "random()", "std::random_device{}()", "std::mt19937(1)", "std::this_thread::get_id()",
    "std::thread(F)", "std::chrono::system_clock::now()", "fopen(a, b)", "std::ifstream(a)",
    "getenv(a)", "std::getenv(a)", "usleep(1)", "sleep(1)", "nanosleep(&a, &b)",
    "clock_gettime(0, &t)", "gettimeofday(&t, 0)", "::open(a, 0)", "::socket(1, 2, 3)",
    "absl::SleepFor(d)", "std::cout << 1", "printf(a)", "pthread_create(a, b, c, d)")
] + [
    ("outside-world", "include/retailsync/engine/bad.h", "inline auto F() { return absl::Now(); }\n"),
    ("outside-world", "src/model/v1/bad.cc", "auto x = absl::Now();\n"),
    ("outside-world", "src/base/bad.cc", "#include <mutex>\n"),
    ("outside-world", "src/governance/bad.cc", "#include <mutex>\n"),
]


def check(tree, *arguments):
    """What check.py says of a tree: its exit code and its lines."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in tree.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            code = check_layers.main([folder, *arguments])
        return code, said.getvalue().splitlines()


class CheckTest(unittest.TestCase):
    def test_clean_tree_has_no_violation(self):
        self.assertEqual(check(CLEAN), (0, []))

    def test_each_broken_rule_is_reported_by_name_and_place(self):
        for rule, name, text in BROKEN:
            with self.subTest(rule=rule, file=name, text=text):
                code, lines = check({**CLEAN, name: text})
                self.assertEqual(code, 1)
                top = rule == "top-level"
                place = name.split("/")[0] if top else name.rsplit("/", 1)[0]
                self.assertTrue(any(f"[{rule}]" in line and line.startswith(place)
                                    for line in lines), lines)

    def test_links_upward_are_reported(self):
        with tempfile.TemporaryDirectory() as folder:
            links = pathlib.Path(folder, "links.txt")
            links.write_text("base:absl::status;fmt::fmt\nengine:retailsync::spi\n")
            self.assertEqual(check(CLEAN, "--links", str(links)), (0, []))
            links.write_text("engine:retailsync::spi;retailsync_store\n")
            code, lines = check(CLEAN, "--links", str(links))
            self.assertEqual(code, 1)
            self.assertIn("[layer-include]", lines[0])

    def test_calls_in_compiled_code_are_reported(self):
        for source, called in (
                ("#include <ctime>\nlong F() { using namespace std; return time(nullptr); }",
                 "time"),
                ("#include <thread>\nvoid F() { std::thread([] {}).join(); }", "std::thread"),
                ("#include <chrono>\nauto F() { return std::chrono::steady_clock::now(); }",
                 "steady_clock::now"),
                ("#include <cstdlib>\nint F() { return (rand)(); }", "rand"),
                ("#include <fstream>\nvoid F() { std::ofstream(\"x\") << 1; }", "basic_ofstream"),
                ("#include <vector>\nauto F() { return std::vector<int>(3); }", None)):
            with self.subTest(called=called), tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder, "f.o")
                subprocess.run([os.environ.get("CXX", "c++"), "-x", "c++", "-", "-c", "-o", str(path)], input=source,
                               text=True, check=True)
                code, lines = check(CLEAN, "--archive", f"engine={path}")
                if called is None:
                    self.assertEqual((code, lines), (0, []))
                else:
                    self.assertEqual(code, 1)
                    self.assertTrue(any(called in line for line in lines), lines)


if __name__ == "__main__":
    unittest.main()
