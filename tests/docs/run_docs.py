#!/usr/bin/env python3
"""Runs the commands that the documentation shows and compares what they print.

In a ```console block, a line that begins with "$ " is a command ("> " continues it), and what
follows is its output. Numbers match any numbers, "..." matches any lines. "# exits N" after a
command says that it fails with that code; otherwise it must succeed. One shell runs all blocks of
a file, in a folder of its own; what it left running at the end is a failure.

    run_docs.py FILE.md...
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from control_plane import ROOT, ControlPlane, binary  # noqa: E402

MARK = "@@documentation@@"


def commands(text):
    """(line number, command, expected exit code, expected output lines) of each command."""
    found = []
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            inside = line.strip() == "```console"
        elif inside and line.startswith("$ "):
            exits = re.search(r"\s+# exits (\d+)$", line)
            command = line[2 : exits.start()] if exits else line[2:]
            found.append([number, command, int(exits.group(1)) if exits else 0, []])
        elif inside and line.startswith("> ") and found and not found[-1][3]:
            found[-1][1] += "\n" + line[2:]
        elif inside and found:
            found[-1][3].append(line)
    return found


def pattern(lines):
    """A regular expression for expected output."""
    parts = []
    for line in lines:
        if line.strip() == "...":
            parts.append(r"(?:.*\n)*")
        else:
            words = re.split(r"\d+", line.rstrip())
            parts.append(r"\d+".join(re.escape(word) for word in words) + r"[ ]*\n")
    return "".join(parts)


def run_file(path):
    steps = commands(path.read_text())
    if not steps:
        return [f"{path}: shows no commands"]
    failures = []
    with tempfile.TemporaryDirectory(prefix="mw-docs-") as folder:
        # The documents say build/release; what is tested is the build at hand.
        (pathlib.Path(folder) / "build").mkdir()
        (pathlib.Path(folder) / "build/release").symlink_to(pathlib.Path(binary()).parent)
        (pathlib.Path(folder) / "examples").symlink_to(ROOT / "examples")
        environment = dict(os.environ, NO_COLOR="1", COLUMNS="100", MILLWRIGHT_HOME=f"{folder}/home")
        shell = subprocess.Popen(
            ["bash", "--norc"], cwd=folder, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        home = f"{folder}/home"
        for number, command, exits, expected in steps:
            shell.stdin.write(f'{command}\nmark="$? $MILLWRIGHT_HOME"; echo; echo "{MARK} $mark"\n')
            shell.stdin.flush()
            output = ""
            for line in shell.stdout:
                if line.startswith(MARK):
                    code, home = int(line.split()[1]), line.split()[2]
                    break
                output += line
            else:
                failures.append(f"{path}:{number}: the shell ended at: {command}")
                break
            output = output[:-1] if output.endswith("\n") else output  # echo's empty line
            if output and not output.endswith("\n"):
                output += "\n"
            if code != exits:
                failures.append(f"{path}:{number}: {command}\n  exited with {code}, not {exits}:\n{output}")
            elif not re.fullmatch(pattern(expected), output):
                wanted = "\n".join(expected)
                failures.append(f"{path}:{number}: {command}\n  printed:\n{output}\n  not:\n{wanted}")
        shell.stdin.close()
        shell.wait(60)
        plane = ControlPlane(home=home)
        left = plane.processes()
        subprocess.run([binary(), "down", "--stop-jobs"], env=plane.environment,
                       capture_output=True, check=False, timeout=60)
        if left:
            failures.append(f"{path}: left running at its end: {left}")
        plane.close()
    return failures


def main():
    failures = []
    for name in sys.argv[1:]:
        failures += run_file(pathlib.Path(name).resolve())
    for failure in failures:
        print(failure, file=sys.stderr)
    print(f"{len(sys.argv) - 1} documents, {len(failures)} failures")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
