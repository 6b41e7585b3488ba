"""The sections of a TOML file: one file serves the whole pipeline.

Whichever program reads the file checks all sections, so a typing error in `[grow]` is
reported before `llgmin` has searched for a night. `[loss]` names a model by `model`; its
other keys are those of the model's own Parameters dataclass.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from llcommon.config import (
    parse_table,
    setting,
    suggestion,
    table_of,
    template_keys,
    template_table,
    toml_value,
)
from llcommon.errors import ConfigError
from llcommon.growsettings import GrowSettings, modern
from llcommon.searchsettings import GeneticSettings, SearchSettings, StartsSettings, TemperingSettings, TrainSettings

# Coordinates of a loss model have no physical unit: lengths are Euclidean distances between them.
_LENGTH = "coordinate distance"
_RMS = "loss per coordinate distance"


@dataclass(frozen=True)
class DataSettings:
    """[data]: the training data and how its columns are used."""

    file: str | None = setting(
        None, help="CSV or TSV file with a header, relative to this file; unset for models without data"
    )
    target: str | None = setting(
        None, help="column to predict; unset: the last column. A model that predicts none leaves it out; unset: nothing"
    )
    features: list[str] | None = setting(
        None, help="columns the model sees; unset: all columns but the target"
    )
    scaling: str = setting(
        "standardise",
        help="feature columns are shifted to mean 0 and scaled to variance 1, "
        "divided by the mean of |x|, or left as they are",
        choices=("standardise", "mean-abs", "none"),
    )
    drop_constant: bool = setting(False, help="leave out feature columns with one value in all rows")
    embed_limit_mb: float = setting(
        64.0, help="larger data stays outside the landscape file, known by path and SHA-256",
        unit="MB", minimum=0.0,
    )


@dataclass(frozen=True)
class SamePointSettings:
    """[same_point]: when two stationary points are one; the same for all programs and stages."""

    loss_tolerance: float = setting(
        1e-8, help="two points are the same only if their losses differ by less", unit="loss", above=0.0
    )
    distance_tolerance: float = setting(
        1e-3, help="and their distance, after alignment under the model's symmetry, is less",
        unit=_LENGTH, above=0.0,
    )


@dataclass(frozen=True)
class QuenchSettings:
    """[quench]: local minimisation."""

    sloppy_rms: float = setting(
        1e-6, help="root mean square gradient that ends a rough quench; a whole one goes on to rms", unit=_RMS,
        above=0.0,
    )
    rms: float = setting(
        1e-9, help="root mean square gradient of a stored minimum; at most sloppy_rms", unit=_RMS, above=0.0
    )
    method: str = setting(
        "auto", help="way down; the exact finish is the same for all",
        choices=(
            "auto", "lbfgs", "bfgs", "newton", "truncated-newton", "conjugate-gradient", "fire", "lbfgs-b", "sgd",
            "adam",
        ),
    )
    memory: int = setting(
        0, help="steps that L-BFGS remembers; 0: chosen by the number of coordinates", minimum=0
    )
    learning_rate: float | None = setting(
        None, help="learning rate of sgd and adam, first time step of fire; unset: 0.1, 0.01 and 0.1", above=0.0
    )
    momentum: float = setting(
        0.9, help="share of the last step that sgd keeps, decay of the mean gradient of adam", minimum=0.0, below=1.0
    )
    maximum_step: float = setting(0.4, help="longest step; lbfgs-b knows none", unit=_LENGTH, above=0.0)
    maximum_iterations: int = setting(20000, help="steps before a quench is given up", minimum=1)
    radius: float = setting(
        1e4, help="a quench that goes further than this from the origin has run away", unit=_LENGTH, above=0.0
    )

    def __post_init__(self):
        if self.rms > self.sloppy_rms:
            raise ValueError(f"rms must be at most sloppy_rms, {self.sloppy_rms}, not {self.rms}")


@dataclass(frozen=True)
class ConnectSettings:
    """[connect]: chains of transition states between two minima."""

    tries: int = setting(6, help="bands tried for one missing edge of the chain", minimum=1)
    cycles: int = setting(60, help="times that the best chain is found anew and its edges tried", minimum=1)
    image_density: float = setting(
        2.0, help="images of a band per distance of its end points", unit=f"1 / {_LENGTH}", above=0.0
    )
    minimum_images: int = setting(6, help="fewest images of a band", minimum=1)
    maximum_images: int = setting(60, help="most images of a band; at least minimum_images", minimum=1)
    iterations: int = setting(6, help="optimisation steps of a band", minimum=0)
    iteration_density: float = setting(
        0.0, help="further optimisation steps of a band for each of its images", unit="1 / image", minimum=0.0
    )
    interpolation: str = setting(
        "straight",
        help="first guess of a band. straight: a line; rotation: the weights of each unit turn and keep their length",
        choices=("straight", "rotation"),
    )
    double_nudging: bool = setting(True, help="doubly nudged bands; false: nudged once")
    climb_after: int = setting(
        3, help="optimisation steps after which the highest image climbs; -1: never", minimum=-1, unit="steps"
    )
    spring: float = setting(
        1e-2, help="force constant of the springs between images", unit=f"loss / ({_LENGTH})^2", above=0.0
    )
    adjust_springs_every: int = setting(
        0, help="the springs of gaps that are too wide are stiffened every so many steps; 0: never", minimum=0,
        unit="steps",
    )
    band_rms: float = setting(
        1e-4, help="root mean square band gradient that ends the optimisation of a band", unit=_RMS, above=0.0
    )
    pushoff: float | None = setting(
        None, help="displacement from a transition state before running downhill; unset: 0.02 times the "
        "model's scale of paths, which is 1 but for periodic kernels",
        unit=_LENGTH, above=0.0,
    )
    saddle_search: str = setting(
        "auto",
        help="eigenvector following. dense: with all eigenvectors of the Hessian; krylov: in subspaces spanned by "
        "Hessian-vector products; auto: by the number of coordinates",
        choices=("auto", "dense", "krylov"),
    )
    downhill: str = setting(
        "auto",
        help="from a transition state to its minima. steepest-descent: the path itself; quench: short steps, "
        "which may end elsewhere; auto: the path for small models",
        choices=("auto", "quench", "steepest-descent"),
    )
    saddle_steps: int = setting(200, help="steps before a saddle search is given up", minimum=1)
    rms: float = setting(
        1e-9, help="root mean square gradient of a stored transition state", unit=_RMS, above=0.0
    )
    seed: int = setting(1, help="seed of the random numbers", minimum=0)

    def __post_init__(self):
        if self.maximum_images < self.minimum_images:
            least = f"at least minimum_images, {self.minimum_images}"
            raise ValueError(f"maximum_images must be {least}, not {self.maximum_images}")


@dataclass(frozen=True)
class CurvatureSettings:
    """[curvature]: Hessian eigenvalues of stationary points."""

    dense_limit: int = setting(
        2000, help="above this no dense Hessian is formed: two lowest eigenvalues by Lanczos, LPPHE by stochastic "
        "Lanczos quadrature, with an error bar", unit="coordinates", minimum=0,
    )
    probes: int = setting(30, help="random probes of the quadrature; the error falls as 1 / sqrt(probes)", minimum=2)
    quadrature_steps: int = setting(
        200, help="most Lanczos steps from one probe; it stops when more of them change less than the error", minimum=2
    )
    residual: float = setting(
        1e-3, help="residual of the Lanczos eigenvectors, relative to their eigenvalues", above=0.0, below=1.0
    )
    products: int = setting(
        20000, help="most Hessian-vector products for the two lowest eigenvalues of a point", minimum=1
    )
    seed: int = setting(1, help="seed of the random probes", minimum=0)


SECTIONS: dict[str, type] = {
    "data": DataSettings,
    "same_point": SamePointSettings,
    "quench": QuenchSettings,
    "search": SearchSettings,
    "tempering": TemperingSettings,
    "starts": StartsSettings,
    "genetic": GeneticSettings,
    "train": TrainSettings,
    "connect": ConnectSettings,
    "grow": GrowSettings,
    "curvature": CurvatureSettings,
}
SECTION_NAMES = ("loss", *SECTIONS)


@dataclass(frozen=True)
class Settings:
    """All sections of a file; `loss` holds the keys of the loss model, defaults included."""

    loss_model: str
    loss: dict
    data: DataSettings = field(default_factory=DataSettings)
    same_point: SamePointSettings = field(default_factory=SamePointSettings)
    quench: QuenchSettings = field(default_factory=QuenchSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    tempering: TemperingSettings = field(default_factory=TemperingSettings)
    starts: StartsSettings = field(default_factory=StartsSettings)
    genetic: GeneticSettings = field(default_factory=GeneticSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    connect: ConnectSettings = field(default_factory=ConnectSettings)
    grow: GrowSettings = field(default_factory=GrowSettings)
    curvature: CurvatureSettings = field(default_factory=CurvatureSettings)


def parse_settings(
    tables: dict,
    source: str,
    loss_parameters: Callable[[str], type],
    known_models: Iterable[str] = (),
    problems: Iterable[str] = (),
) -> Settings:
    """All sections from the tables of a TOML file named `source`.

    `loss_parameters` gives the Parameters dataclass of a loss model by its name and raises
    KeyError for an unknown one; `known_models` are offered then. Raises one ConfigError that
    lists every problem, one a line, after the `problems` met before (by `apply_overrides`).
    """
    found = list(problems)
    for name in tables:
        if name not in SECTION_NAMES:
            found.append(f"{source}: [{name}] is not a known section; {suggestion(name, SECTION_NAMES)}")
    sections = {"loss": _parse_loss(tables, source, loss_parameters, list(known_models), found)}
    for name, cls in SECTIONS.items():
        table = _table(tables, name, source, found)
        if name == "grow":
            table = modern(table, f"{source}: [grow]", found)
        sections[name] = parse_table(cls, table, f"{source}: [{name}]", found)
    if found:
        raise ConfigError("\n".join(found))
    return Settings(loss_model=tables["loss"]["model"], **sections)


def _table(tables: dict, name: str, source: str, problems: list[str]) -> dict:
    """One section, empty if it is left out or, which is a problem, not a table."""
    table = tables.get(name, {})
    if isinstance(table, dict):
        return table
    problems.append(f"{source}: {name} must be a table, headed by a line [{name}]")
    return {}


def _parse_loss(tables, source, loss_parameters, known_models, problems) -> dict | None:
    """The parsed keys of the loss model with its defaults, or None."""
    where = f"{source}: [loss]"
    table = _table(tables, "loss", source, problems)
    model = table.get("model")
    if model is None:
        offer = f", one of {', '.join(known_models)}" if known_models else ""
        problems.append(f"{where} model is missing; it names the loss model{offer}")
        return None
    if not isinstance(model, str):
        problems.append(f"{where} model must be a string in quotes, not {toml_value(model)}")
        return None
    try:
        cls = loss_parameters(model)
    except KeyError:
        problems.append(f"{where} model {model} is not a known loss model; {suggestion(model, known_models)}")
        return None
    keys = {name: value for name, value in table.items() if name != "model"}
    parameters = parse_table(cls, keys, where, problems)
    return None if parameters is None else table_of(parameters)


def settings_to_tables(settings: Settings) -> dict:
    """The tables (JSON-able) that parse_settings turns into equal settings."""
    tables = {"loss": {"model": settings.loss_model, **settings.loss}}
    for name in SECTIONS:
        tables[name] = table_of(getattr(settings, name))
    return tables


def template(model: str, parameters: type, values: dict[str, dict] | None = None) -> str:
    """A commented TOML file for a loss model: all sections, `values` by section and key."""
    given = values or {}
    head = f"[loss]\n# name of the loss model (required)\nmodel = {toml_value(model)}\n"
    parts = [head + template_keys(parameters, given.get("loss"))]
    for name, cls in SECTIONS.items():
        parts.append(template_table(name, cls, given.get(name)))
    return "\n".join(parts)
