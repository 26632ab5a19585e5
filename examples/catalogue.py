"""Ask the catalogue: what holds of the papers on a topic, what changed, and a site of it all in a folder.

The catalogue is symplast's own; no paper. Run: python examples/catalogue.py
"""

import tempfile
from pathlib import Path

from symplast.catalogue import Catalogue, EventFilter, Filter, bm25, feed, write_site
from symplast.lab.published import results_folder
from symplast.lab.registry import rooms

catalogue = Catalogue(rooms(), results_folder(), check_code=False)

# Search in one's own words: exact names, BM25 and related terms, fused.
for hit in catalogue.search("how can a network avoid forgetting its first task?", k=3):
    print(f"{hit.slug:12s} {'; '.join(hit.why)}")
    for name in hit.claims[:2]:
        row = catalogue.card(hit.slug).row(name)
        print(f"             {name}: {row.claim.says} [{row.outcome}]")

# Browse: systems with a refuted claim, those with most of them first.
for card in catalogue.cards(Filter(verdict="refuted"), sort="most refuted"):
    print(f"{card.slug:12s} {card.headline}")

# What changed: verdicts that came to or left "refuted".
flipped = catalogue.events(EventFilter(kinds=["verdict_changed"], outcomes=["refuted"]))
print(f"{len(flipped)} verdicts came to or left refuted; their feed has {len(feed(flipped, 'feed.atom', ''))} bytes")

# The ranking alone, on texts of one's own.
notes = [{"text": "spikes and dopamine"}, {"text": "loss and tokens"}, {"text": "spiking hardware"}]
print("scores of 'spik':", bm25(notes, {"text": 1.0}).scores("spik").round(2).tolist())

# The whole site as files.
with tempfile.TemporaryDirectory() as folder:
    index = write_site(catalogue, Path(folder) / "site")
    print(f"a site of {sum(1 for _ in index.parent.rglob('*.*'))} files")
