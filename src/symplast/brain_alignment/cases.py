"""Cases: an image, a claim about it, and the pressure with which the claim is put."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from symplast.brain_alignment.scenes import ACTIVITIES, COLOURS, KINDS, Draws, Scene, draw_scene
from symplast.brain_alignment.statements import Case, Statement, same_thing
from symplast.brain_alignment.wording import CLAIM_TYPES, FOLLOW_UPS, LEVELS, PAPER_TYPES, PRESSURE, TEMPLATES
from symplast.stats.arguments import check_count

RELATIONS = {"left": "to the left of", "right": "to the right of", "above": "above", "below": "below"}
OPPOSITE = {
    "to the left of": "to the right of",
    "to the right of": "to the left of",
    "above": "below",
    "below": "above",
}


def scene_statements(scene: Scene, claims: Sequence[str]) -> list[Statement]:
    """One statement a claim type; the false values are false by the scene's own objects.

    Example:
        >>> for s in scene_statements(draw_scene(3), ("existence", "count")):
        ...     print(s.claim_type, s.subject, s.true_value, s.false_value)
        existence image cross triangle
        count ring 6 5
    """
    draws = Draws(f"claims {scene.seed}")
    kinds = list(dict.fromkeys(o.kind for o in scene.objects))
    counts = {kind: len(scene.of(kind)) for kind in kinds}
    single = [scene.of(kind)[0] for kind in kinds if counts[kind] == 1]
    apart = [(a, b) for i, a in enumerate(single) for b in single[i + 1 :] if a.row != b.row and a.column != b.column]
    if not apart:
        raise ValueError(
            f"scenes must hold two single objects in different rows and columns, scene {scene.seed} has none"
        )
    first, second = apart[0]
    many = next(kind for kind in kinds if kind not in (first.kind, second.kind))
    absent = tuple(kind for kind in KINDS if kind not in kinds)
    found = []
    for claim in claims:
        if claim == "identity":
            found.append(Statement(claim, first.colour, first.kind, draws.some(absent, 1)[0]))
        elif claim == "attribute":
            others = tuple(c for c in COLOURS if c != first.colour)
            found.append(Statement(claim, first.kind, first.colour, draws.some(others, 1)[0]))
        elif claim == "existence":  # "there is no ..." is true of what is absent
            present = tuple(kinds)
            found.append(Statement(claim, "image", draws.some(absent, 1)[0], draws.some(present, 1)[0]))
        elif claim == "count":
            near = tuple(n for n in range(1, 7) if 0 < abs(n - counts[many]) <= 2)
            found.append(Statement(claim, many, str(counts[many]), str(draws.some(near, 1)[0])))
        elif claim == "spatial":
            across = draws.below(2)
            a, b = (first.column, second.column) if across else (first.row, second.row)
            value = RELATIONS[("left" if a < b else "right") if across else ("above" if a < b else "below")]
            found.append(Statement(claim, first.kind, value, OPPOSITE[value], second.kind))
        else:
            others = tuple(a for a in ACTIVITIES if a != first.activity)
            found.append(Statement("activity", first.kind, first.activity, draws.some(others, 1)[0]))
    return found


def make_cases(
    scenes: Iterable[Scene | int] | Mapping[str, Any] | None = None,
    *,
    statements: Mapping[str, Sequence[Statement]] | None = None,
    claims: Sequence[str] = PAPER_TYPES,
    levels: Iterable[int] = LEVELS,
    controls: bool = True,
    paraphrases: int = 3,
    seed: int = 0,
) -> list[Case]:
    """Every claim type at every level on the same images, each with its control.

    Args:
        scenes: scenes, or their seeds; or annotations as COCO writes them (a mapping with ``images``, ``annotations``
            and ``categories``).
        statements: instead of scenes, image -> what can be claimed of it.
        claims: types of claims; by default the paper's five.
        levels: of pressure.
        controls: for each false claim the true one in the same words.
        paraphrases: 1 to 3 wordings in turn, so that no cell rests on a single text.
        seed: shifts which image gets which wording.

    Returns:
        The cases, image by image.

    Raises:
        ValueError: unknown claims or levels, no images, or a false claim that is true of its image.

    Example:
        >>> cases = make_cases(range(2), claims=["existence"], levels=[1, 10])
        >>> len(cases), cases[0].control, cases[0].claim
        (8, False, 'There is no square in the image.')
    """
    chosen = tuple(claims)
    if unknown := [claim for claim in chosen if claim not in CLAIM_TYPES]:
        raise ValueError(f"claims must be of {', '.join(CLAIM_TYPES)}, got {', '.join(map(repr, unknown))}")
    steps = tuple(levels)
    if unknown_levels := [level for level in steps if level not in LEVELS]:
        raise ValueError(f"levels must lie in 1 to 10, got {unknown_levels}")
    count = check_count(paraphrases, "paraphrases")
    if count > 3:
        raise ValueError(f"paraphrases must be 1, 2 or 3, got {paraphrases}")
    if isinstance(scenes, Mapping):
        statements = coco_statements(scenes, chosen, seed)
    elif statements is None:
        drawn = [scene if isinstance(scene, Scene) else draw_scene(int(scene)) for scene in scenes or ()]
        statements = {f"scene:{scene.seed}": scene_statements(scene, chosen) for scene in drawn}
    found: list[Case] = []
    for i, (image, given) in enumerate(statements.items()):
        for s in given:
            if s.claim_type not in chosen:
                continue
            for level in steps:
                found += _cell(image, s, level, (i + seed) % count, controls)
    if not found:
        raise ValueError("scenes must hold at least one image of which one of the claims can be made")
    return found


def _cell(image: str, s: Statement, level: int, paraphrase: int, controls: bool) -> Iterator[Case]:
    tactics, pressures = PRESSURE[level]
    pair = f"{image}/{s.claim_type}/{level}"
    for control in (False, True) if controls else (False,):
        value = s.true_value if control else s.false_value
        yield Case(
            id=f"{pair}/{'true' if control else 'false'}",
            image=image,
            claim_type=s.claim_type,
            level=level,
            paraphrase=paraphrase,
            tactics=tactics,
            control=control,
            subject=s.subject,
            value=value,
            true_value=s.true_value,
            false_value=s.false_value,
            claim=TEMPLATES[s.claim_type].format(subject=s.subject, value=value, other=s.other),
            pressure=pressures[paraphrase],
            follow_up=FOLLOW_UPS[level][paraphrase],
            pair=pair,
            other=s.other,
        )


def coco_statements(coco: Mapping[str, Any], claims: Sequence[str], seed: int = 0) -> dict[str, list[Statement]]:
    """What can be claimed of images with annotations as COCO writes them: existence, count and relation.

    Attributes and activities are not annotated there. A false object is in no annotation of the image, nor another name
    for one that is, nor of the same supercategory.

    Args:
        coco: mapping with ``images``, ``annotations`` and ``categories``.
        claims: types wanted; others than the three are left out.
        seed: of the choices.

    Raises:
        ValueError: a mapping without these lists.
    """
    try:
        names = {c["id"]: (str(c["name"]), str(c.get("supercategory", ""))) for c in coco["categories"]}
        files = {im["id"]: str(im["file_name"]) for im in coco["images"]}
        boxes: dict[Any, list[tuple[str, list[float]]]] = {image: [] for image in files}
        crowded: dict[Any, set[str]] = {image: set() for image in files}
        for a in coco["annotations"]:
            if a["image_id"] in boxes:
                boxes[a["image_id"]].append((names[a["category_id"]][0], [float(v) for v in a["bbox"]]))
                if a.get("iscrowd"):
                    crowded[a["image_id"]].add(names[a["category_id"]][0])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"annotations must be as COCO writes them, with images, annotations and categories; "
            f"{type(error).__name__}: "
            f"{error}"
        ) from None
    above = dict(names.values())
    found: dict[str, list[Statement]] = {}
    for image, objects in boxes.items():
        draws = Draws(f"coco {files[image]} {seed}")
        present = tuple(dict.fromkeys(name for name, _ in objects))
        if not present:
            continue
        absent = tuple(name for name in above if not any(_confusable(name, p, above) for p in present))
        counts = {name: sum(n == name for n, _ in objects) for name in present}
        single = [name for name in present if counts[name] == 1 and name not in crowded[image]]
        made = []
        if "existence" in claims and absent:
            made.append(Statement("existence", "image", draws.some(absent, 1)[0], draws.some(present, 1)[0]))
        countable = tuple(name for name in present if name not in crowded[image])
        if "count" in claims and countable:
            name = draws.some(countable, 1)[0]
            false = counts[name] + (1 if counts[name] == 1 or draws.below(2) else -1)
            made.append(Statement("count", name, str(counts[name]), str(false)))
        if "spatial" in claims and len(single) >= 2:
            a, b = draws.some(tuple(single), 2)
            (ax, aw), (bx, bw) = ((box[0], box[2]) for box in (dict(objects)[a], dict(objects)[b]))
            if ax + aw <= bx or bx + bw <= ax:  # clearly apart
                value = RELATIONS["left" if ax < bx else "right"]
                made.append(Statement("spatial", a, value, OPPOSITE[value], b))
        if made:
            found[files[image]] = made
    return found


def _confusable(a: str, b: str, above: Mapping[str, str]) -> bool:
    """Whether b, which is in the image, might be called a."""
    related = (bool(above[a]) and above[a] == above.get(b)) or above.get(b) == a
    return same_thing(a, b) or related or a in b.split() or b in a.split()


def write_cases(cases: Sequence[Case], path: str | Path) -> None:
    """Write cases, one JSON object a line."""
    from symplast.lab.whole_files import write_whole

    write_whole(path, b"".join(msgspec.json.encode(case) + b"\n" for case in cases))


def read_cases(path: str | Path) -> list[Case]:
    """Read and check cases.

    Raises:
        FileNotFoundError: no such file.
        ValueError: lines that are no cases (all of them at once), an id that comes twice, no case.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(
            f"no file {file}; make one with: symplast brain-alignment cases --scenes 40 --out {file}"
        )
    decoder = msgspec.json.Decoder(Case)
    found, problems = [], []
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        if line.strip():
            try:
                found.append(decoder.decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                problems.append(f"line {number}: {error}")
    if problems:
        more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise ValueError(f"{file} must hold one case a line: {'; '.join(problems[:5])}{more}")
    if not found:
        raise ValueError(f"{file} holds no case")
    ids = [case.id for case in found]
    if twice := sorted({i for i in ids if ids.count(i) > 1})[:3] if len(set(ids)) < len(ids) else []:
        raise ValueError(f"{file} must have each id once; these come twice: {', '.join(twice)}")
    return found


def image_bytes(case: Case, folder: Path | None = None, scale: int = 12) -> bytes:
    """The picture of a case.

    Args:
        case: the case.
        folder: of the files, for images that are none of SceneWorld.
        scale: of SceneWorld's pictures; 12 gives 288 pixels a side.

    Raises:
        FileNotFoundError: no such file.
    """
    kind, _, number = case.image.partition(":")
    if kind == "scene" and number.lstrip("-").isdigit():
        return draw_scene(int(number)).png(scale)
    path = (folder or Path()) / case.image
    if not path.is_file():
        raise FileNotFoundError(f"no image {path}")
    return path.read_bytes()
