#!/bin/sh
# Fuzzes what reads models, in the build tree build-fuzz: make fuzz.
#
#   run.sh SECONDS [TARGET...]
#
# Each target (model, recipe, smp) runs for so long. What it finds to lead anywhere new stays in
# build-fuzz/found/TARGET for the next time. On a fault the last lines name the input.
set -eu
cd "$(dirname "$0")/../.."

seconds=$1
shift
build='build-fuzz'
[ $# -gt 0 ] || set -- model recipe smp

[ -f $build/build.ninja ] ||
  CC=clang meson setup $build -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false
ninja -C $build
$build/tests/fuzz/seeds $build/seeds

# Two seconds and 256 MB are what one input may cost; the rest of the memory is the sanitizer's.
status=0
for target; do
  mkdir -p $build/found/"$target"
  UBSAN_OPTIONS=print_stacktrace=1 $build/tests/fuzz/fuzz-"$target" \
    -max_total_time="$seconds" -timeout=2 -malloc_limit_mb=256 -rss_limit_mb=1024 \
    -dict=tests/fuzz/"$target".dict -artifact_prefix=$build/"$target"- -print_final_stats=1 \
    $build/found/"$target" tests/fuzz/corpus/"$target" $build/seeds/"$target" || status=1
done
exit $status
