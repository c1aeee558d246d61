"""tidy.py finds each thing that it is there to find, in a tiny tree made for it, and nothing in a
good one. A rule that no bad example trips would be no rule."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import cpp_text  # noqa: E402
import tidy  # noqa: E402

TOP = "// What this is and why it is so, and what always holds here.\n#pragma once\n"

# Name -> (path, text, line of the finding, words of its message).
BAD = {
    "include of a folder above": (
        "src/core/x.cpp", '#include "loop/clock.h"\n', 1, "src/core may include only base, model"),
    "include between neighbours": (
        "src/codec/x.cpp", '\n#include "core/state.h"\n', 2, "src/codec may include only"),
    "include of all of http from the cli": (
        "src/cli/x.cpp", '#include "http/router.h"\n', 1, "src/cli may include only"),
    "the http client stands on base alone": (
        "src/http/client/x.cpp", '#include "codec/json.h"\n', 1, "src/http/client may include only"),
    "include not named from src": (
        "src/core/x.cpp", '#include "state.h"\n', 1, "named from src/"),
    "library outside its adapter": (
        "src/loop/x.cpp", "#include <yaml-cpp/yaml.h>\n", 1, "yaml-cpp appears only in src/codec"),
    "a test's library in the product": (
        "src/http/x.cpp", "#include <gtest/gtest.h>\n", 1, "GoogleTest belongs into tests"),
    "unknown library": (
        "src/http/x.cpp", "#include <uv/version.h>\n", 1, "unknown library"),
    "operating system in the model": (
        "src/model/x.h", TOP + "#include <unistd.h>\n", 3, "the brain does no I/O"),
    "C header in the brain": (
        "src/core/x.cpp", "#include <math.h>\n", 1, "the C++ standard library alone"),
    "clock header": ("src/core/x.cpp", "#include <chrono>\n", 1, "take an Instant"),
    "clock call": ("src/core/x.cpp", "long t = std::time(nullptr);\n", 1, "take an Instant"),
    "thread": ("src/model/x.cpp", "#include <thread>\n", 1, "src/loop"),
    "file": ("src/core/x.cpp", "#include <fstream>\n", 1, "behind a port"),
    "random header": ("src/core/x.cpp", "#include <random>\n", 1, "base/random.h"),
    "random call": ("src/core/x.cpp", "int a = rand();\n", 1, "base/random.h"),
    "unordered container": ("src/core/x.cpp", "#include <unordered_map>\n", 1, "std::map"),
    "stream": ("src/core/x.cpp", "#include <iostream>\n", 1, "does not log"),
    "print": ("src/core/x.cpp", 'void f() { std::printf("x"); }\n', 1, "does no I/O"),
    "environment": ("src/core/x.cpp", 'auto a = getenv("HOME");\n', 1, "as an argument"),
    "floating point": ("src/core/x.h", TOP + "struct A { double load; };\n", 3, "base/quantity.h"),
    "shell": ("src/engines/x.cpp", "int a = std::system(command);\n", 1, "posix_spawn"),
    "pipe to a shell": ("apps/x.cpp", "auto* f = popen(command, mode);\n", 1, "posix_spawn"),
    "unbounded copy": ("src/http/x.cpp", "strcpy(a, b);\n", 1, "size of its target"),
    "racing name": ("tests/x_test.cpp", "tmpnam(a);\n", 1, "mkstemp"),
    "unfinished": ("src/cli/x.cpp", "// TODO: more\n", 1, "in an issue"),
    "header without a paragraph": (
        "src/cli/x.h", "#pragma once\n", 1, "without a paragraph"),
    "header without a guard": (
        "src/cli/x.h", TOP.replace("#pragma once", ""), 1, "#pragma once"),
    "long header": ("src/cli/x.h", TOP + "\n" * 299, 301, "a header has at most 300"),
    "long source": ("src/cli/x.cpp", "\n" * 501, 501, "a source has at most 500"),
    "long test": ("src/cli/x_test.cpp", "\n" * 801, 801, "a test has at most 800"),
    "CMake links too much": (
        "CMakeLists.txt", "project(x)\nmw_folder(core DEPENDS base loop)\n", 2,
        "core depends on loop"),
    "CMake folder without a row": (
        "CMakeLists.txt", "mw_folder(magic DEPENDS base)\n", 1, "no row"),
    "document names a lost file": (
        "README.md", "See\n`src/gone/x.h`.\n", 2, "names src/gone/x.h"),
    "document links to a lost file": (
        "docs/a.md", "[b](b.md#part)\n", 1, "links to b.md"),
    "document names a pattern of nothing": (
        "docs/a.md", "`tests/NAME/run.sh`\n", 1, "does not exist"),
}

GOOD = {
    "src/base/x.h": TOP + "#include <string>\n",
    "src/model/x.h": TOP + "struct A {\n  double loss;  ///< shown, never decided on\n};\n",
    "src/core/x.cpp": '#include "core/x.h"\n#include "model/x.h"\n#include <map>\n'
                      '// std::thread and double are named in a comment, "rand()" too.\n'
                      'const char* kText = "system(rm) and float";\n'
                      "long n = 1'000'000; char c = '\"'; const char* k = \"time(NULL)\";\n"
                      "auto t = state.time(nullptr); auto d = downtime(0);\n",
    "src/core/x_test.cpp": "#include <gtest/gtest.h>\n#include <rapidcheck.h>\n"
                           "double ratio = 0.5;\n",
    "src/http/x.cpp": '#include "http/x.h"\n#include <boost/beast/http.hpp>\n#include <thread>\n'
                      "#include <sys/socket.h>\nauto s = ec.system();\n",
    "src/http/client/x.cpp": '#include "http/client/x.h"\n#include "base/x.h"\n',
    "src/engines/local/testing/x.h": TOP + "#include <gtest/gtest.h>\n",
    "src/cli/x.cpp": '#include "http/client/x.h"\n#include <CLI/App.hpp>\n' + "\n" * 480,
    "src/journal/sqlite/x.cpp": '#include "core/x.h"\n#include <sqlite3.h>\n',
    "apps/mw.cpp": '#include "cli/x.h"\n#include "http/x.h"\n',
    "CMakeLists.txt": "mw_folder(core DEPENDS base model)\n# mw_folder(not DEPENDS this)\n"
                      "mw_folder(http/client DEPENDS base LIBRARIES ${X} Boost::headers)\n",
    "README.md": "`src/base/x.h`, `src/*/x.h`, `build/release/mw`, `src/FOLDER/x.h`, "
                 "[core](src/core/x.cpp), [there](https://example.org/x), `mw submit FILE`\n",
}


def findings_of(files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for path, text in files.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return list(tidy.check_tree(root))


class TidyTest(unittest.TestCase):
    def test_finds_each_bad_example(self):
        for name, (path, text, line, words) in BAD.items():
            with self.subTest(name):
                findings = findings_of({path: text})
                self.assertEqual(len(findings), 1, findings)
                self.assertTrue(findings[0].startswith(f"{path}:{line}: "), findings[0])
                self.assertIn(words, findings[0])

    def test_finds_two_types_of_one_name(self):
        cell = TOP + "namespace mw {\nstruct Cell {\n};\n}  // namespace mw\n"
        findings = findings_of({"src/cli/table.h": cell, "src/core/room.h": cell})
        self.assertEqual(len(findings), 1, findings)
        self.assertIn("src/core/room.h:4: mw::Cell is also a type of src/cli/table.h", findings[0])
        other = cell.replace("namespace mw {", "namespace mw::http {")
        self.assertEqual(findings_of({"src/cli/table.h": cell, "src/http/table.h": other}), [])

    def test_finds_nothing_in_a_good_tree(self):
        self.assertEqual(findings_of(GOOD), [])

    def test_code_keeps_its_lines(self):
        text = '/* a\nb */ int x; // c\nauto s = R"(one\ntwo)"; int y;\n#include "a/b.h"  // why\n'
        lines = cpp_text.code_lines(text)
        self.assertEqual([line.strip() for line in lines],
                         ["", "int x;", 'auto s = "', '"; int y;', '#include "a/b.h"', ""])


if __name__ == "__main__":
    unittest.main()
