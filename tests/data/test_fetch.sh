#!/usr/bin/env bash
# data/fetch.sh on local sources only: good, corrupted, absent, interrupted. Exit 77 (skipped) when
# there is no copy of the real data to work with. Nothing here touches the network.
# shellcheck disable=SC2317  # the little functions are called through `check`
set -uo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

real=
for place in "${CANOPY_DATA_DIR:-}" "$top/data" "$top/../shared/data"; do
  [[ -n $place && -f $place/forest-cover/covtype.data.gz && -z $real ]] && real=$place
done
[[ -n $real ]] || { echo "skipped: no forest-cover/covtype.data.gz"; exit 77; }

check() {  # check WHAT COMMAND...
  if "${@:2}"; then echo "ok      $1"; else echo "FAILED  $1"; failures=$((failures + 1)); fi
}
says() { grep -q -- "$1" "$work/log"; }
no_parts() { [[ -z $(find "$work" -name '*.part') ]]; }
hash_of() { sha256sum "$1" | cut -d' ' -f1; }

# A copy of the script stands alone, so that ../shared/data is not found beside it.
mkdir -p "$work/project/data" "$work/good/forest-cover" "$work/bad/forest-cover"
cp "$top/data/fetch.sh" "$work/project/data/"
cp "$real/forest-cover/covtype.data.gz" "$work/good/forest-cover/"
head -c 100000 "$work/good/forest-cover/covtype.data.gz" >"$work/bad/forest-cover/covtype.data.gz"

# Programs without curl and wget: what a machine without a network looks like.
mkdir "$work/bin"
for tool in bash cat gzip sha256sum md5sum cut head awk cp mv rm chmod mkdir dirname od; do
  ln -s "$(command -v "$tool")" "$work/bin/$tool"
done
run() {  # run SOURCE ARGUMENTS...
  env -i PATH="$work/bin" CANOPY_DATA_DIR="$1" "$work/project/data/fetch.sh" "${@:2}" >"$work/log" 2>&1
  status=$?
}

kaggle=45d9949029e81059332efa1dcb22af082f7ad344859984b5dc761d1f328d88f5
run "$work/good" --to "$work/a" forest-cover
check "a good source: exit 0" test "$status" -eq 0
check "a good source: copied" cmp -s "$work/good/forest-cover/covtype.data.gz" "$work/a/forest-cover/covtype.data.gz"
check "Kaggle's set cut from UCI's has the published hash" test "$(hash_of "$work/a/forest-cover/train.csv")" = "$kaggle"
check "one line per file" test "$(wc -l <"$work/log")" -eq 2

run "$work/good" --to "$work/a" forest-cover
check "again: nothing to do" test "$(grep -c ' have$' "$work/log")" -eq 2

echo 1 >"$work/a/forest-cover/train.csv"
run "$work/a" --to "$work/a" forest-cover
check "a broken target is mended from the file beside it" test "$(hash_of "$work/a/forest-cover/train.csv")" = "$kaggle"

run "$work/bad" --to "$work/b" forest-cover
check "a truncated source: exit 3" test "$status" -eq 3
check "a truncated source: says so" says "right checksum: passed over"
check "a truncated source: nothing kept" test ! -e "$work/b/forest-cover/covtype.data.gz"

run "" --to "$work/c" mnist
check "no source, no network tools: exit 3" test "$status" -eq 3
check "no source: names the file" says "mnist/train-images-idx3-ubyte.gz *MISSING"
run "" --local --to "$work/c" all
check "--local with no source: exit 0" test "$status" -eq 0
check "--local with no source: mentions it" says "covtype.data.gz *no local copy"

run "$work/bad" --to "$work/d" iris
check "an unknown set: exit 2" test "$status" -eq 2

# A network with nothing but QMNIST's labels, put together from the file that is made of them. One
# digit stands after MNIST's 10,000.
writers=mnist/mnist-t10k-writer.csv
if [[ -f $real/$writers ]]; then
  big_endian='function number(n) { printf "\\0%03o\\0%03o\\0%03o\\0%03o", n / 16777216 % 256, n / 65536 % 256, n / 256 % 256, n % 256 }'
  printf '%b' "$({ cat "$real/$writers"; echo 10000,1,2,3,4; } | awk -F, "$big_endian"'
    NR == 1 { number(3074); number(10001); number(8); next }
    { for (i = 2; i <= 5; ++i) number($i); for (i = 0; i < 4; ++i) number(7) }')" | gzip -c >"$work/labels.gz"
  # shellcheck disable=SC2016  # "$*" belongs to the script being written
  printf '#!/bin/sh\ncase "$*" in *--output\\ -*/qmnist-test-labels-idx2-int.gz) exec cat %s ;; esac\nexit 22\n' \
    "$work/labels.gz" >"$work/bin/curl"
  chmod +x "$work/bin/curl"
  run "" --to "$work/w" mnist
  rm "$work/bin/curl"
  check "writers are made from QMNIST's labels" cmp -s "$real/$writers" "$work/w/$writers"
  check "writers that cannot be had are optional" says "mnist-train-writer.csv .*(optional)"
  check "digits that cannot be had are not" test "$status" -eq 3
else
  echo "skipped: no $writers"
fi

# Stopped in the middle of a copy: a cp that writes half and waits stands in for a slow disk.
rm "$work/bin/cp"
# shellcheck disable=SC2016  # "$3" belongs to the script being written
printf '#!/bin/sh\necho half >"$3"\n: >"%s/copying"\nexec %s 60\n' "$work" "$(command -v sleep)" >"$work/bin/cp"
chmod +x "$work/bin/cp"
PATH="$work/bin" CANOPY_DATA_DIR="$work/good" "$(command -v setsid)" "$work/project/data/fetch.sh" \
  --to "$work/e" forest-cover >"$work/log" 2>&1 &
group=$!
for _ in {1..100}; do [[ -e $work/copying ]] && break; sleep 0.1; done
kill -TERM -- "-$group"
wait "$group"
check "stopped half-way: exit 143" test "$?" -eq 143
check "stopped half-way: nothing kept" test -z "$(find "$work/e" -type f)"

check "no .part files are left" no_parts
exit "$((failures > 0))"
