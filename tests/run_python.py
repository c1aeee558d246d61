#!/usr/bin/python3
"""Runs one file of unittest cases, for ctest. Unlike `python3 -m unittest` it fails when no test
ran: a file that was renamed or emptied must not pass.

usage: run_python.py FILE
"""

import importlib.util
import pathlib
import sys
import unittest


def main():
    path = pathlib.Path(sys.argv[1]).resolve()
    sys.dont_write_bytecode = True
    sys.path[0] = str(path.parent)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    result = unittest.TextTestRunner(verbosity=2).run(
        unittest.defaultTestLoader.loadTestsFromModule(module))
    ran = result.testsRun - len(result.skipped)
    if ran == 0:
        print(f"{path}: no test ran", file=sys.stderr)
    return 0 if result.wasSuccessful() and ran > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
