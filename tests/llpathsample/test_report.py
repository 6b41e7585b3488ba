"""The report: a whole page of a landscape, whatever it lacks; that it asks for nothing; what it says."""

import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest

from llcommon.store import read_landscape, write_landscape
from llpathsample.report import page
from llpathsample.report.material import Material, Missing
from llpathsample.report.names import NAMES
from llpathsample.report.sections import PARTS, report_page
from llpathsample.thermodynamics.freeenergy import Superposition
from tests.driving import call, grow_here
from tests.llpathsample.growing_standin import add_states, landscape_of, random_landscape

TOML = """\
[loss]
model = "mueller-brown"

[search]
steps = 30
"""
VOID = {"meta", "img", "br", "input", "link"}


class Reader(HTMLParser):
    """Holds a page to what HTML asks for; elements by id, and texts by section."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.anchors: list[str] = []
        self.sources: list[str] = []
        self.texts: dict[str, str] = {}
        self.section = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        assert len(given) == len(attributes)
        self.ids += [given["id"]] if "id" in given else []
        self.anchors += [given["href"]] if "href" in given else []
        self.sources += [given["src"]] if "src" in given else []
        if tag == "section":
            self.section = given["id"]
        if tag == "img":
            assert given["alt"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.section and "script" not in self.open:
            self.texts[self.section] = self.texts.get(self.section, "") + data


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """The three minima and two transition states of the surface of Müller and Brown."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "plane.toml").write_text(TOML, encoding="utf-8")
    assert call("llgmin", "run", folder / "plane.toml", "-o", folder / "minima.h5", "-j", 1, "-q") == 0
    assert grow_here(folder / "minima.h5", "-o", folder / "grown.h5", "-q") == 0
    return folder / "grown.h5"


@pytest.fixture(scope="module")
def written(grown):
    """Its report."""
    output = grown.parent / "report.html"
    assert call("llpathsample", "report", grown, "-o", output, "-q") == 0
    return output.read_text(encoding="utf-8")


def report_of(landscape, names=NAMES, **asked) -> Reader:
    """The page of a landscape in memory."""
    return Reader(report_page(Material(landscape, "x.h5", "0" * 64, Superposition(2, 0.0), **asked), "x", names))


# --- the page -------------------------------------------------------------------------------------


def test_the_page_is_whole_and_asks_for_nothing(written):
    found = Reader(written)
    assert set(NAMES) <= set(found.ids) and len(found.ids) == len(set(found.ids))
    assert [anchor for anchor in found.anchors] == [f"#{name}" for name in NAMES]
    assert found.sources and all(source.startswith("data:image/") for source in found.sources)
    without_texts = re.sub(r"<pre>.*?</pre>|base64,[A-Za-z0-9+/=]*", "", written, flags=re.S)
    assert not re.search(r"https?:|//[a-z]+\.|@import|fetch\(|XMLHttpRequest|import\(", without_texts)
    assert "default-src 'none'" in written
    assert all(found.texts[name].startswith("\n" + PARTS[name].title + "\n" + PARTS[name].meaning) for name in NAMES)


def test_it_says_what_is_in_the_file(grown, written):
    texts = Reader(written).texts
    landscape = read_landscape(grown, points=False)
    assert "3 minima and 2 transition states" in texts["glance"]
    assert "Transition states join all of them" in texts["glance"]
    assert "mueller-brown" in texts["searched"] and "llpathsample grow" in texts["searched"]
    visits = int(landscape.minima.visits.sum())
    assert f"{visits} times a minimum was found; 0 of 3 minima only once" in texts["completeness"]
    assert "the method of the search is basin-hopping" in texts["completeness"]
    for minimum in range(3):
        assert page.loss(landscape.minima.loss[minimum]) in texts["minima"]
    assert "The file holds no scores" in texts["scores"] and "no training runs" in texts["training"]
    assert "committor" in texts["terms"]


def test_the_same_file_gives_the_same_bytes(grown, tmp_path, written):
    shutil.copy(grown, tmp_path)
    assert call("llpathsample", "report", tmp_path / "grown.h5", "-o", tmp_path / "again.html", "-q") == 0
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == written


def test_a_browser_shows_it_without_complaint(browser, written, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(written, encoding="utf-8")
    browser.get(file.as_uri())
    shown = "return [...document.images].every((image) => image.complete && image.naturalWidth > 0)"
    assert browser.execute_script(shown)
    assert browser.execute_script("return lossTrees['tree-drawn'] !== undefined")
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert asked and all(url.startswith(("file:", "data:", "chrome")) for url in asked), asked


# --- what is missing ------------------------------------------------------------------------------


def test_without_transition_states_it_says_so_and_goes_on():
    texts = report_of(landscape_of([0.0, 1.0, 2.0], [[0, 0], [5, 5], [9, 0]])).texts
    assert "No transition state is known" in texts["glance"]
    for name in ("tree", "frustration", "rates", "committors", "paths", "first-passage", "network", "communities"):
        assert re.search("(no|No) transition states?", texts[name]), name
    assert "Heat capacity over the temperature" in texts["heat-capacity"]


def test_one_minimum_is_enough_for_a_page():
    texts = report_of(landscape_of([1.0], [[0, 0]])).texts
    assert set(texts) == set(NAMES)
    assert "All minima have the same loss" in texts["heat-capacity"]


def test_losses_that_differ_by_rounding_make_no_peak():
    texts = report_of(landscape_of([0.0, 3e-31, 8e-31], [[0, 0], [5, 5], [9, 0]]), ("glance", "heat-capacity")).texts
    assert "no peak" in texts["glance"] and "as the loss model suggests" in texts["glance"]


def test_without_a_search_nothing_is_estimated():
    assert "does not tell of a search" in report_of(random_landscape(1), ("completeness",)).texts["completeness"]


def test_points_without_lpphe_are_left_out_and_counted():
    landscape = random_landscape(1, 8, 20)
    landscape.minima.replace("lpphe", 3, np.nan)
    texts = report_of(landscape, ("completeness", "heat-capacity", "communities")).texts
    assert "1 minimum and 0 transition states have no LPPHE" in texts["completeness"]
    assert "Without 1 minimum and" in texts["heat-capacity"]
    assert "Weights are those of barriers" in texts["communities"]
    for minimum in range(8):
        landscape.minima.replace("lpphe", minimum, np.nan)
    texts = report_of(landscape).texts
    for name in ("heat-capacity", "occupations", "rates", "volumes"):
        assert "No minimum has an LPPHE" in texts[name], name
    assert "neighbours on average" in texts["network"]


def test_a_model_that_may_not_run_is_no_hindrance():
    landscape = random_landscape(1, 8, 20)
    material = Material(landscape, "x.h5", "0" * 64, "x.h5 holds the source of its loss model; give --trust")
    texts = Reader(report_page(material, "x", ("heat-capacity", "entropy"))).texts
    assert "x.h5 holds the source" in texts["entropy"] and "is not known here" in texts["heat-capacity"]


def test_failed_pairs_are_told_by_their_outcome():
    from llcommon.status import Status

    landscape = random_landscape(1, 8, 4)
    landscape.mark_pair(0, 1, False, Status.NO_CANDIDATE, 2)
    landscape.mark_pair(0, 2, True, Status.CONVERGED, 1)
    texts = report_of(landscape, ("completeness", "searched")).texts
    assert "of 2 tried" in texts["completeness"] and "no-candidate" in texts["completeness"]
    assert "in 3 attempts" in texts["searched"]


def test_large_networks_leave_the_costly_parts_to_commands(monkeypatch):
    from llpathsample.report import lowest, material, structural

    monkeypatch.setattr(material, "MOST_KINETIC", 5)
    monkeypatch.setattr(structural, "MOST_LAID_OUT", 5)
    monkeypatch.setattr(lowest, "MOST_LEAVES", 2)
    landscape = random_landscape(1, 8, 20)
    texts = report_of(landscape, ("rates", "network", "tree")).texts
    assert "Left out for its cost: the network has 8 minima" in texts["rates"]
    assert "the 5 lowest of 8 minima" in texts["network"]
    assert "Drawn are the 2 lowest of" in texts["tree"]


# --- sets and temperatures ------------------------------------------------------------------------


def test_b_is_the_bottom_of_the_other_funnel():
    """0 - 1 - 2 go down to 0, and 3 - 4 to 3, over a high pass between 2 and 4."""
    points = [[float(10 * k), 0.0] for k in range(5)]
    landscape = landscape_of([0.0, 1.0, 2.0, 0.5, 1.5], points)
    add_states(landscape, [1.2, 2.2, 1.7, 9.0], [(0, 1), (1, 2), (3, 4), (2, 4)])
    sets = Material(landscape, "x.h5", "", Superposition(2, 0.0)).sets
    assert (sets.a.tolist(), sets.b.tolist()) == ([0], [3])
    assert "minimum 3, loss 0.500000000" in report_of(landscape, ("rates",)).texts["rates"]
    alone = landscape_of([0.0, 1.0], points[:2])
    with pytest.raises(Missing, match="no rate to it"):
        Material(alone, "x.h5", "", Superposition(2, 0.0)).sets  # noqa: B018


def test_temperatures_are_those_asked_for(grown, tmp_path):
    output = tmp_path / "x.html"
    asked = ("--temperature", 50, "--temperature", 100, "--set-a", "0", "--set-b", "1, 2")
    command = ("report", grown, "-o", output, *asked, "--sections", "glance,occupations,rates,paths", "-q")
    assert call("llpathsample", *command) == 0
    texts = Reader(output.read_text(encoding="utf-8")).texts
    assert set(texts) == {"glance", "occupations", "rates", "paths"}
    assert "at T = 100, as it was asked for" in texts["glance"]
    assert "T = 50T = 100" in texts["occupations"]
    assert "the sets that were asked for" in texts["rates"] and "2 minima, the lowest minimum" in texts["rates"]
    assert "Paths at T = 50" in texts["paths"] and "Paths at T = 100" in texts["paths"]


# --- words ----------------------------------------------------------------------------------------


def test_texts_are_escaped(grown, tmp_path):
    output = tmp_path / "x.html"
    command = ("report", grown, "-o", output, "--title", "a < b & <script>", "--without", ",".join(NAMES[1:]), "-q")
    assert call("llpathsample", *command) == 0
    text = output.read_text(encoding="utf-8")
    assert "<h1>a &lt; b &amp; &lt;script&gt;</h1>" in text and "<script" not in text
    Reader(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\u2013"), (float("nan"), "\u2013"), (1234567, "1\u202f234\u202f567"), (-3, "\u22123"),
        (1.5e-7, "1.5 \u00d7 10\u207b\u2077"), (0.25, "0.25"), (-2.5, "\u22122.5"), (float("inf"), "\u221e"),
        (True, "yes"),
        (np.int64(5), "5"), (np.float64(0.5), "0.5"),
    ],
)  # fmt: skip
def test_numbers(value, text):
    assert page.number(value) == text


def test_numbers_that_overflow_and_shares():
    assert page.exponential(np.log(2.0)) == "2"
    assert page.exponential(1000.0 * np.log(10.0) + np.log(3.0)) == "3.00 \u00d7 10\u00b9\u2070\u2070\u2070"
    assert page.exponential(-np.inf) == "0" and page.exponential(np.nan) == "\u2013"
    assert page.share(0.5) == "50 %" and page.share(1e-7) == "< 0.001 %" and page.share(1.0) == "100 %"
    assert page.share(0.0) == "0 %" and page.share(np.nan) == "\u2013"
    assert page.loss(-1.5) == "\u22121.50000000" and page.loss(0.0) == "0"
    assert page.counted(1, "minimum", "minima") == "1 minimum" and page.counted(0, "pair") == "0 pairs"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("grown.h5", "-o", "x.pdf"), 2, "the report is a page, end the name in .html"),
        (("grown.h5",), 2, "--output is missing"),
        (("grown.h5", "-o", "report.html"), 2, "report.html exists"),
        (("grown.h5", "-o", "none/x.html"), 2, "its folder does not exist"),
        (("grown.h5", "-o", "x.html", "--sections", "tre"), 2, "tre is not a section; did you mean tree?"),
        (("grown.h5", "-o", "x.html", "--sections", "tree", "--without", "tree"), 2, "leaves no section"),
        (("grown.h5", "-o", "x.html", "--temperature", "0"), 2, "--temperature: 0.0 is not in the range x>0"),
        (("grown.h5", "-o", "x.html", "--set-a", "0", "--set-b", "0, 1"), 2, "sets A and B overlap: minimum 0 is in"),
        (("grown.h5", "-o", "x.html", "--set-a", "99"), 2, "99"),
        (("empty.h5", "-o", "x.html"), 3, "empty.h5 holds no minima"),
    ],
)
def test_errors_are_one_sentence(grown, written, monkeypatch, capsys, arguments, code, sentence):
    monkeypatch.chdir(grown.parent)
    landscape = read_landscape("minima.h5")
    landscape.keep(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    write_landscape("empty.h5", landscape)
    capsys.readouterr()
    assert call("llpathsample", "report", *arguments) == code
    said = capsys.readouterr().err
    assert said.startswith("llpathsample: error: ") and said.count("\n") == 1 and sentence in said, said
    assert not (grown.parent / "x.html").exists()
