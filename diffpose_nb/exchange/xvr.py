"""xvr's results: the file ``parameters.pt`` of its older versions, and the ``.pth`` of its newer ones."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from diffdrr.pose import RigidTransform
from torch import Tensor

from ..camera import Camera
from ..frames import exchange_mirror, from_diffdrr, to_diffdrr
from ..runtime import written_whole

_ARGUMENTS = ("sdd", "height", "width", "delx", "dely", "x0", "y0", "reverse_x_axis")


def write_xvr(
    path: str | Path,
    camera: Camera,
    world_from_camera: Tensor,
    *,
    start: Tensor | None = None,
    volume: str | Path = "",
    xray: str | Path = "",
) -> None:
    """Write a pose as xvr's ``parameters.pt``.

    - Axes, origin, maps: those of DiffDRR with ``orientation="AP"``, see :func:`diffpose_nb.frames.to_diffdrr`.
    - Source: xvr 0.x, ``registrar/base.py``. It keeps DiffDRR's arguments in ``drr`` and poses as matrices (1, 4, 4).

    Parameters
    ----------
    path
        The file, in a folder that exists.
    camera, world_from_camera
        The view, with the pose (4, 4).
    start
        (4, 4) the pose before the registration; default the same as ``world_from_camera``.
    volume, xray
        Paths of the CT and the X-ray, which xvr loads again.
    """
    final = to_diffdrr(world_from_camera, "AP").matrix.cpu()
    initial = final if start is None else to_diffdrr(start, "AP").matrix.cpu()
    drr = {"volume": str(volume), "mask": None, "labels": None, "orientation": "AP", **camera.to_diffdrr()}
    drr |= {"renderer": "trilinear", "read_kwargs": {}, "drr_kwargs": {}}
    content = {"drr": drr, "xray": {"filename": str(xray)}, "init_pose": initial, "final_pose": final}
    with written_whole(path) as stream:
        torch.save(content, stream)


def read_xvr(path: str | Path, orientation: str | None = "AP") -> tuple[Camera, Tensor]:
    """The camera and ``world_from_camera`` (4, 4) of a file that xvr wrote.

    The registered pose is taken, or the initial one if there was no registration. The world is that of the CT which
    xvr had loaded: RAS axes, origin at its centre. Only numbers are read from the file, never code: whatever else is
    pickled in it is not opened.

    Parameters
    ----------
    path
        ``parameters.pt``, or the ``.pth`` of newer versions.
    orientation
        The ``orientation`` with which xvr read the CT. Newer files do not contain it. Older files do, and this argument
        is then ignored.

    Raises
    ------
    ValueError
        The file is missing, or is none of xvr's.
    """
    content = _load(Path(path))
    described = content.get("drr", content.get("detector")) if isinstance(content, dict) else None
    pose = None if described is None else content.get("final_pose", None)
    pose = content.get("init_pose") if described is not None and pose is None else pose
    if not isinstance(described, dict) or not isinstance(pose, Tensor) or pose.shape[-2:] != (4, 4):
        raise ValueError(f"{path}: holds no pose of xvr (drr or detector, and final_pose or init_pose)")
    arguments = {name: _plain(described[name]) for name in _ARGUMENTS if name in described}
    if missing := {"sdd", "height", "delx"} - set(arguments):
        raise ValueError(f"{path}: its detector lacks {', '.join(sorted(missing))}")
    orientation = described.get("orientation", orientation)
    camera = Camera.from_diffdrr(**arguments)
    world_from_camera = from_diffdrr(RigidTransform(pose.reshape(-1, 4, 4)), orientation)[0]
    if torch.linalg.det(world_from_camera[:3, :3]) < 0:
        camera, world_from_camera = exchange_mirror(camera, world_from_camera)
    return camera, world_from_camera


def _plain(value: object) -> Any:
    return value.item() if isinstance(value, Tensor) else value


class _Shut:
    """Stands for anything in a file that is neither a number nor a tensor: a path, a table."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass

    def __call__(self, *_: object, **__: object) -> _Shut:
        return _Shut()

    def append(self, _: object) -> None:
        pass

    def extend(self, _: object) -> None:
        pass

    def __setitem__(self, _: object, __: object) -> None:
        pass


_OPEN = {
    ("collections", "OrderedDict"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch._utils", "_rebuild_parameter"),
    ("torch", "Size"),
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _OPEN or (module == "torch" and name.endswith("Storage")):
            return super().find_class(module, name)
        return _Shut


def _load(path: Path) -> Any:
    """The content of a file of ``torch.save``, its objects other than tensors shut."""
    safe = ModuleType("shut_pickle")
    safe.Unpickler, safe.load = _Unpickler, lambda file, **kwargs: _Unpickler(file, **kwargs).load()
    try:
        return torch.load(path, map_location="cpu", pickle_module=safe, weights_only=False)
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file") from None
    except Exception as error:  # a damaged pickle raises errors of many kinds
        raise ValueError(f"{path}: cannot be read as a file of xvr ({type(error).__name__})") from None
