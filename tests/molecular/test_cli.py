"""``symplast molecular``: good, odd and wrong input."""

import json

import numpy as np
import pandas as pd
import pytest
from commanding import caller

from symplast.cli.molecular import app

from .networks import KARATE

call = caller(app)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.csv").write_text("\n".join(",".join(pair.split("-")) for pair in KARATE.split()))
    rng = np.random.default_rng(0)
    x = 1 + 0.2 * rng.random((34, 12))
    x[[0, 33], :6] += 1  # hubs twice as high: their walkers spread, and the groups are apart
    frame = pd.DataFrame(x, index=[str(i) for i in range(34)], columns=[f"s{i}" for i in range(12)])
    frame.to_csv("x.csv", index_label="gene")
    frame.T.to_csv("turned.csv", index_label="cell")
    frame.iloc[3, 2], frame.iloc[3, 3] = 0, -1
    frame.to_csv("zero.csv", index_label="gene")
    (tmp_path / "g.csv").write_text(
        "sample,kind\n" + "".join(f"s{i},{'early' if i < 6 else 'late'}\n" for i in range(12))
    )
    (tmp_path / "m.bnet").write_text("targets, factors\na, !b\nb, !a\nc, a\n")
    return tmp_path


OWN = ("--network", "net.csv", "--expression", "x.csv", "--min-genes", "0")


def test_entropy_with_groups_and_null(here):
    options = ("--groups", "g.csv:kind", "--high", "early", "--null", "permute", "--draws", 20, "--out", "o")
    record = json.loads(call("entropy", *OWN, *options, "--json").stdout)
    assert record["genes"] == 34
    assert record["groups"]["auc"] == 1
    assert record["groups"]["difference_interval"][0] > 0
    assert record["null"]["mean_auc"] < 1
    assert len(record["values"]) == 12
    table = pd.read_csv("o/samples.csv")
    assert table.columns.tolist() == ["sample", "sr", "rate_nats", "ccat", "group"]
    assert (here / "o/genes.txt").read_text().split() == [str(i) for i in range(34)]
    assert (here / "o/entropy.svg").read_text().startswith("<?xml")
    text = call("entropy", *OWN, *options).stdout
    assert "AUC " in text
    assert "null model permute" in text


def test_genes_and_strategies(here):
    record = json.loads(call("genes", *OWN, "--groups", "g.csv:kind", "--high", "early", "--out", "o", "--json").stdout)
    assert record["below_fdr_0.05"] > 0
    assert len(pd.read_csv("o/genes.csv")) == 34
    assert "genes differ" in call("genes", *OWN, "--groups", "g.csv:kind", "--high", "early", "--top", 2).stdout
    options = ("--network", "net.csv", "--temperatures", "0.35", "--targets", "3", "--draws", 2)
    record = json.loads(call("strategies", *options, "--out", "o", "--json").stdout)
    assert record["nodes"] == 34
    assert len(record["rows"]) == 3
    assert (here / "o/strategies.svg").read_text().startswith("<?xml")
    assert "cured" in call("strategy", *options).stdout


def test_boolean(here):
    record = json.loads(call("boolean", "m.bnet", "--json").stdout)
    assert record["attractors"] == 3
    assert record["exhaustive"]
    assert (
        json.loads(call("attractors", "m.bnet", "--hold", "a=1", "--update", "async", "--json").stdout)["attractors"]
        == 1
    )
    assert "basin entropy" in call("boolean", "m.bnet").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("entropy", *OWN, "--null", "permute"), "--null compares groups"),
        (("entropy", *OWN, "--null", "no", "--groups", "g.csv:kind"), "--null must be one of"),
        (("entropy", *OWN, "--groups", "kind"), "--groups must read FILE:COLUMN"),
        (("entropy", *OWN, "--groups", "g.csv:kind", "--high", "x"), "--high must be one of the labels"),
        (("entropy", *OWN, "--log", "ln"), "--log must be one of"),
        (
            ("entropy", "--network", "net.csv", "--expression", "g.csv"),
            "line 2, column 'kind': 'early' is not a number",
        ),
        (("entropy", *OWN, "--high", "early"), "--high names a group"),
        (("entropy", *OWN, "--seed", -1), "--seed must be at least 0"),
        (("entropy", *OWN, "--groups", "g.csv:no"), "g.csv has no column 'no'; it has sample, kind"),
        (
            ("entropy", "--network", "net.csv", "--expression", "zero.csv"),
            "--expression must be .*'s2' is 0; .*--log log2",
        ),
        (("entropy", "--network", "net.csv", "--expression", "zero.csv", "--log", "log2"), "'s3' is -1; give counts"),
        (("entropy", "--network", "net.csv", "--expression", "turned.csv"), "turn the table round"),
        (("boolean", "m.bnet", "--hold", "a=0", "--hold", "a=1"), "--hold must give each node one value"),
        (
            ("strategies", "--network", "net.csv", "--targets", "35"),
            "--targets and --hubs must be at most the 34 nodes",
        ),
        (("boolean", "m.bnet", "--hold", "a"), "--hold must read NODE=0"),
        (("boolean", "m.bnet", "--hold", "z=1"), "--hold must name nodes"),
        (("boolean", "m.bnet", "--update", "x"), "--update must be"),
        (("strategies", "--network", "net.csv", "--targets", "a"), "--targets must be numbers"),
        (("strategies", "--network", "net.csv", "--temperatures", "0"), "--temperatures must be above 0"),
        (("strategies", "--network", "net.csv", "--draws", 1), "--draws must be at least 2"),
    ],
)
def test_wrong_input_names_the_option(here, arguments, message):
    with pytest.raises(ValueError, match=message):
        call(*arguments)


def test_foreign_names_show_examples(here):
    ids = pd.read_csv("x.csv", dtype={"gene": str})
    ids["gene"] = "G" + ids.gene
    ids.to_csv("foreign.csv", index=False)
    with pytest.raises(ValueError, match=r"first are 'G0', 'G1', 'G2'.*--ids"):
        call("entropy", "--network", "net.csv", "--expression", "foreign.csv")
    (here / "ids.csv").write_text("".join(f"G{i},{i}\n" for i in range(34)))
    found = call("entropy", "--network", "net.csv", "--expression", "foreign.csv", "--ids", "ids.csv", "--min-genes", 0)
    assert "34 genes" in found.stdout
