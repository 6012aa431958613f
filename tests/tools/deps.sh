#!/bin/sh
# Says which Debian packages are missing, or installs them.
#
#   deps.sh [--install] GROUP...
#
# Groups: build (compiling and `make check`), oracle (comparing with PyTorch), bench (the rest that
# `make bench` compares with), fuzz (libFuzzer), ci (the rest that .ci/run needs).
# dpkg is asked first, so that a machine that has everything needs neither apt nor root.
# shellcheck disable=SC2086 # lists of packages are meant to be split into words
set -eu

build='gcc libc6-dev meson ninja-build pkg-config libglib2.0-dev libvips-dev
       libopenblas-serial-dev libjansson-dev'
oracle='python3-torch python3-torchvision python3-numpy python3-pil'
bench='nodejs npm'
# libFuzzer comes with clang's runtime, whose package has the version in its name
fuzz='clang libclang-rt-14-dev'
ci='clang g++ mandoc zsh fish strace'

install=
[ "${1-}" != --install ] || { install=yes; shift; }

wanted=
for group; do
  case $group in
    build) wanted="$wanted $build" ;;
    oracle) wanted="$wanted $oracle" ;;
    bench) wanted="$wanted $bench" ;;
    fuzz) wanted="$wanted $fuzz" ;;
    ci) wanted="$wanted $ci" ;;
    *) echo "deps.sh: no group '$group'; there are build, oracle, bench, fuzz and ci" >&2; exit 2 ;;
  esac
done

# Another distribution: Meson names each library it does not find, so only Meson is looked for.
if ! command -v dpkg-query >/dev/null; then
  command -v meson >/dev/null && exit 0
  echo "This is not Debian. Install what your system calls:" $wanted >&2
  exit 1
fi

# dpkg-query fails when it does not know one of the names; what it prints is right all the same
present=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null || true)
missing=
for package in $wanted; do
  echo "$present" | grep -qx "installed $package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ -z "$install" ]; then
  echo "Missing packages:$missing" >&2
  exit 1
fi

sudo=
if [ "$(id -u)" -ne 0 ]; then
  sudo=sudo
  if ! command -v sudo >/dev/null; then
    echo "Missing packages; run as root: apt-get install --no-install-recommends$missing" >&2
    exit 1
  fi
fi

echo "Installing$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt="$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300"
# An update that fails is no reason to stop: the lists at hand may do. apt-get install decides.
if ! { $apt update || true; $apt install --no-install-recommends $missing; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "Could not install:$missing" >&2
  exit 1
fi
