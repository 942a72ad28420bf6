#!/usr/bin/env bash
# Puts the public data sets where canopy looks for them, checked, never half-written.
#
#   data/fetch.sh [--local] [--to DIR] [forest-cover|mnist|fashion-mnist|all]...
#
# A file comes from $CANOPY_DATA_DIR, else ../shared/data beside the project, else its public address.
# Exit status: 0 all there (with --local: what could be found is there), 2 wrong usage, 3 something missing.
set -uo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
uci=https://archive.ics.uci.edu/ml/machine-learning-databases/covtype
lecun=https://ossci-datasets.s3.amazonaws.com/mnist
qmnist=https://raw.githubusercontent.com/facebookresearch/qmnist/master
zalando=https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion

# set (with ? what one can do without), file, md5 or sha256 of the uncompressed content, public
# address ("cut": made from the line above it; "writers=ADDRESS": made from labels of QMNIST).
files() {
  cat <<TABLE
forest-cover covtype.data.gz 0a9371cef7c964b5475d6053cc3e0894a5aa6f65ad1ed3ecb01c45aa96217945 $uci/covtype.data.gz
forest-cover train.csv 45d9949029e81059332efa1dcb22af082f7ad344859984b5dc761d1f328d88f5 cut
mnist train-images-idx3-ubyte.gz 6bbc9ace898e44ae57da46a324031adb $lecun/train-images-idx3-ubyte.gz
mnist train-labels-idx1-ubyte.gz a25bea736e30d166cdddb491f175f624 $lecun/train-labels-idx1-ubyte.gz
mnist t10k-images-idx3-ubyte.gz 2646ac647ad5339dbf082846283269ea $lecun/t10k-images-idx3-ubyte.gz
mnist t10k-labels-idx1-ubyte.gz 27ae3e4e09519cfbb04c329615203637 $lecun/t10k-labels-idx1-ubyte.gz
mnist? mnist-train-writer.csv fa39ce744d607eec1184bd10ed4719fbae02da12e2f62bd700559f2249d618a9 writers=$qmnist/qmnist-train-labels-idx2-int.gz
mnist? mnist-t10k-writer.csv c4cd771876def697b8dd66c84ccb3825545cf8358f82df1ad5c15bf57816a708 writers=$qmnist/qmnist-test-labels-idx2-int.gz
mnist? WRITERS-LICENSE 21e925cd3e398ade2f9fe9185d35d84429b52c3b86a529cfb3011e25b68e18dc $qmnist/LICENSE
fashion-mnist train-images-idx3-ubyte.gz f4a8712d7a061bf5bd6d2ca38dc4d50a $zalando/train-images-idx3-ubyte.gz
fashion-mnist train-labels-idx1-ubyte.gz 9018921c3c673c538a1fc5bad174d6f9 $zalando/train-labels-idx1-ubyte.gz
fashion-mnist t10k-images-idx3-ubyte.gz 8181f5470baa50b63fa0f6fddb340f0a $zalando/t10k-images-idx3-ubyte.gz
fashion-mnist t10k-labels-idx1-ubyte.gz 15d484375f8d13e6eb1aabb0c3f46965 $zalando/t10k-labels-idx1-ubyte.gz
TABLE
}

usage() {
  echo "usage: data/fetch.sh [--local] [--to DIR] [forest-cover|mnist|fashion-mnist|all]..."
}

refuse() {
  echo "data/fetch.sh: $1" >&2
  usage >&2
  exit 2
}

say() { printf '%-44s %s\n' "$1" "$2"; }

# The name decides, not the content: a half-written file keeps its real name as second argument.
content() {
  case ${2:-$1} in
    *.gz) gzip -dc <"$1" 2>/dev/null ;;
    *) cat -- "$1" ;;
  esac
}

# verified FILE HASH [NAME]: does the uncompressed content have this hash (md5: 32 digits)?
verified() {
  [[ -f $1 ]] || return 1
  local tool=sha256sum
  [[ ${#2} -eq 32 ]] && tool=md5sum
  [[ $(content "$1" "${3:-$1}" | "$tool" | cut -d' ' -f1) == "$2" ]]
}

# keep PART TARGET HASH: the part becomes the target if it is what it should be.
keep() {
  if verified "$1" "$3" "$2"; then
    chmod 644 "$1" && mv -f "$1" "$2"
  else
    rm -f "$1"
    return 1
  fi
}

download() {
  if command -v curl >/dev/null; then
    curl --fail --location --silent --show-error --connect-timeout 15 --retry 2 --output "$2" "$1"
  elif command -v wget >/dev/null; then
    wget --quiet --timeout=15 --tries=3 --output-document="$2" "$1"
  else
    return 127
  fi
}

# Kaggle's training set is behind a login, but its rows are the first 15,120 of UCI's, numbered.
cut_kaggle_set() {
  local i header="Id,Elevation,Aspect,Slope,Horizontal_Distance_To_Hydrology"
  header+=",Vertical_Distance_To_Hydrology,Horizontal_Distance_To_Roadways,Hillshade_9am,Hillshade_Noon"
  header+=",Hillshade_3pm,Horizontal_Distance_To_Fire_Points"
  for i in {1..4}; do header+=",Wilderness_Area$i"; done
  for i in {1..40}; do header+=",Soil_Type$i"; done
  echo "$header,Cover_Type"
  gzip -dc <"$1" 2>/dev/null | head -n 15120 | awk '{ print NR "," $0 }'
}

# QMNIST tells of each digit of MNIST, in its order, where it is from: eight big-endian numbers of 32
# bits, of which the first four are class, series, writer and place among the writer's digits. Its
# test set goes on after MNIST's 10,000.
writers_csv() {  # writers_csv ROWS <LABELS
  echo "mnist_index,label,hsf_series,writer_id,digit_index_of_writer"
  gzip -dc 2>/dev/null | head -c $((12 + 32 * $1)) | od -An -v -td4 --endian=big -w32 -j12 |
    awk '{ print NR - 1 "," $1 "," $2 "," $3 "," $4 }'
}

# Folders that may hold a copy, best first; never the target itself.
local_sources() {
  local place
  for place in "${CANOPY_DATA_DIR:-}" "$top/../shared/data"; do
    [[ -n $place && -d $place && ! $place -ef $to ]] && echo "$place"
  done
}

# fetch_local NAME HASH: copies the first good local copy; says why a copy was not good enough.
fetch_local() {
  local place
  while IFS= read -r place; do
    [[ -f $place/$1 ]] || continue
    if cp -- "$place/$1" "$part" && keep "$part" "$to/$1" "$2"; then
      say "$1" "copied from $place"
      return 0
    fi
    say "$1" "the copy in $place does not have the right checksum: passed over" >&2
  done < <(local_sources)
  return 1
}

fetch_cut() {
  local uci_file=$to/forest-cover/covtype.data.gz
  [[ -f $uci_file ]] || return 1
  cut_kaggle_set "$uci_file" >"$part"
  keep "$part" "$to/$1" "$2" && say "$1" "cut from covtype.data.gz"
}

fetch_download() {
  download "$3" "$part" || { rm -f "$part"; return 1; }
  if keep "$part" "$to/$1" "$2"; then
    say "$1" "downloaded from $3"
  else
    say "$1" "the download from $3 does not have the right checksum: thrown away" >&2
    return 1
  fi
}

fetch_writers() {
  local rows=60000
  [[ $1 == *t10k* ]] && rows=10000
  download "$3" - | writers_csv "$rows" >"$part"
  if keep "$part" "$to/$1" "$2"; then
    say "$1" "made from $3"
  else
    return 1
  fi
}

# fetch NAME HASH ADDRESS OPTIONAL: one file, one line of output; status 1 when it is not there in the
# end and OPTIONAL is no.
fetch() {
  if verified "$to/$1" "$2"; then
    say "$1" "have"
    return 0
  fi
  part=$to/$1.$$.part
  mkdir -p "$(dirname "$part")" || return 1
  fetch_local "$1" "$2" && return 0
  case $3 in
    cut) fetch_cut "$1" "$2" && return 0 ;;
    writers=*) [[ $local_only == no ]] && fetch_writers "$1" "$2" "${3#writers=}" && return 0 ;;
    *) [[ $local_only == no ]] && fetch_download "$1" "$2" "$3" && return 0 ;;
  esac
  if [[ -e $to/$1 ]]; then
    say "$1" "BROKEN: does not have the right checksum, and no better copy was found"
  elif [[ $local_only == yes ]]; then
    say "$1" "no local copy"
  elif [[ $4 == yes ]]; then
    say "$1" "no local copy, and it could not be had from the network (optional)"
  else
    say "$1" "MISSING: no local copy, and it could not be had from the network"
  fi
  [[ $4 == yes ]]
}

local_only=no
to=$top/data
sets=()
part=
while (($#)); do
  case $1 in
    --local) local_only=yes ;;
    --to) [[ -n ${2:-} ]] || refuse "--to needs a folder"; to=$2; shift ;;
    -h | --help) usage; exit 0 ;;
    forest-cover | mnist | fashion-mnist) sets+=("$1") ;;
    all) sets+=(forest-cover mnist fashion-mnist) ;;
    *) refuse "'$1' is none of forest-cover, mnist, fashion-mnist, all" ;;
  esac
  shift
done
((${#sets[@]})) || sets=(forest-cover mnist fashion-mnist)

trap '[[ -z $part ]] || rm -f "$part"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir -p "$to" || exit 3
missing=0
while read -r set file hash address; do
  optional=no
  [[ $set == *\? ]] && optional=yes
  set=${set%\?}
  [[ " ${sets[*]} " == *" $set "* ]] || continue
  fetch "$set/$file" "$hash" "$address" "$optional" </dev/null || missing=$((missing + 1))
done < <(files)

((missing == 0)) && exit 0
[[ $local_only == yes ]] && exit 0
echo "data/fetch.sh: $missing file(s) are not there. Copy them into $to, or point CANOPY_DATA_DIR at a" \
  "folder laid out as data/README.md shows, or try again with a network." >&2
exit 3
