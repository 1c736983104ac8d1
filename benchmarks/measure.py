"""The measurements. Each round runs all renderers once, so that a machine that becomes slower affects all of them."""

from __future__ import annotations

import multiprocessing
import statistics
import threading
import time
from collections.abc import Callable

import numba
import pandas as pd
import psutil
import torch
import torchio
from tqdm.auto import tqdm

from diffpose_nb import ct, frames
from diffpose_nb.camera import Camera
from diffpose_nb.render import Renderer

from .contenders import CONTENDERS, OURS, POSE, Ours

FIELD = 300.0  # side of the detector, mm
TASKS = ("forward", "with_gradient")
BRIEF = 0.3
"""Seconds: what takes less is repeated for so long in each round. A machine that does something else meanwhile would
otherwise double the time of a short task and hardly change that of a long one."""


def camera_of(pixels: int) -> Camera:
    """A camera with this many pixels a side, whose detector always has the same size in mm."""
    return Camera(1020, (FIELD / pixels, FIELD / pixels), (pixels, pixels))


def side_by_side(subject: torchio.Subject, sizes: list[int], rounds: int, names: list[str]) -> pd.DataFrame:
    """Median seconds, ratios to our renderer, and the mean relative error over pixels that see the body.

    The error is the difference from our renderer with steps of 0.05 mm, which gives a converged integral of the
    interpolated CT.
    """
    rows = []
    for size in sizes:
        camera = camera_of(size)
        converged = Renderer(subject, camera, step=0.05)(POSE)[0, 0]
        body = converged > 0.2
        contenders = {name: CONTENDERS[name](subject, camera) for name in names}
        for task in TASKS:
            able = {name: getattr(one, task) for name, one in contenders.items() if getattr(one, task)}
            able[OURS]()  # run once before measuring, to compile and to fill the cache
            seconds, errors = {name: [] for name in able}, {}
            for _ in tqdm(range(rounds), desc=f"{size} x {size}, {task}"):
                for name, run in able.items():
                    spent = 0.0
                    while spent < BRIEF:
                        image, took = run()
                        seconds[name].append(took)
                        spent += took
                    errors[name] = ((image - converged).abs() / converged)[body].mean().item()
            ours = statistics.median(seconds[OURS])
            for name in able:
                median = statistics.median(seconds[name])
                rows.append((size, task, name, median, median / ours, 100 * errors[name]))
    return pd.DataFrame(rows, columns=["pixels", "task", "renderer", "seconds", "times ours", "error, %"])


def ours_alone(subject: torchio.Subject, rounds: int) -> pd.DataFrame:
    """Times of some pixels, a batch, a coarser CT and one thread, as ratios to the time of one 200 x 200 picture."""
    camera = camera_of(200)
    random = torch.Generator().manual_seed(0)
    some = torch.randint(200, (2000, 2), generator=random)
    poses = torch.stack([frames.carm_pose(angle, 10, 700) for angle in range(-40, 40, 10)])
    whole, coarse = Renderer(subject, camera), Renderer(subject, camera, voxel=3.0)

    def on_one_thread() -> None:
        numba.set_num_threads(1)
        try:
            whole(POSE)
        finally:
            numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)

    tasks: dict[str, Callable[[], object]] = {
        "one picture of 200 x 200": lambda: whole(POSE),
        "with pose gradient": Ours(subject, camera).with_gradient,
        "2000 pixels of it (5 %)": lambda: whole(POSE, pixels=some),
        "a batch of 8": lambda: whole(poses),
        "CT averaged to 3 mm": lambda: coarse(POSE),
        "on one thread": on_one_thread,
    }
    return _ratios(tasks, rounds)


def growth(subject: torchio.Subject, rounds: int) -> pd.DataFrame:
    """Seconds for several numbers of pixels, and for several numbers of voxels."""
    rows = []
    for size in (50, 100, 200, 400):
        rows.append(("pixels", size**2, _seconds(Renderer(subject, camera_of(size)), rounds)))
    for voxel in (6.0, 3.0, 1.5, 0.7):
        renderer = Renderer(subject, camera_of(200), voxel=voxel)
        rows.append(("voxels", renderer._volumes[0].values.size, _seconds(renderer, rounds)))
    return pd.DataFrame(rows, columns=["of", "number", "seconds"])


def memory(size: int, names: list[str]) -> pd.DataFrame:
    """Peak memory of each renderer and task, MB, less the memory that the process had before the task.

    Each is measured in a process of its own.
    """
    context = multiprocessing.get_context("spawn")
    rows = []
    for name in tqdm(names, desc="memory"):
        for task in TASKS:
            with context.Pool(1) as pool:
                extra = pool.apply(_peak, (name, task, size))
            if extra is not None:
                rows.append((task, name, extra))
    return pd.DataFrame(rows, columns=["task", "renderer", "MB"])


def _peak(name: str, task: str, size: int) -> float | None:
    subject = ct.example()
    contender = CONTENDERS[name](subject, camera_of(size))
    if not isinstance(contender, Ours):  # plastimatch is another program, whose memory is not that of this process
        return None
    Renderer(subject, camera_of(4))(POSE)  # compiles the code first, since that takes memory, too
    process, seen, done = psutil.Process(), [], threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.append(process.memory_info().rss)
            time.sleep(0.002)

    before = process.memory_info().rss
    watcher = threading.Thread(target=watch)
    watcher.start()
    getattr(contender, task)()
    done.set()
    watcher.join()
    return (max(seen) - before) / 1e6


def _seconds(renderer: Renderer, rounds: int) -> float:
    return _ratios({"": lambda: renderer(POSE)}, rounds).seconds[0]


def _ratios(tasks: dict[str, Callable[[], object]], rounds: int) -> pd.DataFrame:
    seconds = {name: [] for name in tasks}
    for task in tasks.values():
        task()
    for _ in range(rounds):
        for name, task in tasks.items():
            started = time.perf_counter()
            task()
            seconds[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    first = next(iter(medians.values()))
    rows = [(name, median, median / first) for name, median in medians.items()]
    return pd.DataFrame(rows, columns=["ours", "seconds", "times the first"])
