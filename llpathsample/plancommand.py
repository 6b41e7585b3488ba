"""The command `plan` of llpathsample: what a growth would try next, for batch jobs without one."""

from pathlib import Path

import click

from llcommon.cli import (
    file_argument,
    force_option,
    json_option,
    log,
    output_option,
    quiet_option,
    seed_option,
    set_option,
    trust_option,
    verbose_option,
    write_properties,
)
from llcommon.cli.overrides import overridden_settings
from llpathsample.strategycommands import strategy_options


@click.command()
@file_argument()
@output_option("TSV file of the pairs, for lloptim connect --pairs; default: the input's name with .pairs.tsv.")
@force_option()
@click.option("--most", type=click.IntRange(1), metavar="N", help="At most so many pairs; default: all there are.")
@click.option(
    "--pairs-per-part",
    "size",
    type=click.IntRange(1),
    metavar="N",
    help="Pairs that one job shall connect; default: grow.batch. It decides how many parts are reported.",
)
@strategy_options
@seed_option()
@set_option()
@trust_option()
@json_option("Report as one JSON document.")
@verbose_option()
@quiet_option()
def plan(file: Path, output, force, most, size, strategy, pairs, seed, overrides, as_json) -> None:
    """Choose the pairs that `grow` would try next in the landscape FILE, and write them to a file.

    Then connect them, each part by a job of its own, and merge what the jobs have written:

    \b
        llpathsample plan L.h5 -o pairs.tsv
        lloptim connect L.h5 --pairs pairs.tsv --part K/N -o part-K.h5
        llpathsample merge L.h5 part-*.h5 -o L2.h5

    The exit code is 4 if there is nothing to try.
    """
    from dataclasses import replace

    from llcommon.errors import ConfigError, NothingFound
    from llcommon.store import check_writable, read_landscape, replace_file
    from llpathsample.commands import require_minima
    from llpathsample.engines.batch import CONNECT
    from llpathsample.growing import GrowingNetwork
    from llpathsample.growoptions import as_overrides, settled
    from llpathsample.strategies import strategy_of

    output = output or file.with_name(f"{file.stem}.pairs.tsv")
    check_writable(output, force)
    landscape = read_landscape(file)
    require_minima(landscape, file)
    overrides = (*overrides, *as_overrides(strategy, pairs, ()))
    settings = settled(overridden_settings(landscape, overrides, seed, file.name), landscape)
    # Nothing is chosen ahead of what the first jobs find: initial-path need leave nothing of its chain for later.
    landscape.settings = replace(settings, grow=replace(settings.grow, window=1))
    network = GrowingNetwork(landscape)
    network.update()
    possible = len(landscape.minima) * (len(landscape.minima) + 1) // 2
    chooser = strategy_of(network)
    choices = chooser.choose(min(most or possible, possible), set())
    if choices and chooser.batch(0, choices).kind != CONNECT:
        raise ConfigError("searches around minima are no pairs; use lloptim saddle --random, or llpathsample grow")
    if not choices:
        raise NothingFound(f"there is no pair of {file} to try: as far as its strategy goes, the network is grown")
    lines = ["minimum_a\tminimum_b\tattempt"]
    lines += [f"{choice.minimum}\t{choice.partner}\t{choice.attempt}" for choice in choices]
    text = "\n".join(lines) + "\n"
    replace_file(output, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    parts = -(-len(choices) // (size or landscape.settings.grow.batch))
    write_properties({"file": str(output), "pairs": len(choices), "parts": parts}, as_json)
    log(f"{len(choices)} pairs for {parts} jobs in {output}; {network.outside()} minima are unconnected")
