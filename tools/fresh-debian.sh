#!/usr/bin/env bash
# Proves that this repository needs nothing but Debian 12 and git: makes a minimal Debian in a
# temporary folder, clones the committed state into it, and runs ./dev there. Nothing leaks: mounts
# and processes live in namespaces of their own and end with this script, the folder is removed.
#
# usage: tools/fresh-debian.sh [--keep] [--log FILE] [COMMAND...]
#   COMMAND   what to run in the clone, one after the other, each one argument
#             (default: "./dev up" "build/release/mw down" "./dev test")
#   --keep    leave the folder, and say where it is
#   --log     where the output goes as well (default: build/logs/fresh-debian.log)
# Needs root, debootstrap, about 4 GB in $TMPDIR, and a Debian mirror: the host's apt sources and
# proxy are used. MW_BUILD_JOBS and the proxy variables are handed on.
set -euo pipefail

here="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)"
keep=no
log="$here/build/logs/fresh-debian.log"
while (($# > 0)); do
  case "$1" in
    --keep) keep=yes ;;
    --log)
      log="${2:?--log needs a file}"
      shift
      ;;
    -h | --help)
      sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    -*)
      printf 'fresh-debian: unknown option %s; see --help\n' "$1" >&2
      exit 2
      ;;
    *) break ;;
  esac
  shift
done
commands=("$@")
((${#commands[@]} > 0)) || commands=("./dev up" "build/release/mw down" "./dev test")

((EUID == 0)) || {
  printf 'fresh-debian: this needs root (chroot, mount)\n' >&2
  exit 2
}
command -v debootstrap >/dev/null || {
  printf 'fresh-debian: debootstrap is missing; run: apt-get install debootstrap\n' >&2
  exit 2
}

# The first Debian mirror of the host, or the public one.
mirror="$(grep -rhoE --include='*.list' --include='*.sources' '(URIs: *|^deb +(\[[^]]*\] +)?)https?://[^ ]+/debian/?( |$)' \
  /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | grep -oE 'https?://[^ ]+' | head -n 1)" || true
mirror="${mirror:-http://deb.debian.org/debian}"

folder="$(mktemp -d "${TMPDIR:-/tmp}/mw-fresh-debian.XXXXXX")"
root="$folder/root"
# The mounts are gone when the namespace is, so this removes files of the folder alone.
clean_up() {
  if [[ $keep == yes ]]; then
    printf 'fresh-debian: left %s\n' "$root"
  else
    rm -rf --one-file-system -- "$folder"
  fi
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# Below runs inside the namespaces.
inside() {
  mount -t proc proc "$root/proc"
  mount --rbind /sys "$root/sys" # with the cgroups, as the host has them
  mount --rbind /dev "$root/dev"
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/tmp"
  local word status=0 began environment=(HOME=/root USER=root LANG=C.UTF-8 "TERM=${TERM:-dumb}"
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
  for word in MW_BUILD_JOBS http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    [[ -z ${!word:-} ]] || environment+=("$word=${!word}")
  done
  for word in "${commands[@]}"; do
    printf '\n=== %s\n' "$word"
    began=$SECONDS
    chroot "$root" env -i "${environment[@]}" bash -c "cd /root/millwright && $word" </dev/null ||
      status=$?
    printf '=== %s: exit status %d after %ds\n' "$word" "$status" $((SECONDS - began))
    ((status == 0)) || return "$status"
  done
}

run() {
  local began=$SECONDS file
  printf 'fresh-debian: Debian 12 from %s in %s\n' "$mirror" "$root"
  # The host's word on how to reach the mirror; its other settings stay behind.
  debootstrap --variant=minbase --include=git,ca-certificates bookworm "$root" "$mirror" \
    >"$folder/debootstrap.log" 2>&1 || {
    tail -n 20 "$folder/debootstrap.log"
    printf 'fresh-debian: debootstrap failed\n'
    return 1
  }
  for file in /etc/apt/apt.conf.d/*; do
    if grep -qi 'acquire' "$file" 2>/dev/null; then cp "$file" "$root/etc/apt/apt.conf.d/"; fi
  done
  if [[ -f /etc/apt/sources.list.d/debian.sources ]]; then
    cp /etc/apt/sources.list.d/debian.sources "$root/etc/apt/sources.list.d/"
    : >"$root/etc/apt/sources.list"
  fi
  cp -L /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
  git clone --quiet --no-hardlinks "$here" "$root/root/millwright"
  printf 'fresh-debian: %s packages, %s, %s\n' \
    "$(grep -c '^Status: install ok installed' "$root/var/lib/dpkg/status")" \
    "commit $(git -C "$here" rev-parse --short HEAD)" "ready after $((SECONDS - began))s"
  export root mirror TERM
  # A process namespace: what ./dev up leaves running ends here too.
  export -f inside
  # shellcheck disable=SC2016 # the inner bash expands it
  FRESH_COMMANDS="$(declare -p commands)" \
    unshare --mount --pid --fork --kill-child bash -c \
    'set -euo pipefail; eval "$FRESH_COMMANDS"; inside' || return
  printf '\nfresh-debian: all passed after %ds\n' $((SECONDS - began))
}

mkdir -p "$(dirname "$log")"
run 2>&1 | tee "$log"
