"""``symplast molecular``: entropy of a user's cells, attractors of Boolean models, drug strategies on a network."""

from pathlib import Path
from typing import Annotated, Any

import typer

from symplast.cli.console import computing, out, print_json, tell, write_files
from symplast.cli.molecular_files import as_options, first_group, labels_of, matched_of, network_of
from symplast.cli.options import AS_JSON, SEED, check_least, numbers

app = typer.Typer(help="Molecular networks: entropy of cells, attractors, drug strategies.", no_args_is_help=True)

NETWORK = typer.Option(
    help="Edges: .csv, .tsv, .txt (two columns of names), .sif, .graphml, .npz; or human, the human protein network "
    "of the data set molecular-networks."
)
EXPRESSION = typer.Option(help="Genes by samples: .csv, .tsv, .parquet, .npz, .h5ad, or a 10x folder.")
GROUPS = typer.Option(help="FILE:COLUMN with a label for each sample; for .h5ad and .npz a column of theirs.")
HIGH = typer.Option(help="The label that is expected higher; the others are the second group.")
LOG = typer.Option(help="auto, log2 (log2(x + 1.1)), log1p (undo scanpy's log1p first), or none.")
IDS = typer.Option(help="Table of two columns: gene name in EXPRESSION, name in NETWORK.")
WEIGHT = typer.Option(help="Column or attribute with weights of the edges; default: all alike.")
SCORE = typer.Option(help="Keep edges with at least this score (STRING: 700).")
LOOPS = typer.Option(False, "--drop-self-loops", help="Leave edges from a node to itself out.")
LAYER = typer.Option(help="Layer of an .h5ad.")
FOLDER = typer.Option("--out", help="Folder for the tables and the figure.", file_okay=False)


@app.command()
def entropy(
    network: Annotated[str, NETWORK],
    expression: Annotated[Path, EXPRESSION],
    groups: Annotated[str | None, GROUPS] = None,
    high: Annotated[str | None, HIGH] = None,
    null: Annotated[str | None, typer.Option(help="permute, er or degree: a null model for the groups.")] = None,
    draws: Annotated[int, typer.Option(help="Draws of the null model.")] = 1000,
    log: Annotated[str, LOG] = "auto",
    ids: Annotated[Path | None, IDS] = None,
    weight: Annotated[str | None, WEIGHT] = None,
    min_score: Annotated[float | None, SCORE] = None,
    drop_self_loops: bool = LOOPS,
    layer: Annotated[str | None, LAYER] = None,
    min_genes: Annotated[int, typer.Option(help="Fewer common genes than this bring a warning.")] = 5000,
    folder: Annotated[Path | None, FOLDER] = None,
    seed: Annotated[int, SEED] = 0,
    as_json: bool = AS_JSON,
) -> None:
    """Signalling entropy rate and CCAT of every sample, compared between groups and with a null model."""
    import jax
    import numpy as np

    from symplast.molecular.entropy import entropy_of
    from symplast.molecular.groups import auc_interval, compare_groups
    from symplast.molecular.nulls import null_of

    kinds = {"permute": "permute_genes", "er": "er", "degree": "degree_preserving"}
    if null is not None and null not in kinds:
        raise ValueError(f"--null must be one of {', '.join(kinds)}, got {null!r}")
    if null is not None and groups is None:
        raise ValueError("--null compares groups: give --groups FILE:COLUMN too")
    if high is not None and groups is None:
        raise ValueError("--high names a group: give --groups FILE:COLUMN too")
    check_least(("--draws", draws, 2), ("--seed", seed, 0))
    with computing(), as_options():
        matched, table = matched_of(network, expression, log, ids, weight, min_score, drop_self_loops, layer, min_genes)
        labels = None if groups is None else labels_of(groups, table, expression)
        first = None if labels is None else first_group(labels, high)
        found = entropy_of(matched)
        record: dict[str, Any] = {
            "genes": len(found.genes),
            "edges": matched.network.n_edges,
            "samples": len(found.samples),
            "outside_largest_component": len(found.dropped),
            "transform": found.log,
            "max_rate_nats": found.max_sr,
            "sr": {"mean": float(found.sr.mean()), "min": float(found.sr.min()), "max": float(found.sr.max())},
        }
        if first is not None and labels is not None:
            name = high if high is not None else str(np.unique(labels)[-1])
            difference, area = compare_groups(found.sr, first, seed=seed), auc_interval(found.sr, first, seed=seed)
            record["groups"] = {
                "high": name,
                "sizes": [int(first.sum()), int((~first).sum())],
                "means": list(difference.means),
                "difference": difference.difference.value,
                "difference_interval": list(difference.difference.interval),
                "auc": area.value,
                "auc_interval": list(area.interval),
                "p_value": difference.p_value,
            }
            if null is not None:
                test = null_of(matched, first, null=kinds[null], n=draws, key=jax.random.key(seed))
                record["null"] = {
                    "model": null,
                    "draws": draws,
                    "mean_auc": float(test.null_aucs.mean()),
                    "p_value": test.p_value,
                    "network_share": test.network_share.value,
                    "network_share_interval": list(test.network_share.interval),
                }
    rows = {"sample": found.samples, "sr": found.sr, "rate_nats": found.raw, "ccat": found.ccat}
    if folder is not None:
        import pandas as pd

        from symplast.molecular.own_figures import samples_figure

        frame = pd.DataFrame(rows if labels is None else {**rows, "group": labels})
        picture = samples_figure(found.sr, None if labels is None else labels.tolist())
        texts = {"genes.txt": "\n".join(found.genes) + "\n"}
        write_files(folder, {"samples.csv": frame, **texts, "entropy.svg": picture})
    if as_json:
        values = [[str(s), float(a), float(c)] for s, a, c in zip(found.samples, found.sr, found.ccat, strict=True)]
        print_json({**record, "columns": ["sample", "sr", "ccat"], "values": values})
        return
    _print_entropy(record, found.samples, found.sr, found.ccat)


def _print_entropy(record: dict[str, Any], samples: Any, sr: Any, ccat: Any) -> None:
    out.print(
        f"{record['samples']} samples, {record['genes']} genes, {record['edges']} edges; transform: "
        f"{record['transform']}; "
        f"largest rate {record['max_rate_nats']:.6f} nats",
        soft_wrap=True,
    )
    if "groups" in record:
        g = record["groups"]
        low, high = g["difference_interval"]
        least, most = g["auc_interval"]
        out.print(f"{g['high']} (n = {g['sizes'][0]}): mean {g['means'][0]:.5f}; others (n = {g['sizes'][1]}): "
                  f"{g['means'][1]:.5f}", soft_wrap=True)  # fmt: skip
        out.print(f"difference {g['difference']:.5f} [{low:.5f}, {high:.5f}], AUC {g['auc']:.3f} [{least:.3f}, "
                  f"{most:.3f}], one-sided p {g['p_value']:.2g}", soft_wrap=True)  # fmt: skip
    if "null" in record:
        n = record["null"]
        low, high = n["network_share_interval"]
        out.print(f"null model {n['model']} ({n['draws']} draws): mean AUC {n['mean_auc']:.3f}, p "
                  f"{n['p_value']:.2g}; due to "
                  f"the genes' places {n['network_share']:.3f} [{low:.3f}, {high:.3f}]", soft_wrap=True)  # fmt: skip
    for sample, rate, r in list(zip(samples, sr, ccat, strict=True))[:10]:
        out.print(f"{sample}: SR {rate:.5f}, CCAT {r:.4f}", soft_wrap=True)
    if len(samples) > 10:
        out.print(f"... and {len(samples) - 10} more (--out DIR writes all)")


@app.command()
def genes(
    network: Annotated[str, NETWORK],
    expression: Annotated[Path, EXPRESSION],
    groups: Annotated[str, GROUPS],
    high: Annotated[str | None, HIGH] = None,
    permutations: Annotated[int, typer.Option(help="Permutations of the labels.")] = 1000,
    top: Annotated[int, typer.Option(help="Genes to print.")] = 20,
    log: Annotated[str, LOG] = "auto",
    ids: Annotated[Path | None, IDS] = None,
    weight: Annotated[str | None, WEIGHT] = None,
    min_score: Annotated[float | None, SCORE] = None,
    drop_self_loops: bool = LOOPS,
    layer: Annotated[str | None, LAYER] = None,
    min_genes: Annotated[int, typer.Option(help="Fewer common genes than this bring a warning.")] = 5000,
    folder: Annotated[Path | None, FOLDER] = None,
    seed: Annotated[int, SEED] = 0,
    as_json: bool = AS_JSON,
) -> None:
    """Genes whose local entropy differs between two groups, with permutation p and false discovery rate."""
    import jax

    from symplast.molecular.differential import differential_entropy
    from symplast.molecular.entropy import entropy_of

    check_least(("--permutations", permutations, 1), ("--top", top, 1), ("--seed", seed, 0))
    with computing(), as_options():
        matched, table = matched_of(network, expression, log, ids, weight, min_score, drop_self_loops, layer, min_genes)
        first = first_group(labels_of(groups, table, expression), high)
        result = entropy_of(matched, local=True)
        frame = differential_entropy(result, first, n=permutations, key=jax.random.key(seed))
    if folder is not None:
        write_files(folder, {"genes.csv": frame})
    shown = frame.head(top)
    if as_json:
        print_json(
            {"genes": len(frame), "below_fdr_0.05": int((frame.fdr < 0.05).sum()), "top": shown.to_dict("records")}
        )
        return
    out.print(f"{int((frame.fdr < 0.05).sum())} of {len(frame)} genes differ at a false discovery rate of 0.05")
    for row in shown.itertuples():
        out.print(f"{row.gene}: {row.difference:+.4f} ({row.mean_first:.4f} against {row.mean_second:.4f}), p "
                  f"{row.p:.2g}, "
                  f"fdr {row.fdr:.2g}", soft_wrap=True)  # fmt: skip


@app.command()
def boolean(
    model: Annotated[Path, typer.Argument(help="Boolean model, .bnet.")],
    update: Annotated[str, typer.Option(help="sync, or async (one random node at a time, up to 18 nodes).")] = "sync",
    hold: Annotated[list[str] | None, typer.Option(help="NODE=0 or NODE=1: held there (a drug, a mutation).")] = None,
    samples: Annotated[int, typer.Option(help="Random states of large models, random walks of async.")] = 10_000,
    top: Annotated[int, typer.Option(help="Attractors to print.")] = 10,
    seed: Annotated[int, SEED] = 0,
    as_json: bool = AS_JSON,
) -> None:
    """Attractors of a Boolean model with their basins, basin entropy and the growth of perturbations."""
    import jax

    from symplast.molecular import BooleanNetwork, find_attractors

    if update not in ("sync", "async"):
        raise ValueError(f"--update must be sync or async, got {update!r}")
    check_least(("--samples", samples, 1), ("--top", top, 1), ("--seed", seed, 0))
    fixed: dict[str, int] = {}
    for text in hold or ():
        name, _, state = text.partition("=")
        if state not in ("0", "1"):
            raise ValueError(f"--hold must read NODE=0 or NODE=1, got {text!r}")
        if fixed.setdefault(name, int(state)) != int(state):
            raise ValueError(f"--hold must give each node one value, {name!r} has 0 and 1")
    with computing(), as_options():
        network = BooleanNetwork.from_bnet(model).hold(fixed)
        found = find_attractors(network, update, samples=samples, key=jax.random.key(seed))
    rows: list[dict[str, Any]] = [
        {
            "length": len(a.states),
            "basin": a.basin,
            "on": [n for n, s in zip(network.nodes, a.states[0], strict=True) if s],
        }
        for a in found.attractors
    ]
    record = {
        "nodes": network.n,
        "update": update,
        "exhaustive": found.exhaustive,
        "followed": found.starts,
        "attractors": len(rows),
        "basin_entropy_nats": found.basin_entropy,
        "state_entropy_nats": found.state_entropy,
        "derrida_slope": found.derrida,
    }
    if as_json:
        print_json({**record, "held": fixed, "list": rows[: max(top, 1)]})
        return
    how = (
        "all states"
        if found.exhaustive
        else f"{found.starts} {'random walks' if update == 'async' else 'random states'}"
    )
    out.print(f"{network.n} nodes, {update}, {how}: {len(rows)} attractors", soft_wrap=True)
    out.print(f"basin entropy {found.basin_entropy:.4f} nats, state entropy {found.state_entropy:.4f} nats, Derrida "
              f"slope "
              f"{found.derrida:.3f}", soft_wrap=True)  # fmt: skip
    for row in rows[:top]:
        kind = "fixed point" if row["length"] == 1 else f"{row['length']} states"
        on = ", ".join(row["on"]) or "none"
        out.print(
            f"{100 * row['basin']:.4g} % {kind}; on{' in the first' if row['length'] > 1 else ''}: {on}", soft_wrap=True
        )


@app.command()
def strategies(
    network: Annotated[str, NETWORK],
    temperatures: Annotated[
        str, typer.Option(help="Commas between; low is rigid, high is plastic.")
    ] = "0.2,0.35,0.5,0.65",
    targets: Annotated[str, typer.Option(help="Numbers of targets, commas between.")] = "6,12,36",
    draws: Annotated[int, typer.Option(help="Pairs of random patterns.")] = 20,
    hubs: Annotated[int, typer.Option(help="Nodes that count as hubs.")] = 6,
    weight: Annotated[str | None, WEIGHT] = None,
    min_score: Annotated[float | None, SCORE] = None,
    drop_self_loops: bool = LOOPS,
    folder: Annotated[Path | None, FOLDER] = None,
    seed: Annotated[int, SEED] = 0,
    as_json: bool = AS_JSON,
) -> None:
    """Hubs, their neighbours or random nodes: which cures the learning network on your topology, at which dose."""
    import jax

    from symplast.molecular.response import DOSES
    from symplast.molecular.strategies import compare_strategies
    from symplast.molecular.topology import topology_of

    T, k = numbers(temperatures, "--temperatures"), numbers(targets, "--targets", int)
    for option, text, values in (("--temperatures", temperatures, T), ("--targets", targets, k)):
        if any(not 0 < value < float("inf") for value in values):
            raise ValueError(f"{option} must be above 0, got {text!r}")
    check_least(("--draws", draws, 2), ("--hubs", hubs, 1), ("--seed", seed, 0))
    with computing(), as_options():
        whole = network_of(network, weight, min_score, drop_self_loops)
        inside, report = whole.largest_component()
        if report.dropped:
            tell(f"{len(report.dropped)} nodes outside the largest component left out")
        if max(*k, hubs) > inside.n:
            raise ValueError(
                f"--targets and --hubs must be at most the {inside.n} nodes of the network, got {max(*k, hubs)}"
            )
        scale = inside.n / 240
        found = compare_strategies(
            topology_of(inside), T, k, hubs=hubs, draws=draws, doses=DOSES * scale, key=jax.random.key(seed)
        )
        table = found.table()
    if folder is not None:
        from symplast.molecular.own_figures import strategies_figure

        write_files(folder, {"strategies.csv": table, "strategies.svg": strategies_figure(found)})
    if as_json:
        rows = [{key: value for key, value in row.items() if value == value} for row in table.to_dict("records")]
        print_json({"nodes": inside.n, "edges": inside.n_edges, "draws": draws, "rows": rows})
        return
    out.print(f"{inside.n} nodes, {inside.n_edges} edges, {draws} pairs of patterns (a model: it says nothing about "
              f"patients)",
              soft_wrap=True)  # fmt: skip
    for row in table.to_dict("records"):
        if not row["networks"]:
            out.print(f"T = {row['T']:g}, {row['drug']}: no network has both attractors", soft_wrap=True)
            continue
        if row["targets"] < int(row["drug"].rpartition(", ")[2]):
            row["drug"] += f" (found {row['targets']:.3g})"
        share = f"{row['cured']} of {row['networks']} [{row['success_low']:.2f}, {row['success_high']:.2f}]"
        dose = row.get("dose")
        tail = (
            f", median dose {dose:g} [{row['dose_low']:g}, {row['dose_high']:g}]"
            if dose is not None and dose == dose
            else ""
        )
        out.print(f"T = {row['T']:g}, {row['drug']} targets: cured {share}{tail}", soft_wrap=True)


app.command("attractors", hidden=True)(boolean)
app.command("strategy", hidden=True)(strategies)
