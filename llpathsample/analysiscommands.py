"""What analyses of a network share: options of temperatures, of sets A and B, points left out, figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from llcommon.cli import log

_TEMPERATURE = click.FloatRange(0.0, min_open=True)


class TemperatureRange(click.ParamType):
    """LOW:HIGH:COUNT, temperatures from LOW to HIGH of equal ratios."""

    name = "range"

    def convert(self, value, param, ctx) -> tuple[float, float, int]:
        """The two ends, the lower first, and how many."""
        if isinstance(value, tuple):
            return value
        try:
            low, high, count = value.split(":")
            ends = (float(low), float(high), int(count))
        except ValueError:
            self.fail(f"{value} is not LOW:HIGH:COUNT, as in 0.001:1:50", param, ctx)
        if not 0.0 < ends[0] < ends[1] < float("inf") or ends[2] < 2:
            self.fail(f"{value} must go from a temperature above zero to a higher one, in 2 steps at least", param, ctx)
        return ends


def temperature_options():
    """--temperature T (several times) and --temperatures LOW:HIGH:COUNT: `temperature`, `temperatures`."""

    def decorate(command):
        command = click.option(
            "--temperatures",
            type=TemperatureRange(),
            metavar="LOW:HIGH:COUNT",
            help="COUNT temperatures from LOW to HIGH, of equal ratios.",
        )(command)
        return click.option(
            "--temperature",
            type=_TEMPERATURE,
            multiple=True,
            metavar="T",
            help="Temperature in units of the loss; may be given several times.",
        )(command)

    return decorate


def given_temperatures(temperature: Sequence[float], temperatures: tuple[float, float, int] | None):
    """All that were asked for, rising and each once, (t,); None if there are none. ConfigError if one is no number."""
    import numpy as np

    from llcommon.errors import ConfigError

    if not all(np.isfinite(temperature)):
        raise ConfigError("--temperature must be a finite number above zero")
    asked = [np.asarray(temperature, dtype=np.float64)]
    if temperatures is not None:
        asked.append(np.geomspace(*temperatures))
    found = np.unique(np.concatenate(asked))
    return found if found.size else None


def chosen_temperatures(landscape, temperature: Sequence[float], temperatures: tuple[float, float, int] | None):
    """As `given_temperatures`, and the one that the loss model suggests if there are none, which is said."""
    import numpy as np

    found = given_temperatures(temperature, temperatures)
    if found is None:
        found = np.array([float(landscape.declared.suggested_temperature)])
        log(f"temperature {found[0]:g}, which the loss model suggests; --temperature sets another")
    return found


def set_options():
    """--set-a RULE and --set-b RULE: `set_a`, `set_b`, None if not given."""

    def decorate(command):
        command = click.option(
            "--set-b",
            metavar="RULE",
            help='Reactants B: "0, 7, 20-25", "below LOSS", lowest, all, rest, or "file NAME" with ids.',
        )(command)
        return click.option("--set-a", metavar="RULE", help="Products A, likewise.")(command)

    return decorate


def check_finite(**options: float | None) -> None:
    """ConfigError for an option, by its name, that is given and not a finite number."""
    import math

    from llcommon.errors import ConfigError

    for name, value in options.items():
        if value is not None and not math.isfinite(value):
            raise ConfigError(f"--{name} must be a finite number, not {value}")


def check_figure(output: Path | None, force: bool) -> None:
    """Refuse a figure that could not be written, before anything is computed."""
    from llcommon.plotting import figure_format
    from llcommon.store import check_writable

    if output is not None:
        figure_format(output)
        check_writable(output, force)


def save(figure, output: Path) -> None:
    """Write a figure, and say so."""
    from llcommon.plotting import save_figure

    save_figure(figure, output)
    log(f"the figure is {output}")


@dataclass(frozen=True)
class Complete:
    """What of a landscape has all that superposition needs.

    network: its arrays. ids, state_ids: (n,) and (m,) ids in the landscape of its minima and TS. minima_left_out,
    states_left_out: how many points lack an LPPHE, TS of such minima included.
    """

    network: "object"
    ids: "object"
    state_ids: "object"
    minima_left_out: int
    states_left_out: int

    def omissions(self) -> dict:
        """The two counts, for an output document."""
        return {"minima_left_out": self.minima_left_out, "transition_states_left_out": self.states_left_out}


def complete_network(landscape, file: Path) -> Complete:
    """The network of the points with an LPPHE; says on standard error what is left out.

    InputError without minima, and if none of them has an LPPHE.
    """
    from llcommon.errors import InputError
    from llpathsample.commands import require_minima
    from llpathsample.ktn import Network

    require_minima(landscape, file)
    made = [record["groups"]["temperature"] for record in landscape.provenance if "groups" in record]
    if made:
        log(f"note: {file} holds groups of minima made at the temperature {made[-1]:g}, and tells nothing of others")
    network, ids, state_ids = Network.complete(landscape)
    if not ids.size:
        raise InputError(f"no minimum of {file} has an LPPHE; compute them with llpathsample recompute")
    minima = len(landscape.minima) - len(ids)
    states = len(landscape.transition_states) - len(network.ts_losses)
    if minima or states:
        log(f"note: {file}: {minima} minima and {states} transition states are left out: no LPPHE, or of such minima")
        if landscape.global_minimum() not in ids:
            log(f"warning: {file}: the global minimum is one of them; compute its LPPHE with llpathsample recompute")
    return Complete(network, ids, state_ids, minima, states)


@dataclass(frozen=True)
class Between:
    """Sets A and B in a complete network.

    a, b: (k,) places there of the minima of A and B that TS join to the other set. left_out: how many others either
    set has.
    """

    complete: Complete
    a: "object"
    b: "object"
    left_out: tuple[int, int]

    def omissions(self) -> dict:
        """What is used and what is not, for an output document."""
        return {
            "minima_of_a": len(self.a),
            "minima_of_b": len(self.b),
            "left_out_of_a": self.left_out[0],
            "left_out_of_b": self.left_out[1],
            **self.complete.omissions(),
        }


def between_sets(landscape, complete: Complete, set_a: str | None, set_b: str | None) -> Between:
    """Sets A and B as of `chosen_sets` in the complete network of a landscape; says what they are by default,
    and what is left out.

    NothingFound if TS join no minimum of A to one of B.
    """
    import numpy as np

    from llcommon.errors import NothingFound
    from llpathsample.kinetics.steps import joined_sets

    given = chosen_sets(landscape, set_a, set_b)
    places = [np.flatnonzero(np.isin(complete.ids, ids)) for ids in given]
    a, b = joined_sets(complete.network, *places)
    if not a.size:
        raise NothingFound("no transition states join sets A and B; grow the network further, or name others")
    _say_defaults(landscape, set_a, set_b, *given)
    left_out = len(given[0]) - len(a), len(given[1]) - len(b)
    for name, count in zip("AB", left_out, strict=True):
        if count:
            log(f"note: {count} minima of set {name} have no LPPHE or no way to the other set, and are left out")
    return Between(complete, a, b, left_out)


def chosen_sets(landscape, set_a: str | None, set_b: str | None):
    """Ids, ascending, of sets A and B: by the rules given, else those that the landscape holds, else of the global
    minimum and of all others.

    ConfigError for a rule that cannot be read, that names no minimum, and for sets that overlap.
    """
    from llcommon.errors import ConfigError
    from llcommon.idrules import as_rule

    a = _members(landscape, "A", set_a, set_b or "", "lowest")
    b = _members(landscape, "B", set_b, as_rule(a.tolist()), "rest")
    both = sorted(set(a.tolist()) & set(b.tolist()))
    if both:
        more = f" and {len(both) - 1} more" if len(both) > 1 else ""
        raise ConfigError(f"sets A and B overlap: minimum {both[0]}{more} is in both; name sets that share none")
    return a, b


def _members(landscape, name: str, rule: str | None, other: str, fallback: str):
    from llcommon.errors import ConfigError
    from llcommon.interchange.admission import stored_set
    from llpathsample.growoptions import without_file
    from llpathsample.sets import members_of

    option = f"--set-{name.lower()}"
    if rule is None:
        stored = stored_set(landscape, name)
        if stored is not None:
            return stored
    wanted = fallback if rule is None else rule
    found = members_of(landscape, without_file(wanted), other, option)
    if not found.size:
        raise ConfigError(f"{option}: {wanted} names no minimum of the landscape; name one at least")
    return found


def _say_defaults(landscape, set_a: str | None, set_b: str | None, a, b) -> None:
    """Tell of the sets that nobody chose."""
    from llcommon.interchange.admission import stored_set

    if set_a is None and stored_set(landscape, "A") is None:
        log(f"set A: minimum {a[0]}, the lowest; --set-a names others")
    if set_b is None and stored_set(landscape, "B") is None:
        log(f"set B: all {len(b)} minima besides A; --set-b names others")


def temperatures_between(between: Between, temperature: Sequence[float], temperatures: tuple[float, float, int] | None):
    """As `given_temperatures`, and one by the barrier between A and B if there are none, which is said."""
    import numpy as np

    from llpathsample.kinetics.rates import Routes, barrier_between, middle_temperature

    found = given_temperatures(temperature, temperatures)
    if found is None:
        barrier = barrier_between(Routes(between.complete.network, between.a, between.b))
        found = np.array([middle_temperature(barrier)])
        log(f"temperature {found[0]:g}, a tenth of the highest barrier between A and B; --temperature sets another")
    return found
