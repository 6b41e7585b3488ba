"""The sections of a TOML file that are llgmin's: [search] and what its methods add, [tempering], [starts], [genetic],
[train]."""

from dataclasses import dataclass

from llcommon.config import setting


@dataclass(frozen=True)
class SearchSettings:
    """[search]: how llgmin looks for minima; basin-hopping, and what all methods share."""

    method: str = setting(
        "basin-hopping",
        help="basin-hopping: independent chains; parallel-tempering: chains at a ladder of temperatures that exchange "
        "minima, see [tempering]; multi-start: quenches from random points, see [starts]; genetic: populations that "
        "evolve, see [genetic]",
        choices=("basin-hopping", "parallel-tempering", "multi-start", "genetic"),
    )
    steps: int = setting(500, help="steps of each chain: quenches; of a population: generations", minimum=1)
    chains: int = setting(
        2, help="independent chains (or populations), each from its own random start; parallel-tempering takes the "
        "number of its replicas instead", minimum=1,
    )
    seed: int = setting(1, help="seed of the random numbers", minimum=0)
    target: float | None = setting(
        None, help="the search ends when a minimum of at most this loss (and a rounding) is found; unset: never",
        unit="loss",
    )
    save: int = setting(1000, help="number of lowest distinct minima that are kept", minimum=1)
    finish: str = setting(
        "all", help="which ends of a rough quench are taken to a stored minimum. all; accepted: those that the chain "
        "moves to; improving: those lower than all before in the chain",
        choices=("all", "accepted", "improving"),
    )
    objective: str = setting(
        "loss", help="what the acceptance test compares: the loss L, or the harmonic free energy L + T/2 LPPHE + T ln "
        "(symmetry order)", choices=("loss", "free-energy"),
    )
    free_energy_temperature: float | None = setting(
        None, help="T of the free energy; unset: that of the acceptance test", unit="loss", above=0.0
    )
    temperature: float | None = setting(
        None, help="temperature of the acceptance test, but for parallel-tempering; unset: chosen by the model",
        unit="loss", above=0.0,
    )
    final_temperature: float | None = setting(
        None, help="the temperature falls, or rises, from step to step to this one at the end; unset: it stays",
        unit="loss", above=0.0,
    )
    schedule: str = setting(
        "geometric", help="how the temperature goes to final_temperature", choices=("geometric", "linear")
    )
    acceptance: str = setting(
        "metropolis", help="test of a step uphill by d. metropolis: probability exp(-d/T); threshold: d below T; "
        "tsallis: probability (1 - (1 - q) d/T)^(1/(1 - q))", choices=("metropolis", "threshold", "tsallis"),
    )
    tsallis_q: float = setting(1.5, help="q of the tsallis acceptance; 1 is metropolis", above=0.0)
    moves: list[str] | None = setting(
        None, help="kinds of step, of which each step takes one at random; unset: chosen by the model. uniform, "
        "gaussian: all coordinates; layer: all, scaled by the size of those of their layer; group: those of one unit; "
        "redraw: one unit anew from a random start; crossover, swap: units of another minimum found; soft-mode: along "
        "soft eigenvectors",
        choices=("uniform", "gaussian", "layer", "group", "redraw", "crossover", "swap", "soft-mode"),
    )
    move_weights: list[float] | None = setting(
        None, help="how often each of the moves is taken, relative to each other; unset: equally often", minimum=0.0
    )
    soft_modes: int = setting(5, help="eigenvectors of lowest curvature that a soft-mode step combines", minimum=1)
    step: float | None = setting(
        None, help="largest first displacement of a coordinate; unset: chosen by the model",
        unit="coordinate", above=0.0,
    )
    adjust: str = setting(
        "step", help="what is steered to the target acceptance", choices=("step", "temperature", "both", "none")
    )
    target_acceptance: float = setting(
        0.5, help="fraction of accepted steps that step size or temperature are steered to", above=0.0, below=1.0
    )
    adjust_every: int = setting(
        20, help="they are adjusted every so many steps; more than steps: never", minimum=1
    )
    adjust_factor: float = setting(1.05, help="factor of one adjustment", above=1.0)
    reseed_after: int = setting(
        0, help="a chain starts anew from a random point after so many steps without a new lowest; 0: never",
        minimum=0, unit="steps",
    )
    avoid: int = setting(
        0, help="minima left by the latest reseedings that a chain keeps away from: coming near one, it starts anew",
        minimum=0, unit="minima",
    )
    avoid_distance: float = setting(
        1.0, help="what is near, after alignment", unit="coordinate distance", above=0.0
    )
    taboo: int = setting(
        0, help="latest distinct minima that a chain may not go back to", minimum=0, unit="minima"
    )

    def __post_init__(self):
        for problem in (_moves_problem(self), _steering_problem(self), _restart_problem(self)):
            if problem:
                raise ValueError(problem)


def _moves_problem(search: SearchSettings) -> str | None:
    """What is wrong with the kinds of step, or None."""
    moves = ["uniform"] if search.moves is None else search.moves
    if not moves:
        return "moves must name at least one kind of step, such as uniform"
    if len(set(moves)) < len(moves):
        return "moves must name each kind of step once; use move_weights to prefer one"
    if search.move_weights is None:
        return None
    if len(search.move_weights) != len(moves):
        return f"move_weights must hold one number for each of the {len(moves)} moves"
    return None if sum(search.move_weights) > 0.0 else "move_weights must not all be 0"


def _steering_problem(search: SearchSettings) -> str | None:
    """What contradicts itself in temperature, acceptance and their steering, or None."""
    if search.final_temperature is not None and search.adjust in ("temperature", "both"):
        return f'adjust must not be "{search.adjust}" with final_temperature: both would rule the temperature'
    if search.free_energy_temperature is not None and search.objective == "loss":
        return 'free_energy_temperature needs objective = "free-energy"'
    if search.method == "parallel-tempering":
        if search.final_temperature is not None:
            return "final_temperature is not for parallel-tempering, which has the temperatures of [tempering]"
        if search.adjust in ("temperature", "both"):
            return f'adjust must not be "{search.adjust}" with parallel-tempering: its ladder of temperatures is fixed'
    return None


def _restart_problem(search: SearchSettings) -> str | None:
    """What contradicts itself in reseeding, or None."""
    if search.avoid and not search.reseed_after:
        return "avoid needs reseed_after: only minima left by a reseeding are avoided"
    if search.reseed_after and search.method != "basin-hopping":
        return "reseed_after belongs to basin-hopping"
    if search.finish != "all" and (search.taboo or search.objective == "free-energy"):
        other = "taboo" if search.taboo else 'objective = "free-energy"'
        return f'finish must be "all" with {other}, which needs every minimum'
    return None


@dataclass(frozen=True)
class TemperingSettings:
    """[tempering]: parallel tempering, temperatures in geometric progression."""

    replicas: int = setting(4, help="number of temperatures, and of chains", minimum=2)
    lowest: float | None = setting(
        None, help="lowest temperature; unset: a tenth of the model's", unit="loss", above=0.0
    )
    highest: float | None = setting(
        None, help="highest temperature; unset: ten times the model's", unit="loss", above=0.0
    )
    exchange_every: int = setting(
        10, help="neighbours may exchange their minima every so many steps", unit="steps", minimum=1
    )

    def __post_init__(self):
        if self.lowest is not None and self.highest is not None and self.highest <= self.lowest:
            raise ValueError(f"highest must be above lowest, {self.lowest}, not {self.highest}")


INITIALISATIONS = ("model", "uniform", "normal", "glorot", "he", "orthogonal", "latin-hypercube", "sobol")
OPTIMISERS = ("sgd", "adam", "lbfgs")


@dataclass(frozen=True)
class StartsSettings:
    """[starts]: random points that searches begin from."""

    initialisation: str = setting(
        "model",
        help="model: as the loss model suggests; uniform, normal: each coordinate alike; glorot, he, orthogonal: "
        "weights of a network by the widths of its layers, biases 0; latin-hypercube, sobol: spread evenly in a box",
        choices=INITIALISATIONS,
    )
    scale: float = setting(
        1.0, help="half width of uniform, latin-hypercube and sobol, standard deviation of normal, factor of glorot, "
        "he and orthogonal; where the model has bounds, its box takes the place of the half width", above=0.0,
    )


@dataclass(frozen=True)
class GeneticSettings:
    """[genetic]: populations of minima that evolve (Lamarckian: every child is quenched)."""

    population: int = setting(20, help="minima in a population", minimum=2)
    offspring: int = setting(10, help="children of one generation", minimum=1)
    crossover: str = setting(
        "units", help="units: each unit of the aligned second parent with probability 1/2; one-point: all units after "
        "a random one", choices=("units", "one-point"),
    )
    mutation_rate: float = setting(
        0.3, help="probability that a child is displaced by a move of [search]", minimum=0.0, maximum=1.0
    )
    selection: str = setting("tournament", help="how parents are chosen", choices=("tournament", "roulette"))
    tournament: int = setting(3, help="minima that compete to be a parent", minimum=1)
    epoch: int = setting(
        0, help="a population starts anew after so many generations without a new lowest; 0: never", minimum=0,
        unit="generations",
    )
    survivors: int = setting(1, help="lowest minima that a new epoch begins with", minimum=0)

    def __post_init__(self):
        if self.tournament > self.population:
            raise ValueError(f"tournament must be at most population, {self.population}, not {self.tournament}")
        if self.survivors >= self.population:
            raise ValueError(f"survivors must be fewer than population, {self.population}, not {self.survivors}")


@dataclass(frozen=True)
class TrainSettings:
    """[train]: training runs, from the starts that [starts] describes and with the seed of [search]."""

    optimiser: str = setting("adam", help="method", choices=OPTIMISERS)
    runs: int = setting(10, help="training runs, each from its own start", minimum=1)
    epochs: int = setting(200, help="passes over the training data; of lbfgs: iterations", minimum=1)
    batch: int = setting(
        0, help="rows of a mini-batch, drawn anew in every epoch; 0: all. lbfgs always takes all", unit="rows",
        minimum=0,
    )
    learning_rate: float | None = setting(
        None, help="length of a step; unset: 0.1 for sgd, 0.01 for adam, 1 for lbfgs", above=0.0
    )
    momentum: float = setting(
        0.9, help="share of the last step that sgd keeps, decay of the mean gradient of adam", minimum=0.0, below=1.0
    )
    record_every: int = setting(
        10, help="epochs between points of the trajectory that are stored", unit="epochs", minimum=1
    )
    quench: str = setting(
        "end", help="which stored points are quenched to the full-batch minimum below them", choices=("end", "all")
    )
