#!/usr/bin/env python3
"""The rules of this code base that no compiler knows: which folder may include which, what the
brain may not touch, how long a file may get, that documents name files that exist. A finding says
where, what, and what to do instead. Exit status 1 when there is one.

usage: tidy.py [ROOT]
"""

import glob
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import cpp_text  # noqa: E402
import layers  # noqa: E402

# Hard limits in lines; the aim is 200 for a header and 400 for a source. Past a limit the file
# does two things: find the second one.
LINES_MAX = {"header": 300, "source": 500, "test": 800}

_DETERMINISM = "the brain must decide the same on every machine"
# In src/base, src/model, src/core: headers that must not be included, with the replacement.
PURE_BANNED_HEADERS = {
    **dict.fromkeys(["chrono", "ctime", "time.h"],
                    f"{_DETERMINISM}: take an Instant (base/time.h) as an argument"),
    **dict.fromkeys(["thread", "mutex", "shared_mutex", "atomic", "condition_variable", "future",
                     "semaphore", "latch", "barrier", "stop_token"],
                    "the brain has one thread: put what needs more into src/loop"),
    **dict.fromkeys(["fstream", "filesystem", "unistd.h", "fcntl.h"],
                    "the brain does no I/O: put it behind a port of src/loop"),
    **dict.fromkeys(["iostream", "ostream", "istream", "print", "syslog.h"],
                    "the brain does not log: return an Event or a typed reason that says it"),
    "random": f"{_DETERMINISM}: take a Random (base/random.h) as an argument",
    **dict.fromkeys(["unordered_map", "unordered_set"],
                    f"{_DETERMINISM}, and the order of these differs: use std::map, std::set or a "
                    "sorted std::vector"),
}
# The same for words in code.
PURE_BANNED_WORDS = [
    (r"\b(?:clock_gettime|gettimeofday|localtime|gmtime|mktime|strftime)\b",
     f"{_DETERMINISM}: take an Instant (base/time.h) as an argument"),
    (r"(?<![\w.>:])(?:std::)?(?:time|clock)\s*\(\s*(?:NULL|nullptr|0|&|\))",
     f"{_DETERMINISM}: take an Instant (base/time.h) as an argument"),
    (r"(?<![\w.>])(?:std::)?(?:rand|srand|random|drand48)\s*\(\s*\)",
     f"{_DETERMINISM}: take a Random (base/random.h) as an argument"),
    (r"\b(?:getenv|setenv)\s*\(", "the brain has no environment: take the value as an argument"),
    (r"\b(?:fopen|freopen|printf|puts|fputs)\s*\(",
     "the brain does no I/O: return an Event or a typed reason that says it"),
    (r"\bstd::hash\b", f"{_DETERMINISM}, and hashes differ: compare by id"),
]
FLOATING_POINT = re.compile(r"\b(?:float|double)\b")
# A member that is only passed on to people may be a floating point number, if its line says so.
FLOATING_POINT_WAIVER = "shown, never decided on"

# In all code.
BANNED_WORDS = [
    (r"(?<![\w.>])(?:std::|::)?(?:system|popen)\s*\(",
     "runs a shell: start the program itself with its arguments (posix_spawn)"),
    (r"(?<![\w.>])(?:std::|::)?(?:strcpy|strcat|sprintf|vsprintf|gets)\s*\(",
     "does not know the size of its target: use std::string, fmt::format or snprintf"),
    (r"(?<![\w.>])(?:std::|::)?(?:tmpnam|tempnam|mktemp)\s*\(",
     "races with others for the name: use mkstemp or mkdtemp"),
    (r"\busing\s+namespace\s+std\b", "name what is used"),
    (r"\bstd::endl\b", "flushes each line: write '\\n'"),
]
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX)\b")

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
CPP_FOLDERS = ("src", "apps", "bench", "tests", "clients", "examples")


class Findings(list):
    def add(self, path, line, message):
        self.append(f"{path}:{line}: {message}")


def owner_of(path):
    """The row of layers.FOLDERS that a path such as "src/http/client/x.h" belongs to, or None."""
    owners = [folder for folder in layers.FOLDERS if path.startswith(folder + "/")]
    return max(owners, key=len, default=None)


def is_test(path):
    return re.search(r"(?:_test(?:_\w+)?|_fuzz|_bench)\.(?:cpp|h|c)$", path) is not None \
        or path.startswith(("tests/", "bench/")) or "/testing/" in path


# --- one C++ file -----------------------------------------------------------------------------

def check_cpp(path, text, findings):
    lines = cpp_text.code_lines(text)
    check_size_and_opening(path, text, findings)
    owner = owner_of(path)
    for number, line in enumerate(lines, 1):
        include = INCLUDE.match(line)
        if include and owner is not None:
            check_include(path, number, owner, include.group(1), include.group(2), findings)
        for pattern, instead in BANNED_WORDS:
            if re.search(pattern, line):
                findings.add(path, number, f"'{re.search(pattern, line).group(0).strip()}': {instead}")
    for number, line in enumerate(text.split("\n"), 1):
        if UNFINISHED.search(line):
            findings.add(path, number, "unfinished work is said in an issue, not in the code")
    if owner in layers.PURE_FOLDERS and not is_test(path):
        check_pure(path, lines, text.split("\n"), findings)


def check_size_and_opening(path, text, findings):
    kind = "test" if is_test(path) else "header" if path.endswith(".h") else "source"
    length = text.count("\n")
    # The C client is one header by design: that is how people copy it.
    if length > LINES_MAX[kind] and not path.startswith("clients/"):
        findings.add(path, length, f"{length} lines; a {kind} has at most {LINES_MAX[kind]}: "
                                   "look for the second thing that it does")
    if not path.endswith(".h"):
        return
    if len(cpp_text.opening_comment(text)) < 40:
        findings.add(path, 1, "begins without a paragraph of comment: say what this is, why it is "
                              "so, and what always holds")
    # A C user's compiler may not know the pragma.
    if "#pragma once" not in text and not path.startswith("clients/c/"):
        findings.add(path, 1, "has no '#pragma once'")


def check_include(path, number, owner, quoted, angled, findings):
    if quoted is not None:
        target = owner_of("src/" + quoted) if not quoted.startswith("..") else None
        allowed = ["src/" + folder for folder in layers.FOLDERS[owner]] + [owner]
        # A row names a folder with all below it, unless what is below has a row of its own.
        if target is None:
            if owner != "apps" and not quoted.startswith("generated/"):
                findings.add(path, number, f'"{quoted}": includes are named from src/, for example '
                                           '"base/time.h"')
        elif target not in allowed:
            findings.add(path, number,
                         f'"{quoted}": {owner} may include only '
                         f'{", ".join(layers.FOLDERS[owner]) or "itself"}; move what is needed '
                         "there, or hand it in through a port")
        return
    library = next((p for p in [*layers.LIBRARIES, *layers.TEST_LIBRARIES] if angled.startswith(p)),
                   None)
    if library in layers.TEST_LIBRARIES:
        if not is_test(path):
            findings.add(path, number, f"<{angled}>: {layers.TEST_LIBRARIES[library]} belongs into "
                                       "tests (*_test.cpp, *_test_support.h, testing/)")
    elif library is not None:
        name, adapters = layers.LIBRARIES[library]
        if owner not in adapters:
            findings.add(path, number, f"<{angled}>: {name} appears only in {', '.join(adapters)}, "
                                       "which adapt it")
    elif "/" in angled and not angled.startswith(layers.SYSTEM_PREFIXES):
        findings.add(path, number, f"<{angled}>: unknown library; a new dependency goes into "
                                   "tests/tidy/layers.py, tools/packages.txt and "
                                   "docs/dependencies.md")
    elif owner in layers.PURE_FOLDERS and not is_test(path) and \
            (angled.endswith(".h") or "/" in angled) and angled not in PURE_BANNED_HEADERS:
        findings.add(path, number, f"<{angled}>: {owner} uses the C++ standard library alone")


def check_pure(path, lines, raw_lines, findings):
    for number, line in enumerate(lines, 1):
        include = INCLUDE.match(line)
        header = include.group(2) if include else None
        if header in PURE_BANNED_HEADERS:
            findings.add(path, number, f"<{header}>: {PURE_BANNED_HEADERS[header]}")
        for pattern, instead in PURE_BANNED_WORDS:
            match = re.search(pattern, line)
            # base/check.h says what broke before it stops the program; nothing else prints.
            if match and path != "src/base/check.h":
                findings.add(path, number, f"'{match.group(0).strip()}': {instead}")
        if FLOATING_POINT.search(line) and FLOATING_POINT_WAIVER not in raw_lines[number - 1]:
            findings.add(path, number, "floating point differs between machines: use an integer "
                                       "with a unit (base/quantity.h), or say "
                                       f"'{FLOATING_POINT_WAIVER}' on the line")


# --- the tree ---------------------------------------------------------------------------------

def check_cmake(root, findings):
    """What CMake lets a folder link is what the table lets it include, or less."""
    path = root / "CMakeLists.txt"
    if not path.is_file():
        return
    text = path.read_text(encoding="utf-8")
    for match in re.finditer(r"mw_folder\(\s*(\S+?)\s*(?:DEPENDS\s+([^()]*?))?(?:LIBRARIES[^()]*)?\)",
                             re.sub(r"#.*|\$\{.*?\}", "", text)):
        owner = owner_of(f"src/{match.group(1)}/x")
        line = text[:text.find(f"mw_folder({match.group(1)}")].count("\n") + 1
        if owner is None:
            findings.add("CMakeLists.txt", line, f"folder {match.group(1)} has no row in "
                                                 "tests/tidy/layers.py")
            continue
        for dependency in (match.group(2) or "").split():
            if dependency not in layers.FOLDERS[owner]:
                findings.add("CMakeLists.txt", line,
                             f"{match.group(1)} depends on {dependency}, which {owner} may not "
                             "include (tests/tidy/layers.py)")


# Paths in documents: in backquotes or as the target of a link.
MENTIONED = re.compile(r"`([^`\n]+)`|\]\(([^)\s#]+)(?:#[^)]*)?\)")
TOP_LEVEL = ("src/", "apps/", "bench/", "tests/", "docs/", "tools/", "clients/", "examples/",
             "cmake/", "fleets/", "policies/", "traces/", "web/", ".ci/")


def check_documents(root, findings):
    documents = [*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("examples/**/*.md"),
                 *root.glob("src/**/*.md"), *root.glob("tests/**/*.md"), *root.glob("bench/**/*.md")]
    for document in sorted(documents):
        name = str(document.relative_to(root))
        for number, line in enumerate(document.read_text(encoding="utf-8").split("\n"), 1):
            for quoted, link in MENTIONED.findall(line):
                if link:
                    if re.match(r"[a-z]+:", link):
                        continue
                    if not (document.parent / link).exists():
                        findings.add(name, number, f"links to {link}, which does not exist")
                    continue
                for word in quoted.split():
                    check_mentioned_path(root, name, number, word, findings)


def check_mentioned_path(root, name, number, word, findings):
    word = word.removeprefix("./").rstrip(".,:;")
    if not word.startswith(TOP_LEVEL) or re.search(r"[<>{}$=|&]|\.\.\.", word):
        return
    # NAME in a path stands for anything; a pattern has to match something.
    pattern = re.sub(r"[A-Z][A-Z_]+(?=[./_*-]|$)", "*", word) if not (root / word).exists() else word
    if not glob.glob(str(root / pattern)):
        findings.add(name, number, f"names {word}, which does not exist")


def check_types_are_one(root, findings):
    """Two types of one full name are one to the linker, which takes whichever it finds first."""
    seen = {}
    for path in sorted((root / "src").rglob("*.h")):
        space = ""
        for number, line in enumerate(cpp_text.code_lines(
                path.read_text(encoding="utf-8", errors="replace")), 1):
            opened = re.match(r"namespace ([\w:]+) \{", line)
            if opened:
                space = opened.group(1)
            defined = re.match(r"(?:struct|class|enum class) (\w+)(?: final)?(?: : [^;]*)? \{", line)
            if not defined:
                continue
            name = f"{space}::{defined.group(1)}"
            other = seen.setdefault(name, path)
            if other != path:
                findings.add(str(path.relative_to(root)), number,
                             f"{name} is also a type of {other.relative_to(root)}, and to the "
                             "linker they are one: give one of them a name of its own")


def check_tree(root):
    """All findings in the tree below `root`, by path and line."""
    findings = Findings()
    for folder in CPP_FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".h", ".cpp", ".c") and path.is_file():
                check_cpp(str(path.relative_to(root)),
                          path.read_text(encoding="utf-8", errors="replace"), findings)
    check_types_are_one(root, findings)
    check_cmake(root, findings)
    check_documents(root, findings)
    return findings


def main():
    here = pathlib.Path(__file__).resolve()
    root = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else here.parents[2]
    findings = check_tree(root)
    for finding in findings:
        print(finding)
    if findings:
        print(f"tidy: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
