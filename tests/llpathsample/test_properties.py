"""Properties of minima for figures: stored, computed, from scores and from tables that commands print."""

import numpy as np
import pytest

from llcommon.errors import ConfigError, InputError
from llcommon.store.scores import Score
from llpathsample.ktn import Network
from llpathsample.properties import page_properties, property_names, property_of, table_property
from llpathsample.thermodynamics.features import contributions, highest_peak, occupation_gains
from llpathsample.thermodynamics.observables import log_occupations
from tests.networks import net4
from tests.reference.tree import bottoms, minimax_matrix


@pytest.fixture(scope="module")
def landscape():
    made = net4()
    made.scores.set(Score("test_accuracy", "", "test.csv"), np.array([0.9, 0.8, np.nan, 0.5]))
    return made


def test_every_name_is_a_property(landscape):
    for name in property_names(landscape):
        found = property_of(landscape, name)
        assert found.name == name
        assert found.values.shape == (4,)
        assert found.label
    assert property_of(landscape, "loss").values.tolist() == landscape.minima.loss.tolist()
    assert property_of(landscape, "order").values.dtype == np.float64


def test_computed_properties_are_those_of_their_modules(landscape):
    network = Network.unchecked(landscape)
    minima, states = landscape.minima, landscape.transition_states
    heights = minimax_matrix(minima.loss, states.loss, states.minima)[landscape.global_minimum()]
    np.testing.assert_array_equal(property_of(landscape, "barrier").values, heights - minima.loss)
    shares = np.exp(log_occupations(network, 0.5))
    np.testing.assert_array_equal(property_of(landscape, "occupation", 0.5).values, shares)
    gain = property_of(landscape, "gain", 0.5)
    np.testing.assert_array_equal(gain.values, occupation_gains(network, 0.5))
    assert gain.diverging and gain.label == "gain of occupation at T = 0.5"
    peak = highest_peak(network)
    np.testing.assert_array_equal(property_of(landscape, "contribution").values, contributions(network, peak))
    assert set(property_of(landscape, "basin").values.tolist()) == bottoms(minima.loss, states.minima)
    assert property_of(landscape, "component").values.tolist() == [0, 0, 0, 0]
    assert property_of(landscape, "degree").values.sum() == 2.0 * len(states)


def test_a_score_has_no_value_where_there_is_none(landscape):
    found = property_of(landscape, "test_accuracy")
    assert found.label == "test accuracy"
    assert found.known.tolist() == [True, True, False, True]


def test_an_unknown_name_is_refused_with_those_there_are(landscape):
    with pytest.raises(ConfigError, match="did you mean test_accuracy. Else choose one of loss, .*or a table"):
        property_of(landscape, "test_acuracy")


def test_pages_get_what_is_quick_to_have_once_each(landscape):
    asked = [property_of(landscape, "community"), property_of(landscape, "loss")]
    names = [found.name for found in page_properties(landscape, asked, None)]
    assert names[:2] == ["community", "loss"]
    assert len(set(names)) == len(names)
    assert {"occupation", "gain", "test_accuracy", "barrier"} <= set(names)
    assert "component" not in names


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_columns_of_tables_are_scales_or_classes(tmp_path):
    table = written(tmp_path / "t.tsv", "id\tgroup\tvalue [eV]\tkind\n2\t7\t0.5\tglass\n0\t3\tnan\tcrystal\n")
    group = table_property(table, "group", 4)
    assert (group.values.tolist(), group.names) == ([0, -1, 1, -1], {0: "3", 1: "7"})
    kind = table_property(table, "kind", 4)
    assert (kind.values.tolist(), kind.names) == ([0, -1, 1, -1], {0: "crystal", 1: "glass"})
    value = table_property(table, "value", 4)
    assert value.known.tolist() == [False, False, True, False] and value.values[2] == 0.5
    alone = written(tmp_path / "u.tsv", "minimum\tloss\n1\t2\n0\t1.5\n")
    assert table_property(alone, None, 2).values.tolist() == [1.5, 2.0]


def test_many_whole_numbers_are_a_scale_unless_they_are_called_classes(tmp_path):
    rows = "".join(f"{number}\t{number}\t{number}\n" for number in range(30))
    table = written(tmp_path / "t.tsv", "id\tdegree\tbasin\n" + rows)
    assert table_property(table, "degree", 30).values.dtype == np.float64
    assert table_property(table, "basin", 30).values.tolist() == list(range(30))


@pytest.mark.parametrize(
    ("text", "column", "sentence"),
    [
        ("id\tgroup\n", None, "is no table"),
        ("number\tgroup\n1\t2\n", None, "has no column id or minimum; its header is number, group"),
        ("id\ta\tb\n1\t2\t3\n", None, "has several columns; name one as .*:COLUMN, of a, b"),
        ("id\ta\n1\t2\n", "c", 'has no column "c"'),
        ("id\ta\n9\t2\n", None, 'row 2: "9" is no minimum; there are 4'),
        ("id\ta\n1\t2\n-1\t2\n", None, 'row 3: "-1" is no minimum'),
        ("id\ta\n1\t2\n1\t3\n", None, "row 3: minimum 1 has a row already"),
        ("id\ta\n1\n", None, "row 2 has 1 cells, the header 2"),
    ],
)
def test_a_table_that_cannot_be_read_is_named(tmp_path, text, column, sentence):
    with pytest.raises((InputError, ConfigError), match=sentence):
        table_property(written(tmp_path / "t.tsv", text), column, 4)
