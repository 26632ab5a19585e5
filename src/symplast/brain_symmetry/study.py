"""The experiments behind the claims: planes, midlines and measures with exact truth, inserted spheres, splits."""

from typing import Any

import jax
import numpy as np

from symplast import stats
from symplast.brain_symmetry.asymmetry import asymmetry_map
from symplast.brain_symmetry.classifier import SIDES_PX
from symplast.brain_symmetry.cohort import Cohort
from symplast.brain_symmetry.curved import chord_shift, curved_midline
from symplast.brain_symmetry.format_check import largest_change, share_read
from symplast.brain_symmetry.measures import regions, symmetry
from symplast.brain_symmetry.measuring import (
    EXPERT_DEG,
    SNR_NOISE,
    framed,
    framed_points,
    phantom_pose,
    plane_errors,
    stored_as,
    tilted,
    whole_range,
)
from symplast.brain_symmetry.midline import find_midline
from symplast.brain_symmetry.midplane import find_midplane
from symplast.brain_symmetry.phantom import BOW_SIGMA_MM, PAIRS, NeoPhantom, part_mask
from symplast.brain_symmetry.planes import Plane, rigid_motion
from symplast.brain_symmetry.published import T1_VOLUMES, T2_VOLUMES
from symplast.brain_symmetry.scoring import (
    SCORES,
    accuracy_of_split,
    aligned_half,
    auc,
    auc_interval,
    found_alarms,
    network_for_spheres,
    random_sphere,
    scores_of,
    scores_on_found_planes,
    textured_slices,
    upright_scan,
    with_sphere,
)
from symplast.brain_symmetry.slicing import SYMBRAIN_SHAPE, line_in, slice_plane_of_axis, slices
from symplast.brain_symmetry.template import DATA, degrade, mni152, random_pose, turned
from symplast.brain_symmetry.volume import Volume
from symplast.lab import Config, Evidence, Study, evidence
from symplast.learning.host_random import generator

study = Study("brain_symmetry")

CUBE = (97, 97, 97)
CUBE_MM = 1.5
UPRIGHT = Plane(np.array([1.0, 0.0, 0.0]), 0.0)


@study.experiment(quick={"volumes": 1}, full={"volumes": 6})
def layout(config: Config, key: Any) -> Evidence:
    """The published set's slices of phantom volumes on its grid."""
    counts, indices, shapes, names, positions = [], [], [], [], []
    for number in range(config.volumes):
        pose = phantom_pose(generator(key, number), 10.0, 4.0)
        scan, _ = NeoPhantom().render(SYMBRAIN_SHAPE, 0.5, pose)
        cut = slices(scan, preset="symbrain")
        counts.append(len(cut))
        indices.append([piece.index for piece in cut])
        shapes.append([piece.image.shape for piece in cut])
        names.append(slice_plane_of_axis(scan, 2))
        positions.append([piece.position_mm for piece in cut])
    alike = [len({str(each) for each in values}) == 1 for values in (counts, indices, shapes)]
    if not all(alike):
        raise ValueError("volumes of one shape must be cut alike")
    return evidence(
        images_per_volume=counts[0],
        indices=(("slice",), indices[0]),
        image_shape=(("axis",), shapes[0][0]),
        published_images=counts[0] * (T1_VOLUMES + T2_VOLUMES),
        third_axis_is_axial=bool(all(name == "axial" for name in names)),
        position_mm=(("slice",), positions[0]),
        units={"position_mm": "mm"},
    )


@study.experiment(
    quick={"seeds": 3, "pitch_mm": 2, "without": 0}, full={"seeds": 20, "pitch_mm": 1, "without": 6}, data=(DATA,)
)
def template(config: Config, key: Any) -> Evidence:
    """Planes of the MNI template under random rigid transforms, clean and under bias field, noise and a hole."""
    whole, clean, spoiled, without = mni152(config.pitch_mm), [], [], []
    for seed in range(config.seeds):
        rng = generator(key, seed)
        scan, plane = turned(whole, random_pose(rng))
        clean.append(plane_errors(scan, plane)[:2])
        scan = degrade(scan, rng)
        spoiled.append(plane_errors(scan, plane)[:2])
        if seed < config.without:
            without.append(plane_errors(scan, plane, bias=False)[:2])
    (angle, offset), (degraded_angle, degraded_offset) = np.transpose(clean), np.transpose(spoiled)
    return evidence(
        angle_deg=(("seed",), angle),
        offset_mm=(("seed",), offset),
        angle_range=whole_range(angle),
        offset_range=whole_range(offset),
        degraded_angle_deg=(("seed",), degraded_angle),
        degraded_offset_mm=(("seed",), degraded_offset),
        without_handling=(("pose", "error"), np.reshape(without, (-1, 2))),
        units={"angle_deg": "deg", "offset_mm": "mm", "angle_range": "deg", "offset_range": "mm",
               "degraded_angle_deg": "deg", "degraded_offset_mm": "mm"},
    )  # fmt: skip


@study.experiment(quick={"seeds": 3}, full={"seeds": 20})
def bias_handling(config: Config, key: Any) -> Evidence:
    """Planes of phantoms under a bias field of 30 %, with and without handling it."""
    rows, without, tilts = [], [], []
    for seed in range(config.seeds):
        pose = phantom_pose(generator(key, seed), 20.0)
        own = jax.random.fold_in(key, seed)
        scan, truth = NeoPhantom(noise=5, bias=0.3).render(CUBE, CUBE_MM, pose, key=own)
        rows.append(plane_errors(scan, truth.plane)[:2])
        without.append(plane_errors(scan, truth.plane, bias=False)[:2])
        tilts.append(truth.plane.tilt_deg)
    (angle, offset), (plain_angle, plain_offset) = np.transpose(rows), np.transpose(without)
    within = (angle <= 1) & (offset <= 0.7)
    return evidence(
        angle_deg=(("seed",), angle),
        offset_mm=(("seed",), offset),
        angle_without_deg=(("seed",), plain_angle),
        offset_without_mm=(("seed",), plain_offset),
        share_within=stats.clopper_pearson(int(within.sum()), len(within)),
        tilt_deg=(("pose",), tilts),
        units={"angle_deg": "deg", "offset_mm": "mm", "angle_without_deg": "deg", "offset_without_mm": "mm"},
    )


@study.experiment(full={"poses": 200})
def sweep(config: Config, key: Any) -> Evidence:
    """Planes of phantoms over noise, bias field and tilt."""
    rng = generator(key, 0)
    snr = np.exp(rng.uniform(np.log(3), np.log(50), config.poses))
    bias = rng.uniform(0, 0.4, config.poses)
    tilt = rng.uniform(0, 40, config.poses)
    angle, offset, flagged = np.empty((3, config.poses))
    for i in range(config.poses):
        pose = tilted(tilt[i], rng)
        phantom = NeoPhantom(noise=SNR_NOISE / snr[i], bias=bias[i])
        scan, truth = phantom.render(CUBE, CUBE_MM, pose, key=jax.random.fold_in(key, i))
        angle[i], offset[i], found = plane_errors(scan, truth.plane)
        flagged[i] = bool(found.flags)
    ok = (angle <= EXPERT_DEG) & (offset <= 1)
    high = snr >= 5
    return evidence(
        share_within=stats.clopper_pearson(int(ok[high].sum()), int(high.sum())),
        share_at_low_snr=stats.clopper_pearson(int(ok[~high].sum()), int((~high).sum())),
        failures_without_flag=int((~ok & (flagged == 0)).sum()),
        angle_deg=(("pose",), angle),
        offset_mm=(("pose",), offset),
        flagged=(("pose",), flagged),
        snr=(("pose",), snr),
        bias=(("pose",), bias),
        tilt_deg=(("pose",), tilt),
        units={"angle_deg": "deg", "offset_mm": "mm", "tilt_deg": "deg"},
    )


@study.experiment(quick={"scans": 2}, full={"scans": 12}, data=(DATA,))
def midline(config: Config, key: Any) -> Evidence:
    """Straight midlines of axial slices of phantoms and template: cut from the plane, and found on the lone slice."""
    cut_rows, lone_rows, kinds = [], [], []
    images, drawn = [], []
    whole = mni152(2)
    for number in range(config.scans):
        rng = generator(key, number)
        pose = rigid_motion([0, 0, rng.uniform(-25, 25)], [*rng.uniform(-9, 9, 2), 0])
        if number % 2:
            scan, truth = NeoPhantom().render((129, 129, 97), 1.0, pose)
            plane = truth.plane
        else:
            scan, plane = turned(whole, pose)
        found = find_midplane(scan)
        pieces = slices(scan, at=(-12.5, 0.0, 12.5), centroid=found.centroid)
        for piece in pieces:
            pixel = float(piece.spacing[0])
            exact, own = line_in(plane, piece), line_in(found.plane, piece)
            lone = find_midline(piece.image, pixel)
            cut_rows.append((exact.angle_to(own), exact.distances(own, pixel).mean()))
            lone_rows.append((exact.angle_to(lone), exact.distances(lone, pixel).mean()))
            kinds.append("phantom" if number % 2 else "template")
        middle = pieces[1].square()
        images.append(framed(middle))
        drawn.append(
            [
                framed_points(middle, line.points)
                for line in (
                    line_in(plane, middle),
                    line_in(found.plane, middle),
                    find_midline(middle.image, float(middle.spacing[0])),
                )
            ]
        )
    cut, lone_errors = np.transpose(cut_rows), np.transpose(lone_rows)
    return evidence(
        cut_angle_deg=(("seed",), cut[0]),
        cut_distance_mm=(("seed",), cut[1]),
        lone_angle_deg=(("seed",), lone_errors[0]),
        lone_distance_mm=(("seed",), lone_errors[1]),
        image=(("shown", "row", "column"), np.stack(images[:4])),
        lines=(("shown", "line", "end", "xy"), np.stack(drawn[:4])),
        kind=(("slice",), [kind == "phantom" for kind in kinds]),
        units={"cut_angle_deg": "deg", "lone_angle_deg": "deg", "cut_distance_mm": "mm", "lone_distance_mm": "mm"},
    )


@study.experiment(quick={"seeds": 3}, full={"seeds": 10})
def shift(config: Config, key: Any) -> Evidence:
    """Midline shift of bowed phantoms against the same measure on the exact curve."""
    bows = (0.0, 1.0, 2.0, 3.0, 5.0)
    estimate, truth = np.empty((2, config.seeds, len(bows)))
    for b, bow in enumerate(bows):
        down = rigid_motion([0, 0, 0], [0, 0, -5])
        still, _ = NeoPhantom(bow_mm=bow).render((240, 280, 17), 0.5, down, supersample=2)
        for seed in range(config.seeds):
            noisy = NeoPhantom(noise=3).degraded(still.data, still.spacing, generator(key, seed, b))
            piece = slices(Volume(noisy, still.affine, "T2"), at=[0.0], relative="world")[0]
            found = curved_midline(piece, UPRIGHT)
            y = found.points_mm[:, 1]
            exact = bow * np.exp(-(y**2 + 5**2) / (2 * BOW_SIGMA_MM**2))
            estimate[seed, b], truth[seed, b] = found.shift_mm, chord_shift(found.along_mm, exact)
    error = np.abs(estimate - truth)
    return evidence(
        error_unshifted_mm=(("seed",), error[:, 0]),
        error_shifted_mm=(("seed", "bow"), error[:, 1:]),
        estimate_mm=(("draw", "s"), estimate),
        truth_mm=(("draw", "s"), truth),
        coords={"s": list(bows)},
        units={"error_unshifted_mm": "mm", "error_shifted_mm": "mm", "estimate_mm": "mm", "truth_mm": "mm"},
    )


@study.experiment(quick={"scale": 1.3})
def ventricles(config: Config, key: Any) -> Evidence:
    """Asymmetry index of the lateral ventricles with the left one enlarged."""
    shape = (80, 120, 80)
    left = part_mask("left ventricle", shape, 0.5, config.scale)
    labels = np.where(left, 1, np.where(part_mask("right ventricle", shape, 0.5), 2, 0))
    scan, _ = NeoPhantom(ventricle_scale=(config.scale, 1.0)).render(shape, 0.5)
    found = regions(scan, labels, {"ventricle": (1, 2)})["ventricle"]
    return evidence(
        asymmetry_index=found["volume_ai"],
        left_mm3=found["left_mm3"],
        right_mm3=found["right_mm3"],
        units={"left_mm3": "mm3", "right_mm3": "mm3"},
    )


@study.experiment(quick={"planes": 100}, data=(DATA,))
def identities(config: Config, key: Any) -> Evidence:
    """Reflections, antisymmetry of maps, and the measures of symmetric scans."""
    rng = generator(key, 0)
    involution = 0.0
    for _ in range(config.planes):
        M = Plane(rng.standard_normal(3), rng.uniform(-20, 20)).reflection
        involution = max(involution, float(np.abs(M @ M - np.eye(4)).max()))
    scan, truth = NeoPhantom(noise=3, ventricle_scale=(1.3, 1.0), asymmetry_mm=2).render((65, 65, 65), 2.0, key=key)
    A = asymmetry_map(scan, truth.plane, 2.0).data
    both = np.isin(truth.labels, PAIRS["ventricle"]).astype(int)
    index, turned_round = (
        regions(Volume(scan.data[::step], scan.affine), both[::step], {"ventricle": 1}, UPRIGHT)["ventricle"][
            "volume_ai"
        ]
        for step in (1, -1)
    )
    worst = []
    even, labels = NeoPhantom().render((65, 65, 65), 2.0)
    for symmetric in (even, mni152(2)):
        found = symmetry(symmetric, UPRIGHT, spacing_mm=2.0)
        worst.append([1 - found["ncc"], 1 - found["ssim"], 1 - found["ssim_gaussian"], 1 - found["dice"]])
    indices = [abs(each["volume_ai"]) for each in regions(even, labels.labels, PAIRS).values()]
    return evidence(
        antisymmetry=float(np.abs(A + A[::-1]).max() / np.abs(A).max()),
        involution=involution,
        index_turns_round=abs(index + turned_round),
        symmetric=float(max(np.abs(worst).max(), max(indices))),
    )


@study.experiment(
    full={"reference": 24, "healthy": 24, "inserted": 24, "asymmetries": [0.0, 1.0, 2.0, 3.0], "noise": 3.0,
          "resamples": 2000, "found": 6, "epochs": 12}
)  # fmt: skip
def anomalies(config: Config, key: Any) -> Evidence:
    """Spheres inserted into phantoms: areas under the curve of four scores, by size and natural asymmetry."""
    levels, sides = config.asymmetries, SIDES_PX
    healthy = np.empty((len(levels), len(SCORES), config.healthy))
    hit = np.empty((len(levels), len(SCORES), len(sides), config.inserted))
    cohorts, halves_of_healthy = [], []
    for a, level in enumerate(levels):
        own = jax.random.fold_in(key, a)
        reference = [upright_scan(level, config.noise, jax.random.fold_in(own, i)) for i in range(config.reference)]
        cohorts.append(Cohort.of_halves([aligned_half(scan)[0] for scan in reference], "T2"))
        network = network_for_spheres(reference, config.epochs, own)
        kept = []
        for i in range(config.healthy):
            scan = upright_scan(level, config.noise, jax.random.fold_in(own, 1000 + i))
            healthy[a, :, i], half = scores_of(scan, cohorts[a], network)
            kept.append(half)
        halves_of_healthy.append(kept)
        for i in range(config.inserted):
            seed = jax.random.fold_in(own, 2000 + i)
            still = upright_scan(level, 0.0, seed)
            for s, side in enumerate(sides):
                scan = with_sphere(still, random_sphere(generator(seed, 7, s), side), config.noise, seed)
                hit[a, :, s, i], _ = scores_of(scan, cohorts[a], network)
    areas = auc(hit, healthy[:, :, None])
    low, high = np.empty((2, *areas.shape))
    for place in np.ndindex(areas.shape):
        each = auc_interval(hit[place], healthy[place[:2]], config.resamples, config.seed)
        low[place], high[place] = each.low, each.high
    one, large = levels.index(1.0), [s for s, side in enumerate(sides) if side >= 23]
    judged: dict[str, Any] = {}
    for n, name in enumerate(("percentile", "mahalanobis")):
        for end, values in (("", areas), ("_low", low), ("_high", high)):
            judged[f"auc_{name}{end}"] = (("large",), values[one, n, large])
    alarms = np.mean([[found_alarms(half, cohorts[one]) for half in row] for row in halves_of_healthy], axis=1)
    return evidence(
        **judged,
        auc=(("asymmetry", "score", "side"), areas),
        auc_low=(("asymmetry", "score", "side"), low),
        auc_high=(("asymmetry", "score", "side"), high),
        false_alarms=(("asymmetry", "cohort_score"), alarms),
        found_plane=(
            ("scan", "plane", "cohort_score"),
            scores_on_found_planes(config.found, config.noise, cohorts[one], key),
        ),
        coords={"asymmetry": levels, "score": list(SCORES), "side": list(sides), "plane": ["true", "found"]},
    )


@study.experiment(full={"seeds": 5, "scans": T1_VOLUMES + T2_VOLUMES, "epochs": 15})
def splits(config: Config, key: Any) -> Evidence:
    """Accuracy of the small Siamese network under splits by image and by scan."""
    accuracy = np.empty((2, 2, config.seeds))  # labels by image or scan, split by image or scan
    for seed in range(config.seeds):
        own = jax.random.fold_in(key, seed)
        both, owner = textured_slices(config.scans, own)
        number = np.arange(len(owner))
        for kind, labels in enumerate((number % 2, owner % 2)):
            pairs = both[labels, number]
            for way, groups in enumerate((number, owner)):
                accuracy[kind, way, seed] = accuracy_of_split(pairs, labels, groups, config.epochs, own)
    gap = accuracy[:, 0] - accuracy[:, 1]
    return evidence(
        gap_by_image=(("seed",), gap[0]),
        gap_by_scan=(("seed",), gap[1]),
        accuracy=(("labels", "split", "draw"), accuracy),
        coords={"labels": ["alternate over images", "belong to scans"], "split": ["by image", "by scan"]},
    )


@study.experiment(quick={"lines": 200})
def formats(config: Config, key: Any) -> Evidence:
    """Annotations through the formats and back, and broken strings."""
    return evidence(
        largest_change_px=largest_change(config.lines, generator(key, 0)), share_read=share_read(),
        units={"largest_change_px": "px"},
    )  # fmt: skip


@study.experiment(quick={"pad": 2}, full={"pad": 4}, data=(DATA,))
def headers(config: Config, key: Any) -> Evidence:
    """One head under headers of several orientations: the plane in the world and the volumes of left and right."""
    scan, plane = turned(mni152(2), rigid_motion([4, -7, 9], [3, -2, 5]), pad=config.pad)
    places = scan.world(np.stack(np.meshgrid(*map(np.arange, scan.shape), indexing="ij"), -1))
    labels = np.where(scan.data > 40, np.where(plane.distance(places) < 0, 1, 2), 0)
    pairs = {"side": (1, 2)}
    base = find_midplane(scan, seed=config.seed).plane
    expected = regions(scan, labels, pairs)["side"]
    angles, offsets, changes, names = [], [], [], []
    for axes in ("LAS", "PIL", "LPS", "oblique"):
        stored, own_labels, motion = stored_as(scan, labels, axes)
        own = find_midplane(stored, seed=config.seed).plane.moved(np.linalg.inv(motion))
        error = base.error(own, scan.centre)
        found = regions(stored, own_labels, pairs)["side"]
        angles.append(error.angle_deg)
        offsets.append(abs(error.offset_mm))
        changes.append(max(abs(found[side] - expected[side]) for side in ("left_mm3", "right_mm3")))
        names.append(axes)
    error = plane.error(base, scan.centre)
    return evidence(
        angle_deg=float(max(angles)),
        offset_mm=float(max(offsets)),
        volume_change_mm3=float(max(changes)),
        angle_by_header=(("header",), angles),
        offset_by_header=(("header",), offsets),
        error_deg=error.angle_deg,
        error_mm=abs(error.offset_mm),
        coords={"header": names},
        units={"angle_deg": "deg", "offset_mm": "mm", "volume_change_mm3": "mm3"},
    )
