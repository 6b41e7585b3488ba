"""Section: how complete the search is."""

from llcommon.estimates import chao1, frequencies, good_turing
from llpathsample.report.material import Material, Missing
from llpathsample.report.page import counted, note, number, paragraph, points, share, table
from llpathsample.summary import summary_of

_STATUSES = {
    "no-candidate": "the path between them has no hump",
    "step-limit": "the search came to its limit of steps",
    "job-failed": "the process ended without a result",
    "time-limit": "the process took longer than it may",
    "side-failed": "a side of a transition state did not run down to a minimum",
    "wrong-index": "a stationary point was found that is no transition state",
    "fell-to-minimum": "the search slid back into a basin",
}


def completeness(material: Material) -> list[str]:
    """What is probably missing."""
    landscape = material.landscape
    summary = summary_of(landscape)
    blocks = ["<h3>Minima</h3>\n", *_unseen(landscape)]
    blocks += ["<h3>Connections</h3>\n", *_connections(landscape, summary)]
    blocks.append("<h3>Widths of minima</h3>\n")
    missing = (summary["minima_without_lpphe"], summary["transition_states_without_lpphe"])
    if not any(missing):
        blocks.append(paragraph("All points have an LPPHE (see Terms), so none is left out of what needs one."))
    else:
        blocks.append(
            note(
                f"{counted(missing[0], 'minimum', 'minima')} and {counted(missing[1], 'transition state')} have no "
                f"LPPHE. With what hangs on them, {number(material.minima_left_out)} minima and "
                f"{number(material.states_left_out)} transition states are left out of thermodynamics and kinetics on "
                "this page."
            )
        )
    blocks += ["<h3>The heat capacity with fewer minima</h3>\n", *_settled(material)]
    return blocks


def _unseen(landscape) -> list[str]:
    counts = frequencies(landscape.minima.visits)
    if not landscape.counters.get("quenches"):
        return [note("The file does not tell of a search for minima, so nothing can be said of those not found.")]
    if not counts.draws:
        return [
            note("The file does not say how often each minimum was found, so nothing can be said of those not found.")
        ]
    said = [
        f"{number(counts.draws)} times a minimum was found; {number(counts.singletons)} of "
        f"{counted(counts.observed, 'minimum', 'minima')} only once, {number(counts.doubletons)} twice."
    ]
    dropped = landscape.counters.get("dropped minima", 0)
    if dropped:
        said.append(f"{number(dropped)} minima were found and not kept, so the estimates of unseen minima are void.")
        return [points(said)]
    chance, total = good_turing(counts), chao1(counts)
    unseen = [round(value - counts.observed) for value in (total.value, total.low, total.high)]
    said.append(
        f"The chance that one more search finds a new minimum is about {share(chance.value)} (Good and Turing: minima "
        "found once, by all finds)."
    )
    interval = f"Chao1; 95 % interval {number(unseen[1])} to {number(unseen[2])}"
    if unseen[0]:
        more = counted(unseen[0], "more minimum is", "more minima are")
        said.append(f"At least {more} to be expected ({interval}).")
    else:
        said.append(f"The finds hint at no more minima ({interval}).")
    blocks = [points(said)]
    method = landscape.settings.search.method
    grown = bool(len(landscape.transition_states) or len(landscape.pairs))
    doubts = []
    if len(landscape.training):
        doubts.append("the finds are the minima below training runs")
    elif method != "multi-start":
        doubts.append(f"the method of the search is {method}, whose finds follow from one another")
    if grown:
        doubts.append("the searches for transition states have added finds of their own")
    if doubts:
        blocks.append(
            note(
                "The estimates take every find for an independent draw of a minimum by the size of its basin. That "
                f"does not hold here: {', and '.join(doubts)}. Take them as indications, and as too low."
            )
        )
    return blocks


def _connections(landscape, summary: dict) -> list[str]:
    sizes = summary["components"]
    said = [
        f"The network has {counted(sizes, 'component')}; that of the lowest minimum holds "
        f"{number(summary['minima_in_main_component'])} of {number(summary['minima'])} minima, and "
        f"{counted(summary['isolated_minima'], 'minimum has', 'minima have')} no connection at all.",
        f"{counted(summary['transition_states'], 'transition state')} in all; "
        f"{counted(summary['connected_pairs'], 'pair')} of different minima are joined by some.",
    ]
    if summary["degenerate_transition_states"]:
        said.append(
            f"{counted(summary['degenerate_transition_states'], 'transition state')} among them connect nothing: both "
            "sides are one minimum, or images of one (degenerate)."
        )
    blocks = [points(said)]
    failed = summary["pairs_not_connected"]
    if failed:
        rows = [
            (name, _STATUSES.get(name, ""), number(count))
            for name, count in sorted(failed.items(), key=lambda item: (-item[1], item[0]))
        ]
        tried = summary["pairs_tried"]
        caption = f"Pairs that stayed without a direct connection, of {number(tried)} tried, by the last outcome"
        blocks.append(table(("outcome", "meaning", "pairs"), rows, caption, words=2))
    elif summary["pairs_tried"]:
        blocks.append(paragraph(f"All {number(summary['pairs_tried'])} pairs that were tried are connected."))
    return blocks


def _settled(material: Material) -> list[str]:
    try:
        found = material.heat_capacity.convergence
    except Missing as missing:
        return [note(str(missing))]
    if found is None:
        return [paragraph("All minima have the same loss, so the heat capacity says nothing of completeness.")]
    rows = [
        (number(int(count)), share(deviation), number(temperature), number(height))
        for count, deviation, temperature, height in zip(
            found.counts, found.deviations, found.temperatures, found.heights, strict=True
        )
    ]
    header = ("lowest minima", "largest deviation", "T of the highest peak", "its height")
    if found.settled == found.counts[-1]:
        said = "All minima are needed for the heat capacity within 1 % of its maximum: those not found may change it."
    else:
        said = (
            f"The {number(found.settled)} lowest of {number(int(found.counts[-1]))} minima give the heat capacity "
            "within 1 % of its maximum. If that is far fewer than all, higher minima that were not found would not "
            "change it; a low minimum that was missed still would."
        )
    return [paragraph(said), table(header, rows, "Heat capacity of the lowest minima alone", words=0)]
