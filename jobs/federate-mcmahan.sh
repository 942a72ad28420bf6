#!/usr/bin/env bash
# Reproduces cells of McMahan et al. 2017 (arXiv 1602.05629) for their 2NN on MNIST with 100 clients: rounds of
# FedAvg until 97 % of the test rows are right, on IID data and on two shards a client. Prints the paper's number,
# ours (median over seeds, best learning rate of the grid) and their ratio.
#
#   jobs/federate-mcmahan.sh            Table 1, B = 10 and E = 1: C of 0.1, 0.2, 0.5 (hours on two cores: see CELLS)
#   CELLS="iid:0.1:10:1:87 shards:0.1:10:1:664" SEEDS="1 2 3" LRS="0.05 0.1" NP=3 jobs/federate-mcmahan.sh
#
# A cell is PARTITION:C:B:E:ROUNDS-OF-THE-PAPER, B = 0 is the paper's infinity. Pixels are scaled to 0 .. 1 (standardised
# inputs take about half the rounds). Run files stay in OUT (default results/mcmahan); a run that is complete is not
# repeated. The number of rounds is read off the best accuracy so far with linear interpolation, as in the paper; a run
# that never comes to 97 % counts as more than any number.
set -euo pipefail
cd "$(dirname "$0")/.."

cells=${CELLS:-iid:0.1:10:1:87 shards:0.1:10:1:664 iid:0.2:10:1:77 shards:0.2:10:1:619 iid:0.5:10:1:75
  shards:0.5:10:1:443}
seeds=${SEEDS:-1 2 3}
lrs=${LRS:-0.05 0.1 0.2}
np=${NP:-3}
out=${OUT:-results/mcmahan}
canopy=${CANOPY:-build/canopy}
mkdir -p "$out"

# rounds_to_target FILE: the number of rounds, with one decimal; "-" when it never gets there.
rounds_to_target() {
  "$canopy" show "$1" rounds --csv --columns round,accuracy | awk -F, -v target=0.97 '
    NR > 1 && $2 != "" {
      best = $2 > last ? $2 : last
      if (best >= target) {
        printf "%.1f\n", NR == 2 ? $1 : round + ($1 - round) * (target - last) / (best - last)
        found = 1
        exit
      }
      last = best
      round = $1
    }
    END { if (!found) print "-" }'
}

# median NUMBERS...: "-" counts as more than any number.
median() {
  printf '%s\n' "$@" | sed 's/^-$/1e9/' | sort -g | awk '
    { x[NR] = $1 }
    END { m = x[int((NR + 1) / 2)]; print m == 1e9 ? "-" : m }'
}

printf '%-8s %5s %4s %3s %6s %8s %8s %6s\n' data C B E lr paper ours ratio
for cell in $cells; do
  IFS=: read -r partition fraction batch epochs paper <<<"$cell"
  kind=$partition
  [[ $partition == shards ]] && kind=shards:2
  best=- best_lr=-
  for lr in $lrs; do
    numbers=()
    for seed in $seeds; do
      file=$out/$partition-C$fraction-B$batch-E$epochs-lr$lr-seed$seed.h5
      mpirun -np "$np" --oversubscribe --bind-to none "$canopy" federate --data mnist --model mlp:200-200 \
        --clients 100 --partition "$kind" --fraction-fit "$fraction" --batch-size "$batch" \
        --local-epochs "$epochs" --scaling unit --lr "$lr" --rounds "$((paper * 2))" --validation none --seed "$seed" \
        --out "$file" --resume --quiet >/dev/null
      numbers+=("$(rounds_to_target "$file")")
    done
    ours=$(median "${numbers[@]}")
    if [[ $ours != - ]] && { [[ $best == - ]] || awk "BEGIN { exit !($ours < $best) }"; }; then
      best=$ours best_lr=$lr
    fi
  done
  ratio=-
  [[ $best != - ]] && ratio=$(awk "BEGIN { printf \"%.2f\", $best / $paper }")
  printf '%-8s %5s %4s %3s %6s %8s %8s %6s\n' "$partition" "$fraction" "$batch" "$epochs" "$best_lr" "$paper" \
    "$best" "$ratio"
done
