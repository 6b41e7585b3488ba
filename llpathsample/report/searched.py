"""Sections: at a glance, and what was searched."""

import sys

import numpy as np

from llcommon import __version__
from llcommon.config import keys_of, toml_value
from llcommon.losses import model_class
from llcommon.settings import SECTIONS
from llpathsample.report.material import Material
from llpathsample.report.page import (
    counted,
    facts,
    hidden,
    loss,
    note,
    number,
    paragraph,
    points,
    preformatted,
    table,
)
from llpathsample.summary import summary_of


def glance(material: Material) -> list[str]:
    """The page in a few sentences."""
    summary = summary_of(material.landscape)
    states = summary["transition_states"]
    said = [
        f"The loss has {counted(summary['minima'], 'minimum', 'minima')} and {counted(states, 'transition state')} in "
        f"this file. The lowest loss is {loss(summary['lowest_loss'])}, that of minimum {summary['global_minimum']}; "
        f"the highest minimum is at {loss(summary['highest_minimum_loss'])}."
    ]
    inside = summary["minima_in_main_component"]
    if not states:
        said.append("No transition state is known, so nothing can be said of barriers, paths and rates.")
    elif inside == summary["minima"]:
        said.append("Transition states join all of them: every minimum has a path to the lowest one.")
    else:
        said.append(
            f"Transition states join {number(inside)} of them to the lowest one; {number(summary['minima_outside'])} "
            "have no known path to it."
        )
    said += [sentence for sentence in (_of_peaks(material), _of_funnels(material), _of_accuracy(material)) if sentence]
    temperature, where = material.temperature
    said.append(f"Tables at one temperature are at T = {number(temperature)}, {where}.")
    return [points(said)]


def _of_peaks(material: Material) -> str:
    if not material.ids.size:
        return ""
    peaks = material.peaks
    if not peaks:
        return "The heat capacity has no peak."
    shown = ", ".join(number(peak, 3) for peak in peaks[:4]) + (" and others" if len(peaks) > 4 else "")
    return (
        f"The heat capacity has {counted(len(peaks), 'peak')}, at T = {shown}: there, the minima that are occupied in "
        "equilibrium change."
    )


def _of_funnels(material: Material) -> str:
    if not len(material.landscape.transition_states):
        return ""
    basins = material.basins
    joined = material.labels[basins.bottom] == material.labels[material.landscape.global_minimum()]
    deep = int((np.isfinite(basins.ratio) & (basins.ratio >= 5.0) & joined).sum()) + 1
    if deep == 1:
        return "It is a single funnel: from no minimum must one climb far to come lower."
    return (
        f"It has {deep} funnels: apart from the lowest minimum there {'is 1' if deep == 2 else f'are {deep - 1}'} "
        "from which one must climb at least 5 times a typical barrier to come lower."
    )


def _of_accuracy(material: Material) -> str:
    scores = material.landscape.scores
    for name in ("test_accuracy", "test_r2"):
        if name in (score.name for score in scores.described()):
            values = scores.values(name, len(material.losses))
            lowest = values[material.landscape.global_minimum()]
            if np.isfinite(values).any():
                label = name.replace("test_", "test ").replace("r2", "R\N{SUPERSCRIPT TWO}")
                return (
                    f"The lowest minimum has a {label} of {number(lowest)}, the best of all minima "
                    f"{number(np.nanmax(values))}."
                )
    return ""


# --- what was searched --------------------------------------------------------------------------


def searched(material: Material) -> list[str]:
    """Model, data, settings, provenance."""
    landscape = material.landscape
    declared = landscape.declared
    blocks = ["<h3>The loss</h3>\n", *_model(landscape)]
    blocks += [note(f"{text}.") for text in declared.notes()]
    blocks += ["<h3>The data</h3>\n", *_data(landscape.data)]
    blocks += ["<h3>The search</h3>\n", *_search(landscape)]
    blocks += ["<h3>How it was made</h3>\n", *_provenance(landscape)]
    blocks.append(
        paragraph(
            f"The file is {material.file}, SHA-256 {material.sha256}. This page was written by version {__version__} "
            "of llpathsample."
        )
    )
    return blocks


def _model(landscape) -> list[str]:
    declared = landscape.declared
    blocks = [
        paragraph(
            f"A point of the landscape is a set of values of the {counted(int(declared.dimension), 'coordinate')} of "
            f"the loss model {declared.name}. A minimum is one at which every small change makes the loss higher; a "
            "transition state is the lowest point of a pass between two minima."
            if declared.dimension
            else f"The loss model is {declared.name}: the network was imported as a table, without coordinates."
        )
    ]
    name = landscape.settings.loss_model
    if declared.source is not None:
        blocks.append(paragraph(f"It is a model of a user's; the SHA-256 of its source is {declared.source.sha256}."))
        blocks.append(hidden("The source", [preformatted(declared.source.text)]))
        rows = [(key, toml_value(value), "") for key, value in landscape.settings.loss.items()]
    else:
        model = model_class(name)
        text = sys.modules[model.__module__].__doc__ or ""
        blocks.append(hidden("The formula, and what the words mean", [preformatted(text.strip())]))
        given = landscape.settings.loss
        rows = [(key.name, _shown(given.get(key.name)), _meaning(key)) for key in keys_of(model.Parameters)]
    if rows:
        blocks.append(table(("parameter", "value", "meaning"), rows, "Parameters, regularisation among them", words=3))
    return blocks


def _shown(value) -> str:
    """A value as in a settings file."""
    return "unset" if value is None else toml_value(value)


def _meaning(key) -> str:
    return key.rule.help + (f" [{key.rule.unit}]" if key.rule.unit else "")


def _data(data) -> list[str]:
    if data is None:
        return [paragraph("The loss needs no data.")]
    features = ", ".join(data.feature_names[:12]) + (" and others" if len(data.feature_names) > 12 else "")
    rows = [
        ("file", data.source),
        ("SHA-256", data.sha256),
        ("rows", number(len(data.features))),
        ("input columns", f"{number(len(data.feature_names))}: {features}"),
        ("scaling of inputs", data.scaling),
        ("to predict", data.target_name or "nothing"),
    ]
    if data.class_names:
        counts = np.bincount(data.labels, minlength=len(data.class_names)).tolist()
        shown = [f"{name} ({number(count)})" for name, count in zip(data.class_names, counts, strict=True)]
        rows.append(("classes (rows)", ", ".join(shown[:20]) + (" and others" if len(shown) > 20 else "")))
    return [facts(rows)]


def _search(landscape) -> list[str]:
    settings = landscape.settings
    counters = landscape.counters
    same = settings.same_point
    said = []
    if landscape.declared.dimension:
        said = [
            f"Two points are one if their losses differ by less than {number(same.loss_tolerance)} and their distance, "
            "after the best of all exchanges that leave the loss as it is, is less than "
            f"{number(same.distance_tolerance)}.",
            f"A stored minimum has a root mean square gradient of at most {number(settings.quench.rms)}, a transition "
            f"state of at most {number(settings.connect.rms)} and exactly one direction downhill.",
        ]
    if counters.get("quenches"):
        said.insert(
            0,
            f"{counted(counters['quenches'], 'local minimisation')} with "
            f"{counted(counters.get('evaluations', 0), 'evaluation')} of the loss, method {settings.search.method}.",
        )
    if len(landscape.pairs):
        attempts = int(landscape.pairs.attempts.sum())
        said.append(
            f"{counted(len(landscape.pairs), 'pair')} of minima were tried in {counted(attempts, 'attempt')} to find "
            f"transition states between them; the pairs were chosen by the strategy {settings.grow.strategy}."
        )
    blocks = [points(said)] if said else []
    blocks += _settings(settings)
    if counters:
        rows = [(name, number(count)) for name, count in sorted(counters.items())]
        blocks.append(hidden("What was counted", [table(("counter", "number"), rows)]))
    return blocks


def _settings(settings) -> list[str]:
    """Those that are not the defaults, and behind them all."""
    changed, every = [], []
    for name in SECTIONS:
        section = getattr(settings, name)
        rows = []
        for key in keys_of(type(section)):
            value = getattr(section, key.field)
            rows.append((key.name, _shown(list(value) if key.is_list and value is not None else value), _meaning(key)))
            if value != key.default:
                changed.append((f"[{name}] {key.name}", *rows[-1][1:]))
        every.append(table(("key", "value", "meaning"), rows, f"[{name}]", words=3))
    blocks = []
    if changed:
        blocks.append(table(("key", "value", "meaning"), changed, "Settings other than the defaults", words=3))
    return [*blocks, hidden("All settings", every)]


def _provenance(landscape) -> list[str]:
    if not landscape.provenance:
        return [note("The file does not say how it was made.")]
    rows = []
    for record in landscape.provenance:
        inputs = ", ".join(f"{role} {digest[:12]}" for role, digest in record.get("inputs", {}).items())
        versions = ", ".join(f"{name} {record[name]}" for name in ("python", "numpy", "numba") if name in record)
        command = f"{record.get('program', '?')} {record.get('command', '')}"
        seed = record.get("seed")
        rows.append(
            (
                command,
                str(record.get("program_version", "")),
                "none" if seed is None else str(seed),
                inputs,
                f"{versions}; {record.get('machine', '')}",
            )
        )
    header = ("command", "version", "seed", "inputs (SHA-256, first digits)", "made with")
    return [
        table(header, rows, "Commands that made the file, in their order", words=5),
        paragraph("Options that changed a number are in the settings above; the others never do."),
    ]
