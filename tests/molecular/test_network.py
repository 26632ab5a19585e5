"""Networks from every source, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from symplast.molecular import InteractionNetwork
from symplast.molecular.network_files import read_network

from .networks import KARATE_CLUB, PAW

EDGES = [("00123", "7157"), ("7157", "1956"), ("1956", "00123")]


def test_names_stay_text_and_edges_count_once():
    net = InteractionNetwork.from_edges([*EDGES, ("7157", "00123")])
    assert net.nodes == ("00123", "7157", "1956")
    assert net.n_edges == 3
    assert not net.weighted
    assert net.edges.tolist() == [[0, 1], [0, 2], [1, 2]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: InteractionNetwork.from_edges([("a", "a")]), "drop_self_loops=True"),
        (lambda: InteractionNetwork.from_edges([(1, 2)]), "pairs of names"),
        (lambda: InteractionNetwork.from_edges([("a", "b")], ["a"]), "'b' is not among nodes"),
        (lambda: InteractionNetwork.from_edges([("a", "b")], ["a", "b", "a"]), "each node once"),
        (lambda: InteractionNetwork.from_edges([("a", "b")], weights=[-1.0]), "weights must be one positive number"),
        (lambda: InteractionNetwork.from_edges([("a", "b"), ("b", "a")], weights=[1, 2]), "one weight each"),
        (lambda: InteractionNetwork.from_adjacency(np.array([[0, 1], [0, 0]])), "symmetric"),
        (lambda: InteractionNetwork.from_adjacency(np.eye(2)), "zero diagonal"),
        (lambda: InteractionNetwork.from_adjacency(np.ones((2, 3))), "square"),
        (lambda: InteractionNetwork.from_edges(np.array([[0, 5]]), ["a", "b"]), r"positions in \[0, 1\]"),
        (lambda: InteractionNetwork.from_pandas(pd.DataFrame({"a": [1], "b": [2]}), "a", "b"), "dtype=str"),
        (lambda: PAW.restrict(["x"]), "share names"),
        (lambda: InteractionNetwork.from_edges([]).max_entropy_rate, "must have an edge"),
        (lambda: InteractionNetwork(("a",), sparse.csr_array((2, 2))), r"\(N, N\)"),
    ],
)
def test_wrong_input_says_the_rule(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_every_source_gives_the_same_network(tmp_path):
    frame = pd.DataFrame(EDGES, columns=["source", "target"])
    expected = InteractionNetwork.from_edges(EDGES).adjacency.toarray()
    lines = [f"{a},{b}" for a, b in EDGES]
    (tmp_path / "plain.csv").write_text("\n".join(lines))
    (tmp_path / "named.tsv").write_text("Gene_A\tGene_B\n" + "\n".join("\t".join(e) for e in EDGES))
    (tmp_path / "string.txt").write_text(
        "protein1 protein2 combined_score\n"
        + "\n".join(f"{a} {b} {s}" for (a, b), s in zip(EDGES, (900, 800, 750), strict=True))
    )
    (tmp_path / "net.sif").write_text("00123 pp 7157\n7157 pp 1956\n1956 pp 00123\nalone\n")
    frame.to_parquet(tmp_path / "net.parquet")
    np.savez(tmp_path / "net.npz", nodes=np.array(["00123", "7157", "1956"]), edges=np.array([[0, 1], [1, 2], [2, 0]]))
    (tmp_path / "net.graphml").write_text(
        '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph edgedefault="undirected">'
        + "".join(f'<edge source="{a}" target="{b}"/>' for a, b in EDGES)
        + "</graph></graphml>"
    )
    for path in tmp_path.iterdir():
        found = read_network(path).network
        assert set(found.nodes) == {"00123", "7157", "1956"}, path
        np.testing.assert_array_equal(found.restrict(["00123", "7157", "1956"]).adjacency.toarray(), expected)
    assert read_network(tmp_path / "string.txt", min_score=790).network.n_edges == 2
    assert read_network(tmp_path / "string.txt", weight="combined_score").network.weighted
    np.testing.assert_array_equal(
        InteractionNetwork.from_pandas(frame, "source", "target").adjacency.toarray(), expected
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "a\nb\n", "a column for each end"),
        ("a.csv", "a,b\nc,\n", "line 2 lacks a name"),
        ("a.csv", "", "is empty"),
        ("a.sif", "a pp\n", "line 1 must read"),
        ("a.graphml", "<html/>", "its root is"),
        ("a.graphml", "<graph", "can't be read as XML"),
        ("a.graphml", '<!DOCTYPE x [<!ENTITY a "b">]><graphml/>', "without a document type"),
        ("a.xyz", "a,b", "must end in"),
        ("a.npz", "x", "must be an .npz"),
    ],
)
def test_wrong_files_say_what_is_wrong(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_network(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read_network(tmp_path / "absent.csv")


def test_networkx_graphs_and_their_weights():
    class Graph:  # what is used of one
        nodes = ("a", "b", "c")

        def is_directed(self):
            return False

        class edges:  # noqa: N801
            def __new__(cls, data=None):
                return [("a", "b", 2.0), ("b", "c", 3.0)]

    found = InteractionNetwork.from_networkx(Graph(), weight="w")
    assert found.adjacency.toarray()[0, 1] == 2


def test_restricting_keeps_the_order_and_reports_components():
    part = KARATE_CLUB.restrict(["33", "0", "11", "no"])
    assert part.nodes == ("33", "0", "11")
    inside, report = part.largest_component()
    assert inside.nodes == ("0", "11")
    assert (report.kept, report.dropped, report.components) == (2, ("33",), 2)
    with pytest.raises(ValueError, match=r"2 components: take network\.largest_component"):
        part.check_connected()
