#!/usr/bin/env bash
# How long the build takes: from nothing, and after one core file was touched. In a build folder of
# its own, without ccache, so that the figure is what a new machine sees.
#
# usage: ./dev bench build [--json]      (tools/bench-build.sh; packages must be installed)
set -euo pipefail

root="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)"
json=no
[[ ${1:-} == --json ]] && json=yes
folder="$(mktemp -d "${TMPDIR:-/tmp}/mw-bench-build.XXXXXX")"
trap 'rm -rf -- "$folder"' EXIT
trap 'exit 130' INT TERM HUP

# figure METRIC SECONDS
figure() {
  if [[ $json == yes ]]; then
    printf '{"metric": "%s", "value": %s, "unit": "s"}\n' "$1" "$2"
  else
    printf '%-32s %8s s\n' "$1" "$2"
  fi
}

# timed COMMAND...: the seconds that it took, with a tenth.
timed() {
  local began ended
  began="$(date +%s%N)"
  "$@" >"$folder/log" 2>&1 || {
    tail -n 40 "$folder/log" >&2
    printf 'bench-build: %s failed\n' "$*" >&2
    return 1
  }
  ended="$(date +%s%N)"
  printf '%d.%d\n' $(((ended - began) / 1000000000)) $(((ended - began) / 100000000 % 10))
}

# A copy, because a file is touched and the working tree is not to be disturbed.
mkdir "$folder/tree"
git -C "$root" ls-files -z --cached --others --exclude-standard |
  (cd "$root" && xargs -0 tar -cf - --ignore-failed-read 2>/dev/null) | tar -xf - -C "$folder/tree"
export CCACHE_DISABLE=1
build=(cmake --build "$folder/build" --parallel "${MW_BUILD_JOBS:-$(nproc)}")

# As one command, because that is what a person waits for.
from_nothing() {
  cmake -S "$folder/tree" -B "$folder/build" --preset release && "${build[@]}"
}
seconds="$(timed from_nothing)"
figure build_from_nothing_s "$seconds"
touch "$folder/tree/src/core/apply.cpp"
seconds="$(timed "${build[@]}")"
figure build_after_core_source_s "$seconds"
touch "$folder/tree/src/core/state.h"
seconds="$(timed "${build[@]}")"
figure build_after_core_header_s "$seconds"
