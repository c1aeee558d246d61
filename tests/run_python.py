#!/usr/bin/python3
"""Runs one file of unittest cases, for ctest. Unlike `python3 -m unittest` it fails when no test
ran: a file that was renamed or emptied must not pass. A file whose tests cannot run here, all of them
skipped, is neither: it exits with 77, which ctest shows as skipped, and with 1 where MW_NO_SKIPS is set.

usage: run_python.py FILE
"""

import importlib.util
import os
import pathlib
import sys
import unittest

SKIPPED = 77  # SKIP_RETURN_CODE of tests/CMakeLists.txt


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
    if not result.wasSuccessful():
        return 1
    if ran <= 0:
        why = "; ".join(sorted({reason for _, reason in result.skipped}))
        print(f"{path}: no test ran{': ' + why if why else ''}", file=sys.stderr)
        return SKIPPED if result.skipped and not os.environ.get("MW_NO_SKIPS") else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
