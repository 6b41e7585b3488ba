#!/bin/sh
# How many distinct minima a search finds, for a grid of settings: what the TOML files were chosen by. Training data only.
# The argument is where the programs are, such as ../../.venv/bin/; none: on the PATH.
set -e
mkdir -p out
printf 'data\tactivation\thidden\tlambda\tminima\n'
scan() {
  for hidden in 5 10; do
    for lambda in 1e-2 3e-3 1e-3 3e-4 1e-4; do
      minima=$("${at}llgmin" run "$1.toml" -o out/scan.h5 -f -q --set "loss.activation=\"$2\"" \
        --set "loss.hidden=[$hidden]" --set "loss.lambda=$lambda" | awk '$1 == "minima" {print $2}')
      printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$hidden" "$lambda" "$minima"
    done
  done
}
at=$1
scan cancer tanh
scan digits tanh
scan wine tanh
scan wine logistic
rm out/scan.h5
