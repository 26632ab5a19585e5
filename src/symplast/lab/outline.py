"""What a room's study consists of, without importing it: enough to plan runs and to report on them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from symplast.lab.claims import Scale
from symplast.lab.memory import remembered
from symplast.lab.study import Config, Experiment, Figure, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MplFigure
    from xarray import Dataset

    from symplast.lab.registry import Room


class _Experiment(msgspec.Struct, frozen=True):
    settings: dict[Scale, dict[str, Any]]
    data: dict[Scale, tuple[str, ...]]
    doc: str
    on_demand: bool


class _Figure(msgspec.Struct, frozen=True):
    experiment: str
    caption: str
    alt: str


class _Outline(msgspec.Struct, frozen=True):
    experiments: dict[str, _Experiment]
    figures: dict[str, _Figure]


def outline(room: "Room") -> Study:
    """A study whose experiments and figures are imported when one of them is called.

    For the systems of symplast it is remembered as long as no line of symplast changes; the study of a plug-in, whose
    source may lie anywhere, is imported.
    """
    if not room.built_in:
        return room.study()
    found = remembered(f"study-{room.name}", _Outline, lambda: _take_down(room.study()))
    study = Study(room.name)
    for name, about in found.experiments.items():
        study.experiments[name] = Experiment(
            name, _measuring(room, name), about.settings, about.data, about.doc, about.on_demand
        )
    for name, figure in found.figures.items():
        study.figures[name] = Figure(name, figure.experiment, _drawing(room, name), figure.caption, figure.alt)
    return study


def _take_down(study: Study) -> _Outline:
    def plain(settings: Mapping[Scale, Mapping[str, Any]]) -> dict[Scale, dict[str, Any]]:
        return {scale: dict(own) for scale, own in settings.items()}

    return _Outline(
        {
            name: _Experiment(plain(one.settings), dict(one.data), one.doc, one.on_demand)
            for name, one in study.experiments.items()
        },
        {name: _Figure(one.experiment, one.caption, one.alt) for name, one in study.figures.items()},
    )


def _measuring(room: "Room", name: str) -> Any:
    def measure(config: Config, key: Any) -> "Dataset":
        return room.study().experiments[name].measure(config, key)

    return measure


def _drawing(room: "Room", name: str) -> Any:
    def draw(dataset: "Dataset") -> "MplFigure":
        return room.study().figures[name].draw(dataset)

    return draw
