#!/usr/bin/env bash
# When to give the processes to one network rather than to several: times the search of one trial and of
# four (three folds each) by two workers, either with a fold each (--ranks-per-trial 1) or both in each
# fold (2), for a network that computes much per number it sends (cnn) and one that does not (mlp).
#
#   jobs/study-ranks-per-trial.sh
#   REPEATS=3 OUT=results/ranks jobs/study-ranks-per-trial.sh
#
# Prints the seconds of the search alone. Wants a machine that does nothing else. Run files stay in OUT (default results/ranks).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=jobs/common.sh
source jobs/common.sh

canopy=${CANOPY:-build/canopy}
out=${OUT:-results/ranks}
mkdir -p "$out"
prepare_mpi

# timed MODEL TRIALS RANKS REPEAT OPTION...: one search; prints a line.
timed() {
  local name=$1-trials$2-ranks$3-$4 model=$1 trials=$2 ranks=$3
  local file=$out/$name.h5
  shift 4
  mpirun -np 3 --oversubscribe --bind-to none "$canopy" tune --model "$model" --trials "$trials" --folds 3 \
    --ranks-per-trial "$ranks" --search random --seed 1 --verdict-repeats 0 --out "$file" --overwrite --quiet "$@" >&2
  local seconds
  seconds=$("$canopy" show "$file" phases --csv --columns name,begin,end | awk -F, '$1 == "search" { print $3 - $2 }')
  printf '%-5s %6s %5s %8.2f  %s\n' "$model" "$trials" "$ranks" "$seconds" "$file"
}

cat >"$out/cnn.toml" <<'TOML'
[space]
epochs = 1
lr = { type = "float", low = 0.01, high = 0.1, log = true }
TOML
sed 's/epochs = 1/epochs = 6/' "$out/cnn.toml" >"$out/mlp.toml"

printf '%-5s %6s %5s %8s\n' model trials ranks seconds
for ((repeat = 1; repeat <= ${REPEATS:-1}; repeat++)); do
  for trials in 1 4; do
    for ranks in 1 2; do
      timed cnn "$trials" "$ranks" "$repeat" --config "$out/cnn.toml" --data synthetic:mnist,rows=2000
      timed mlp "$trials" "$ranks" "$repeat" --config "$out/mlp.toml" --data mnist
    done
  done
done
