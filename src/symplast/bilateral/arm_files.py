"""Arms of a user's own, in TOML: ``[skeleton]`` and one ``[[muscle]]`` each."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from symplast.bilateral.arm import MUSCLES, TwoLinkArm
from symplast.bilateral.muscles import Muscle
from symplast.datasets.tables import refuse

SKELETON = tuple(each.name for each in fields(TwoLinkArm) if each.name != "muscles")
OF_MUSCLE = tuple(each.name for each in fields(Muscle))
NEEDED = ("name", "F0", "LT", "L0", "a0")


def read_arm(path: str | Path) -> TwoLinkArm:
    """Read an arm.

    ``[skeleton]`` may give ``m1, m2`` (kg), ``l1, l2, lg1, lg2`` (m), ``I1, I2`` (kg m²), ``q1_deg, q2_deg``
    (``[least, largest]``) and ``dt`` (s); what is left out is as in the reference arm. ``[[muscle]]`` gives ``name``,
    ``F0`` (N), ``LT, L0, a0, shoulder_a1, elbow_a1, shoulder_a2, elbow_a2`` (m, rad), the last four 0 where they are
    left out; without any the reference muscles stay.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no TOML, or with all names and numbers that are wrong.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "arm.toml"
        >>> _ = path.write_text("[skeleton]\\nm2 = 2.0\\nq2_deg = [0, 150]\\n")
        >>> read_arm(path).m2, len(read_arm(path).muscles)
        (2.0, 6)
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; give an arm as TOML, with [skeleton] and [[muscle]]")
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not valid TOML: {error}") from error
    return arm_from(tree, path.name)


def arm_from(tree: Mapping[str, Any], source: str) -> TwoLinkArm:
    """The arm that a tree of tables describes.

    Raises:
        ValueError: with all problems.
    """
    problems = [f"[{name}] is none of [skeleton], [[muscle]]" for name in tree if name not in ("skeleton", "muscle")]
    skeleton, listed = tree.get("skeleton", {}), tree.get("muscle", [])
    if not isinstance(skeleton, Mapping):
        problems.append("[skeleton] must be a table")
        skeleton = {}
    if not isinstance(listed, list) or not all(isinstance(each, Mapping) for each in listed):
        problems.append("muscles must be written [[muscle]], each with a table of its own")
        listed = []
    problems += [_unknown("skeleton", name, SKELETON) for name in skeleton if name not in SKELETON]
    muscles: list[Muscle] = []
    for count, each in enumerate(listed, start=1):
        name = each.get("name", count)
        wrong = [_unknown(f"muscle {name}", key, OF_MUSCLE) for key in each if key not in OF_MUSCLE]
        if missing := [key for key in NEEDED if key not in each]:
            wrong.append(f"muscle {name} lacks {', '.join(missing)}")
        problems += wrong
        if not wrong:
            try:
                muscles.append(Muscle(**each))
            except ValueError as error:
                problems.append(str(error))
    own = {name: value for name, value in skeleton.items() if name in SKELETON}
    try:
        arm = TwoLinkArm(**own, muscles=tuple(muscles) if muscles else MUSCLES)
    except ValueError as error:
        problems.append(str(error))
    refuse(source, problems)
    return arm


def arm_tree(arm: TwoLinkArm) -> dict[str, Any]:
    """The tree that :func:`arm_from` reads."""
    whole = asdict(arm)
    muscles = whole.pop("muscles")
    return {"skeleton": {**whole, "q1_deg": list(arm.q1_deg), "q2_deg": list(arm.q2_deg)}, "muscle": list(muscles)}


def _unknown(place: str, name: str, known: tuple[str, ...]) -> str:
    return f"{place} has no {name}; it takes {', '.join(known)}"
