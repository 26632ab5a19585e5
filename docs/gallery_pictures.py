"""Draw the pictures of the gallery from measured evidence: python docs/gallery_pictures.py OUT SYSTEM...

OUT is the folder that ``symplast reproduce --scale full --out OUT`` wrote. Pictures are WebP files in
``docs/_static/gallery/<system>/``; figures that the systems no longer have are removed there. Run it after publishing.
"""

import io
import sys
from pathlib import Path

from PIL import Image

from symplast.lab.registry import room
from symplast.lab.runner import fresh_runs, plan
from symplast.lab.store import Store
from symplast.lab.theme import render

FOLDER = Path(__file__).parent / "_static" / "gallery"
WIDTH = 760
"""Pixels; text of the figures is then readable on a page, and all of them take about 2 MB."""


def draw(store: Store, name: str) -> list[str]:
    """Draw a system's figures; says which had no evidence."""
    fresh = fresh_runs(plan([name], "full"), store.runs(), store)  # those that are published
    runs = {run.experiment: run for run in fresh.values()}
    folder, missing = FOLDER / name, []
    folder.mkdir(parents=True, exist_ok=True)
    figures = room(name).outline().figures
    for figure in figures.values():
        if (run := runs.get(figure.experiment)) is None:
            missing.append(figure.name)
            continue
        picture = Image.open(io.BytesIO(render(figure.draw(store.evidence(run)), "png"))).convert("RGB")
        picture = picture.resize((WIDTH, round(picture.height * WIDTH / picture.width)), Image.Resampling.LANCZOS)
        picture.save(folder / f"{figure.name}.webp", quality=70, method=6)
    for path in folder.glob("*.webp"):
        if path.stem not in figures:
            path.unlink()
    return missing


if __name__ == "__main__":
    store = Store(Path(sys.argv[1]) / "runs")
    for name in sys.argv[2:]:
        missing = draw(store, name)
        print(name, f"without evidence: {', '.join(missing)}" if missing else "all drawn")
