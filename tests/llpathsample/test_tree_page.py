"""The interactive page: what it holds, that it asks for nothing, and that it works in a browser."""

import base64
import json
import re

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from llcommon.errors import ConfigError
from llpathsample.properties import Property
from llpathsample.tree import superbasin_tree
from llpathsample.treecolours import scale_of, value_colours
from llpathsample.treepage import tree_fragment, tree_html
from tests.llpathsample.test_network import LOSSES, TS_LOSSES, TS_MINIMA
from tests.llpathsample.test_tree import grown_network

PROPERTIES = [
    Property("loss", LOSSES, "loss"),
    Property("accuracy", np.array([0.9, 0.8, np.nan, 0.5]), "test accuracy"),
    Property("gain", np.array([-2.0, 1.0, 0.5, 0.5]), "gain", diverging=True),
    Property("occupation", np.array([1.0, 1e-9, 1e-4, 0.0]), "occupation"),
    Property("shift", np.array([-2.0, 3e-3, 1e-4, 1e-2]), "shift", diverging=True),
    Property("kind", np.array([0, 0, 1, -1]), "kind", names={0: "glass", 1: "</script><b>"}),
]


@pytest.fixture
def tree():
    return superbasin_tree(LOSSES, TS_LOSSES, TS_MINIMA)


def data_of(page: str) -> dict:
    text = re.search('<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL).group(1)
    return json.loads(text)


def unpacked(text: str, kind: str) -> list:
    return np.frombuffer(base64.b64decode(text), dtype=kind).tolist()


def test_a_page_asks_for_nothing_and_holds_the_tree(tree):
    page = tree_html(tree, PROPERTIES, colour="gain", title="a < b")
    assert not re.search(r"https?:|//[a-z]+\.|@import|src=|href=|fetch\(|XMLHttpRequest|import\(", page)
    assert "<title>a &lt; b</title>" in page
    assert "default-src 'none'" in page
    data = data_of(page)
    assert unpacked(data["loss"], "<f8") == tree.loss.tolist()
    assert unpacked(data["parent"], "<i4") == tree.parent.tolist()
    assert unpacked(data["minimum"], "<i4") == tree.minimum[tree.leaves].tolist()
    assert unpacked(data["x"], "<f8") == tree.x.tolist()
    assert unpacked(data["shoulder"], "<f8") == tree.shoulder[data["leaves"] :].tolist()
    values = unpacked(data["properties"][1]["values"], "<f4")
    np.testing.assert_array_equal(values, np.float32([0.9, 0.8, np.nan, 0.5]))
    assert data["properties"][5]["classes"] == [[0, "#0072B2", "glass"], [1, "#D55E00", "</script><b>"]]
    assert data["properties"][5]["others"][0] == 0
    assert page == tree_html(tree, PROPERTIES, colour="gain", title="a < b")


def test_fragments_have_names_of_their_own(tree):
    first = tree_fragment(tree, PROPERTIES, name="first")
    assert 'id="first"' in first and 'window.lossTrees || {})["first"]' in first
    with pytest.raises(ConfigError, match="cannot be the id"):
        tree_fragment(tree, PROPERTIES, name='"x')
    with pytest.raises(ConfigError, match="begin with the colour nothing: it has loss, accuracy"):
        tree_html(tree, PROPERTIES, colour="nothing")


class Page:
    """A tree in a browser."""

    def __init__(self, browser, file, text: str) -> None:
        self.browser = browser
        file.write_text(text, encoding="utf-8")
        browser.get(file.as_uri())
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is left to draw."""
        frames = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))"
        self.browser.execute_async_script(frames)

    def call(self, expression: str):
        found = self.browser.execute_script(f"return lossTrees.tree.{expression}")
        self.settle()
        return found

    def element(self, selector: str):
        return self.browser.find_element("css selector", selector)

    def point_at(self, minimum: int, click: bool = False) -> None:
        """Move the pointer to where a branch ends."""
        from selenium.webdriver.common.action_chains import ActionChains

        x, y = self.call(f"place({minimum})")
        stage = self.element(".loss-tree-stage")
        width, height = stage.size["width"], stage.size["height"]
        moves = ActionChains(self.browser)
        moves.move_to_element_with_offset(stage, round(x - width / 2), round(y - height / 2))
        if click:
            moves.click()
        moves.perform()
        self.settle()

    def tip(self) -> str:
        return self.element(".loss-tree-tip").text


@pytest.mark.browser
def test_a_browser_shows_what_is_under_the_pointer(browser, tmp_path, tree):
    page = Page(browser, tmp_path / "tree.html", tree_html(tree, PROPERTIES, colour="kind"))
    page.point_at(1)
    lines = page.tip().splitlines()
    assert lines[0] == "minimum 1"
    assert {"loss 0.5", "test accuracy 0.8", "gain 1", "kind glass"} <= set(lines)
    page.point_at(2)
    assert {"minimum 2", "test accuracy none", "kind </script><b>"} <= set(page.tip().splitlines())
    # Colours: of a class, ink for none, and again by a scale.
    assert [page.call(f"colour({number})") for number in (0, 2, 3)] == ["#0072B2", "#D55E00", "#1a1a1a"]
    assert "glass" in page.element(".loss-tree-legend").text
    page.element("option[value=gain]").click()
    page.settle()
    assert page.call("colour(0)") == "#b34700"
    assert "\N{MINUS SIGN}2" in page.element(".loss-tree-legend").text
    # Logarithmic scales as in figures, but for the steps of the page's.
    for found in PROPERTIES[3:5]:
        page.element(f"option[value={found.name}]").click()
        page.settle()
        assert "(logarithmic)" in page.element(".loss-tree-legend").text
        scale = scale_of(found.values, found.diverging, "auto")
        drawn = [to_rgb(page.call(f"colour({number})")) for number in range(4)]
        np.testing.assert_allclose(drawn, value_colours(tree, found.values, scale)[:4, :3], atol=0.03)
    # Zoom about the middle, and back.
    whole = page.call("state().view")
    page.call("zoom(2, 1)")
    view = page.call("state().view")
    assert view["x1"] - view["x0"] == pytest.approx((whole["x1"] - whole["x0"]) / 2)
    assert view["y1"] == pytest.approx(whole["y1"])
    page.element("button[title='show all']").click()
    page.settle()
    assert page.call("state().view") == whole
    # By keys: a shift aside and back, zoom, all.
    stage = page.element(".loss-tree-stage canvas:last-of-type")
    for keys, factor in (("\ue014", 1.0), ("+", 0.5), ("0", 1.0)):
        stage.send_keys(keys)
        page.settle()
        view = page.call("state().view")
        assert view["x1"] - view["x0"] == pytest.approx(factor * (whole["x1"] - whole["x0"]))
        assert (view == whole) == (keys == "0")
    # Find an id; one that is not drawn is named.
    search = page.element("input")
    search.send_keys("3\n")
    page.settle()
    assert page.call("state().pinned") == 3
    assert page.tip().startswith("minimum 3")
    search.clear()
    search.send_keys("77\n")
    page.settle()
    assert page.element(".loss-tree-message").text == "minimum 77 is not drawn"
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    asked = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [entry["params"]["request"]["url"] for entry in asked if entry["method"] == "Network.requestWillBeSent"]
    assert [url for url in urls if not url.startswith(("file:", "data:", "chrome"))] == []

    # A tree of many leaves: the one that ends where the pointer is.
    losses, ts, pairs = grown_network(20_000, 40_000, 6)
    large = superbasin_tree(losses, ts, pairs)
    page = Page(browser, tmp_path / "large.html", tree_html(large, [Property("loss", losses, "loss")], colour="loss"))
    chosen = int(large.minimum[5000])
    page.call(f"find('{chosen}')")
    assert page.call("state().pinned") == chosen
    page.call("find('')")
    page.point_at(0 if 0 in large.minimum else chosen)
    page.call("zoom(64, 1)")
    page.point_at(int(large.minimum[0]), click=True)
    assert page.call("state().pinned") == int(large.minimum[0])
    assert f"loss {losses[large.minimum[0]]!r}".replace("np.float64(", "").rstrip(")") in page.tip()
