#!/usr/bin/env bash
# The runs behind results/federated.md: a small network (784-64-32-10) on MNIST at 100 clients, ten of
# them in a round. Clients have 600 rows each, so that what differs is which digits they hold and how
# fast their devices are. Nothing here depends on the machine: time is virtual, and a run has the same
# figures on any number of processes.
#
#   jobs/study-federated.sh [STUDY...]
#   SEEDS="1 2 3" jobs/study-federated.sh skew
#
# skew: label skew by local epochs, and what is meant to help against it; stragglers: what a server does
# about slow devices; both: slow devices that hold digits of their own, or not; shuffled and pinned: from
# a parameter server to FedAvg. All five without a word. Run files stay in OUT (default results/federated); a run
# that is complete is not repeated. `python3 jobs/study_table.py results/federated/skew-*.h5` makes
# a table of them. SEEDS (default "1 2 3") and CANOPY may be set.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=jobs/common.sh
source jobs/common.sh

canopy=${CANOPY:-build/canopy}
seeds=${SEEDS:-1 2 3}
out=${OUT:-results/federated}
mkdir -p "$out"
prepare_mpi

# federation NAME SEED OPTION...: one run of canopy federate, unless it is there.
federation() {
  local file=$out/$1-seed$2.h5 seed=$2
  shift 2
  "$canopy" show "$file" status >/dev/null 2>&1 && return
  "$canopy" federate --data mnist --model mlp --clients 100 --fraction-fit 0.1 --lr 0.05 --seed "$seed" \
    --out "$file" --overwrite --quiet "$@"
}

# dealt KIND: iid, or Dirichlet's parameter of the shares of digits that a client holds.
dealt() { [[ $1 == iid ]] && echo iid || echo "inner-dirichlet:$1"; }

skew() {
  local alpha epochs seed
  local -A rounds=([1]=100 [5]=60 [20]=30)
  for seed in $seeds; do
    for epochs in 1 5 20; do
      for alpha in 0.05 0.1 0.5 iid; do
        federation "skew-$alpha-E$epochs" "$seed" --partition "$(dealt "$alpha")" --local-epochs "$epochs" \
          --rounds "${rounds[$epochs]}" --validation all --evaluate-every 2 --keep-every 1
      done
    done
    for epochs in 5 20; do
      for aggregator in scaffold fedprox; do
        federation "skew-0.05-E$epochs-$aggregator" "$seed" --partition "$(dealt 0.05)" --mu 0.1 \
          --local-epochs "$epochs" --rounds "${rounds[$epochs]}" --validation all --evaluate-every 2 \
          --aggregator "$aggregator" --keep-every 1
      done
    done
  done
}

# Half of the devices take more than 6 s for their 600 rows, one in ten more than 22 s.
devices=(--compute "lognormal:0.01,1" --local-epochs 1 --validation none)

# policies NAME SEED ROUNDS OPTION...: the same federation by what the server does about stragglers.
policies() {
  local name=$1 seed=$2 most=$3
  shift 3
  local waits=("${devices[@]}" --rounds "$most" --evaluate-every 2 "$@")
  local moves=("${devices[@]}" "$@")
  federation "$name-wait" "$seed" "${waits[@]}"
  federation "$name-over1.5" "$seed" "${waits[@]}" --over-selection 1.5
  for late in drop partial carry; do
    federation "$name-$late" "$seed" "${waits[@]}" --round-policy deadline --deadline 10 --late "$late"
  done
  federation "$name-fedbuff" "$seed" "${moves[@]}" --aggregator fedbuff --buffer-size 5 --rounds $((2 * most)) \
    --evaluate-every 4
  federation "$name-fedasync" "$seed" "${moves[@]}" --aggregator fedasync --rounds $((10 * most)) \
    --evaluate-every 20
}

stragglers() {
  local seed
  for seed in $seeds; do
    policies stragglers-iid "$seed" 150 --partition iid --target-accuracy 0.92
    policies stragglers-0.1 "$seed" 150 --partition "$(dealt 0.1)" --target-accuracy 0.88
  done
}

# traces SEED: two lists of the same 100 devices for the clients of that seed. In slow-SEED.csv who
# holds more eights and nines has a slower one, in mixed-SEED.csv they are dealt blindly.
traces() {
  "$canopy" federate --data mnist --clients 100 --partition "$(dealt 0.1)" --seed "$1" --preview |
    python3 -c '
import math, random, statistics, sys
rows = [line.split() for line in sys.stdin if line.split()[:1] and line.split()[0].isdigit()][:100]
share = [(int(row[-1]) + int(row[-2])) / int(row[1]) for row in rows]
speeds = [10 / 3 * math.exp(statistics.NormalDist().inv_cdf((k + 0.5) / 100)) for k in range(100)]
slow = [0.0] * 100
for speed, client in zip(speeds, sorted(range(100), key=lambda c: share[c])):
    slow[client] = speed
random.Random(int(sys.argv[2])).shuffle(speeds)
for name, values in (("slow", slow), ("mixed", speeds)):
    with open(f"{sys.argv[1]}/{name}-{sys.argv[2]}.csv", "w") as file:
        print("computation,communication", *(f"{v:.5f},8000" for v in values), sep="\n", file=file)
' "$out" "$1"
}

both() {
  local seed kind
  for seed in $seeds; do
    traces "$seed"
    for kind in mixed slow; do
      local all=(--partition "$(dealt 0.1)" --device-trace "$out/$kind-$seed.csv" --validation all)
      federation "both-$kind-wait" "$seed" "${all[@]}" --rounds 60 --evaluate-every 2
      federation "both-$kind-drop" "$seed" "${all[@]}" --rounds 60 --evaluate-every 2 \
        --round-policy deadline --deadline 10 --late drop
      federation "both-$kind-carry" "$seed" "${all[@]}" --rounds 60 --evaluate-every 2 \
        --round-policy deadline --deadline 10 --late carry
      federation "both-$kind-fedbuff" "$seed" "${all[@]}" --aggregator fedbuff --buffer-size 5 --rounds 120 \
        --evaluate-every 4
    done
  done
}

# One step of a server is 320 rows: of one shuffled table (shuffled), or 32 of each of ten clients.
shuffled() {
  local seed staleness epochs file
  for seed in $seeds; do
    for staleness in 0 3 inf; do
      for epochs in 1 2 5; do
        file=$out/servers-shuffled-s$staleness-epochs$epochs-seed$seed.h5
        "$canopy" show "$file" status >/dev/null 2>&1 ||
          mpirun -np 3 --oversubscribe --bind-to none "$canopy" train --data mnist --model mlp --parallel ps \
            --staleness "$staleness" --batch-size 320 --epochs "$epochs" --momentum 0 --lr 0.05 \
            --lr-schedule constant --seed "$seed" --out "$file" --overwrite --quiet
      done
    done
  done
}

pinned() {
  local seed staleness kind
  for seed in $seeds; do
    for kind in 0.1 iid; do
      local all=(--partition "$(dealt "$kind")" --validation none)
      federation "servers-pinned-$kind" "$seed" "${all[@]}" --local-steps 1 --rounds 940 --evaluate-every 10
      federation "servers-fedavg-$kind" "$seed" "${all[@]}" --local-epochs 5 --rounds 60
      for staleness in 0 3 inf; do
        federation "servers-async-$kind-s$staleness" "$seed" "${all[@]}" --aggregator fedbuff --buffer-size 1 \
          --staleness "$staleness" --staleness-weight constant --server-lr 0.1 \
          --compute "lognormal:0.01,1" --local-steps 1 --rounds 9400 --evaluate-every 100
      done
    done
  done
}

for study in "${@:-skew stragglers both shuffled pinned}"; do
  for name in $study; do "$name"; done
done
