"""What students hand in: for each lab three submissions with plausible wrong answers, and one that is stopped."""

from __future__ import annotations

from dataclasses import dataclass, field

LOOP = "while True:\n    pass"
"""Never ends."""
PEEK = 'open("../../../source/header.ipynb").read()'
"""Reads the course's own folder, three levels above a submission."""


@dataclass(frozen=True)
class Wrong:
    """A submission.

    Parameters
    ----------
    cells
        Answers by the name of their cell, in place of the solution.
    lost
        The tests that give no points for it, by their names.
    """

    cells: dict[str, str]
    lost: set[str] = field(default_factory=set)


def united(submissions: dict[str, Wrong]) -> dict[str, Wrong]:
    """The same answers in fewer submissions: two are united unless they answer a question differently.

    The name of a united one holds the names of its parts, with ``_`` between them.
    """
    found: list[tuple[list[str], Wrong]] = []
    for name, each in submissions.items():
        for names, into in found:
            if all(into.cells.get(cell, answer) == answer for cell, answer in each.cells.items()):
                names.append(name)
                into.cells.update(each.cells)
                into.lost.update(each.lost)
                break
        else:
            found.append(([name], Wrong(dict(each.cells), set(each.lost))))
    return {"_".join(names): submission for names, submission in found}


def mistake(cell: str, exercise: str, variable: str, number: int = 0) -> dict[str, str]:
    """An answer that is the exercise's own usual mistake, with the student's numbers."""
    wrong = f'{variable} = exercises.EXERCISES["{exercise}"](**given).mistakes[{number}].answer'
    return {cell: f'{wrong}\nexercises.check("{exercise}", {variable}, given)'}


WRONG: dict[str, tuple[Wrong, Wrong, Wrong]] = {
    "lab1_header_and_pose": (
        # the header's other spacing, and two usual mistakes with numbers
        Wrong(
            {
                "q1": """def geometry(dataset):
    spacing = dataset.get("PixelSpacing", dataset.ImagerPixelSpacing)
    return {
        "sid": float(dataset.DistanceSourceToDetector),
        "sod": float(dataset.DistanceSourceToPatient),
        "primary": float(dataset.PositionerPrimaryAngle),
        "secondary": float(dataset.PositionerSecondaryAngle),
        "spacing": tuple(float(mm) for mm in spacing),
        "shape": (dataset.Rows, dataset.Columns),
    }"""
            }
            | mistake("q2", "01-spacing", "camera_spacing", 1)
            | mistake("q6", "02-magnification", "shadow_in_mm", 1),
            {"q1-hidden", "q2-test", "q6-test"},
        ),
        # the detector's place for the source's; question 5 is computed with it, and is right all the same
        Wrong(
            {
                "q4": """def source(primary, secondary, sod):
    a, b = np.deg2rad([primary, secondary])
    return sod * np.array([np.sin(a) * np.cos(b), -np.cos(a) * np.cos(b), np.sin(b)])"""
            },
            {"q4-test", "q4-hidden"},
        ),
        # the tilt has the wrong sign, which the visible test does not see; the half pixel
        Wrong(
            {
                "q4": """def source(primary, secondary, sod):
    a, b = np.deg2rad([primary, secondary])
    return -sod * np.array([np.sin(a) * np.cos(b), -np.cos(a) * np.cos(b), -np.sin(b)])"""
            }
            | mistake("q7", "02-resize-principal-point", "column_now", 0),
            {"q4-hidden", "q7-test"},
        ),
    ),
    "lab2_a_ray_by_hand": (
        # lengths in voxels, not in mm, and a usual mistake by hand
        Wrong(
            {
                "q2": """def siddon(volume, spacing, start, end):
    spacing, start, end = (np.asarray(each, float) for each in (spacing, start, end))
    start, way = start / spacing, (end - start) / spacing
    fractions = [np.array([0.0, 1.0])]
    for axis, n in enumerate(volume.shape):
        if way[axis] != 0:
            fractions.append((np.arange(n + 1) - start[axis]) / way[axis])
    cuts = np.unique(np.clip(np.concatenate(fractions), 0, 1))
    voxels = np.floor(start + (cuts[1:] + cuts[:-1])[:, None] / 2 * way).astype(int)
    inside = ((voxels >= 0) & (voxels < volume.shape)).all(1)
    return (np.diff(cuts) * np.linalg.norm(way))[inside] @ volume[tuple(voxels[inside].T)]"""
            }
            | mistake("q1", "05-siddon", "sum_along_the_ray", 2),
            {"q1-test", "q2-test", "q2-hidden"},
        ),
        # a ray that leaves the grid is read at the grid's edge; negative attenuation is left in
        Wrong(
            {
                "q2": """def siddon(volume, spacing, start, end):
    spacing, start, end = (np.asarray(each, float) for each in (spacing, start, end))
    way = end - start
    fractions = [np.array([0.0, 1.0])]
    for axis, n in enumerate(volume.shape):
        if way[axis] != 0:
            fractions.append((np.arange(n + 1) * spacing[axis] - start[axis]) / way[axis])
    cuts = np.unique(np.clip(np.concatenate(fractions), 0, 1))
    middles = start + (cuts[1:] + cuts[:-1])[:, None] / 2 * way
    voxels = np.clip(np.floor(middles / spacing).astype(int), 0, np.array(volume.shape) - 1)
    return (np.diff(cuts) * np.linalg.norm(way)) @ volume[tuple(voxels.T)]""",
                "q3": """def attenuation(hounsfield):
    return 0.0193 * (1 + np.asarray(hounsfield) / 1000)""",
            },
            {"q2-test", "q2-hidden", "q2-edges", "q3-hidden"},
        ),
        # numbers only
        Wrong(
            mistake("q4", "05-memory", "size_in_gb", 0) | mistake("q5", "05-step", "step_in_mm", 0),
            {"q4-test", "q5-test"},
        ),
    ),
    "lab3_derivatives": (
        # forward differences: good enough for the visible test
        Wrong(
            {
                "q1": """def central_differences(f, x, step):
    step = step / 100
    return np.stack([(f(x + step * each) - f(x)) / step for each in np.eye(len(x))], -1)"""
            }
            | mistake("q4", "07-depth-shift", "pixels", 0),
            {"q1-hidden", "q4-test"},
        ),
        # the other sense of rotation
        Wrong(
            {
                "q3": """def shadow_jacobian(point, sid):
    x, y, z = point
    by_point = sid / z * np.array([[1, 0, -x / z], [0, 1, -y / z]])
    return by_point @ np.hstack([np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]), np.eye(3)])"""
            }
            | mistake("q6", "07-second-view", "depth_in_mm", 0),
            {"q3-hidden", "q6-test"},
        ),
        # only the first order of a rotation, and nothing said about no angle at all
        Wrong(
            {
                "q2": """def rotation(omega):
    x, y, z = omega
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]], float)
    angle = np.linalg.norm(omega)
    return np.eye(3) + np.sin(angle) / angle * cross + (1 - np.cos(angle)) / angle**2 * cross @ cross"""
            }
            | mistake("q5", "07-roll", "degrees", 0),
            {"q2-hidden", "q5-test"},
        ),
    ),
    "lab4_similarity_and_a_step": (
        # without the mean taken off, and a NaN where there is no contrast
        Wrong(
            {
                "q2": """def standardised(picture):
    return (picture - picture.mean()) / picture.std()


def ncc(a, b):
    return (standardised(a) * standardised(b)).mean()"""
            }
            | mistake("q1", "08-by-hand", "ncc_by_hand", 0),
            {"q1-test", "q2-hidden"},
        ),
        # the damping is added as a number, whatever the units
        Wrong(
            {
                "q3": """def step(residuals, jacobian, damping=0.0):
    hessian = jacobian.T @ jacobian
    return np.linalg.solve(hessian + damping * np.eye(len(hessian)), -jacobian.T @ residuals)"""
            }
            | mistake("q4", "09-damped-step", "step_in_mm", 0),
            {"q3-hidden", "q4-test"},
        ),
        # stops after two steps
        Wrong(
            {
                "q5": """def register(xray, start=(0.0, 0.0, 0.0)):
    x = np.array(start, float)
    columns = [standardised(picture(x + each)) - standardised(picture(x - each)) for each in np.eye(3)]
    jacobian = np.stack([column.ravel() / 2 for column in columns], 1)
    return x + 0.3 * step((standardised(picture(x)) - standardised(xray)).ravel(), jacobian)


found = register(xray)"""
            }
            | mistake("q6", "09-matched-blur", "blur_in_pixels", 0),
            {"q5-test", "q5-hidden", "q6-test"},
        ),
    ),
    "lab5_a_network_for_one_patient": (
        # normal instead of uniform, cut off at the edge
        Wrong(
            {
                "q3": """def draw_shifts(n, spread, generator):
    spread = torch.as_tensor(spread, dtype=torch.float32)
    return (torch.randn(n, 3, generator=generator) / 3).clamp(-1, 1) * spread"""
            }
            | mistake("q1", "10-turn", "shift_in_pixels", 0)
            | mistake("q7", "11-no-failure", "rate_in_percent", 2),
            {"q1-test", "q3-hidden", "q7-test"},
        ),
        # the batch as a whole is standardised, so that the exposure stays in it
        Wrong(
            {
                "q4": """def standardise(pictures):
    return (pictures - pictures.mean()) / pictures.std().clamp(min=1e-6)"""
            }
            | mistake("q2", "10-shift", "share", 0),
            {"q2-test", "q4-hidden"},
        ),
        # the optimiser never steps
        Wrong(
            {
                "q5": """def fit(network, pictures, targets, epochs=50):
    return [(network(pictures) - targets).square().mean().item() for _ in range(epochs)]


network = make_network()
losses = fit(network, standardise(train_pictures), train_shifts / SPREAD)"""
            }
            | mistake("q6", "10-depth", "depth_in_mm", 0),
            {"q5-test", "q5-hidden", "q6-test"},
        ),
    ),
    "lab6_a_registration_that_fails": (
        # believes the first registration
        Wrong(
            {
                "q4-table": "runs = {}",
                "q4": 'defect, true_pose = "none", first.world_from_camera',
            },
            {"q4-defect", "q4-pose"},
        ),
        # the spacing the wrong way round
        Wrong(
            {
                "q2": """def depth(world_from_camera):
    return world_from_camera[:3, 3].norm().item()""",
                "q3": """def repaired(xray, primary, secondary, suspect):
    if suspect == "mirrored":
        return replace(xray, pixels=xray.pixels.flip(1))
    if suspect == "inverted":
        return replace(xray, pixels=xray.pixels.max() - xray.pixels)
    if suspect == "spacing":
        small = tuple(mm * 700 / 1020 for mm in xray.camera.pixel_spacing)
        return replace(xray, camera=replace(xray.camera, pixel_spacing=small))
    return replace(xray, world_from_camera=frames.carm_pose(-primary, secondary, 700))""",
                "q4-table": "runs = {}",
                "q4": 'defect, true_pose = "mirrored", mine.xray.world_from_camera',
            },
            {"q2-hidden", "q3-hidden", "q4-defect", "q4-pose"},
        ),
        # flips the whole X-ray, with its camera, which changes nothing; numbers by mistake
        Wrong(
            {
                "q3": """def repaired(xray, primary, secondary, suspect):
    if suspect == "mirrored":
        return xray.flip()
    if suspect == "inverted":
        return replace(xray, pixels=xray.pixels.max() - xray.pixels)
    if suspect == "spacing":
        wider = tuple(mm * 1020 / 700 for mm in xray.camera.pixel_spacing)
        return replace(xray, camera=replace(xray.camera, pixel_spacing=wider))
    return replace(xray, world_from_camera=frames.carm_pose(-primary, secondary, 700))"""
            }
            | mistake("q5", "09-wrong-sid", "depth_error_in_mm", 0)
            | mistake("q6", "13-scale", "too_close_in_mm", 0),
            {"q3-test", "q5-test", "q6-test"},
        ),
    ),
}
"""Lab → three submissions that are the solution but for these cells."""

STOPPED: dict[str, Wrong] = {
    "lab1_header_and_pose": Wrong({"q3": LOOP, "q7": PEEK}, {"q3-test", "q7-test"}),
    "lab2_a_ray_by_hand": Wrong({"q4": LOOP, "q5": PEEK}, {"q4-test", "q5-test"}),
    "lab3_derivatives": Wrong({"q4": LOOP, "q5": PEEK}, {"q4-test", "q5-test"}),
    "lab4_similarity_and_a_step": Wrong({"q1": LOOP, "q6": PEEK}, {"q1-test", "q6-test"}),
    "lab5_a_network_for_one_patient": Wrong(
        {"q1": LOOP, "q7": PEEK, "q5": "network, losses = make_network(), []"},
        {"q1-test", "q7-test", "q5-test", "q5-hidden"},
    ),
    "lab6_a_registration_that_fails": Wrong(
        {
            "q5": LOOP,
            "q6": PEEK,
            "q1": "ncc_as_it_is = None",
            "q4-table": "runs = {}",
            "q4": 'defect, true_pose = "mirrored", mine.xray.world_from_camera',
        },
        {"q5-test", "q6-test", "q1-test", "q4-defect", "q4-pose"},
    ),
}
"""Lab → answers that do not end, or read what is not theirs, and the tests that give no points for them.

In the last two labs nothing is trained or registered here, so that a cell that does not end can be stopped soon.
"""
