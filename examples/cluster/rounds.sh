#!/usr/bin/env bash
# Grow a landscape in rounds of batch jobs: plan pairs, connect them in parts, merge the parts, until no pair is left.
#   rounds.sh MINIMA.h5 LANDSCAPE.h5 [local|slurm]
# SIZE: pairs of a part. JOBS: parts at a time here (local). SBATCH: further options of sbatch (slurm).
# Killed or stopped, run it again: rounds that were merged and parts that are complete are not done twice.
set -euo pipefail
current=$1 final=$2 where=${3:-local}
here=$(cd "$(dirname "$0")" && pwd)
rounds=${final%.h5}.rounds
mkdir -p "$rounds"
for ((round = 1; ; round++)); do
  stem=$rounds/$round
  if [ ! -e "$stem.h5" ]; then
    if [ ! -e "$stem.tsv" ]; then
      code=0
      llpathsample plan "$current" -o "$stem.tsv" -q > "$stem.txt" 2>&1 || code=$?
      [ "$code" = 4 ] && break # nothing is left to try
      [ "$code" = 0 ] || exit "$code"
    fi
    size=${SIZE:-2}
    parts=$((($(wc -l < "$stem.tsv") - 1 + size - 1) / size)) # without the header, rounded up
    # A part that finds nothing ends with exit code 4, and one that is stopped with 75: merge tells which are complete.
    if [ "$where" = slurm ]; then
      sbatch --wait ${SBATCH:-} --array="1-$parts" --output="$stem.%a.log" \
        "$here/part.sbatch" "$current" "$stem" "$parts" > "$stem.job" || true
    else
      seq "$parts" | xargs -P "${JOBS:-2}" -I{} \
        env SLURM_ARRAY_TASK_ID={} bash "$here/part.sbatch" "$current" "$stem" "$parts" || true
    fi
    found=()
    for ((part = 1; part <= parts; part++)); do found+=("$stem.part-$part.h5"); done
    llpathsample merge "$current" "${found[@]}" -o "$stem.h5" -q > "$stem.txt"
  fi
  current=$stem.h5
done
cp "$current" "$final"
