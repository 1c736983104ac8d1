"""The network, which estimates one pose from one X-ray."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch
from diffdrr.pose import PARAMETERIZATIONS, RigidTransform, convert
from timm.layers import GroupNorm
from torch import Tensor, nn

from ..camera import Camera, invert, make_transform
from ..images import XRay, local_contrast, open_field, smooth_inside
from ..similarity import Score
from .checkpoint import FORMAT, read_checkpoint, write_checkpoint
from .pictures import warp
from .poses import PoseRange

CHANNELS = (32, 64, 128, 224)
"""Widths of the backbone's four stages. They are half of a ResNet's usual widths or less, which needs a quarter of the
work."""
_ROTATION_UNIT = 0.3
"""The change that an output of 1 of the rotation head means, in units of the parameterisation (radians for most)."""


class PoseRegressor(nn.Module):
    """A network that estimates the pose from which an X-ray was taken, relative to a nominal pose.

    It has a convolutional backbone of timm, and two heads, one for the rotation and one for the translation. The
    backbone has group norm, because a batch of one X-ray has no batch statistics. The heads return the parameters of a
    DiffDRR transform m, in camera axes about the isocentre of the nominal pose. Without training, m is close to the
    identity, so the network returns about the nominal pose:

        world_from_camera = world_from_isocenter @ m @ isocenter_from_camera

    where the last factor is the translation by the nominal SOD along the optical axis. If the range has several
    isocentres, that of the nominal pose is in their middle, and m contains the way from there.

    Parameters
    ----------
    poses
        The distribution of poses that the network is trained on; the nominal pose is in its middle.
    camera
        The camera to which every X-ray is resampled, by means of the intrinsics. So X-rays of any camera can be used.
    parameterization, convention
        One of DiffDRR's parameterisations of rotations. ``convention`` is for Euler angles, in camera axes: "YXZ" is
        primary, secondary and roll.
    backbone, channels
        Name of a ResNet of timm, and the widths of its four stages.
    """

    def __init__(
        self,
        poses: PoseRange,
        camera: Camera,
        *,
        parameterization: str = "euler_angles",
        convention: str | None = "YXZ",
        backbone: str = "resnet18",
        channels: Sequence[int] = CHANNELS,
    ) -> None:
        super().__init__()
        if parameterization not in PARAMETERIZATIONS or parameterization == "matrix":
            known = [name for name in PARAMETERIZATIONS if name != "matrix"]
            raise ValueError(f"parameterization is {parameterization!r}: it can be {', '.join(map(repr, known))}")
        self.poses, self.camera = poses, camera
        self.parameterization = parameterization
        self.convention = convention if parameterization == "euler_angles" else None
        self.settings = {"parameterization": parameterization, "convention": self.convention}
        self.settings |= {"backbone": backbone, "channels": list(channels)}
        norm = partial(GroupNorm, num_groups=8)
        options = {"in_chans": 1, "num_classes": 0, "global_pool": "", "norm_layer": norm, "channels": tuple(channels)}
        # timm's plain stem has 64 channels, which makes a pass a third slower; the width of a deep stem can be set
        options |= {"stem_type": "deep", "stem_width": channels[0] // 2}
        self.backbone = timm.create_model(backbone, pretrained=False, **options)
        self.backbone.conv1 = nn.Conv2d(1, channels[0], 7, stride=2, padding=3, bias=False)
        nn.init.kaiming_normal_(self.backbone.conv1.weight, mode="fan_out", nonlinearity="relu")
        with torch.no_grad():
            features = self.backbone(torch.zeros(1, 1, *camera.shape)).flatten(1).shape[1]
        self.neck = nn.Sequential(nn.Flatten(), nn.Linear(features, 256), nn.SiLU())
        identity = _pose_parameters(torch.eye(4)[None], parameterization, self.convention)
        self.rotation_head = nn.Linear(256, identity.shape[1])
        self.translation_head = nn.Linear(256, 3)
        for head in (self.rotation_head, self.translation_head):
            nn.init.normal_(head.weight, std=1e-3)
            nn.init.zeros_(head.bias)
        self.register_buffer("_identity", identity[0], persistent=False)
        self.register_buffer("_translation_unit", poses.half[3:].clamp(min=1.0).float(), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """``world_from_camera`` (B, 4, 4) float64 for images (B, 1, rows, columns) of :meth:`prepare`."""
        features = self.neck(self.backbone(images))
        offsets = self.rotation_head(features).float(), self.translation_head(features).float()
        with torch.autocast(images.device.type, enabled=False):  # the pose is computed in full precision
            return self._pose(*offsets)

    def _pose(self, rotation: Tensor, translation: Tensor) -> Tensor:
        """The poses (B, 4, 4) that the outputs of the heads mean, (B, D) and (B, 3)."""
        rotation = self._identity + _ROTATION_UNIT * rotation
        translation = self._translation_unit * translation
        pose = convert(rotation, translation, parameterization=self.parameterization, convention=self.convention)
        nominal = self.poses.nominal.to(rotation.device)
        away = make_transform(torch.eye(3), torch.tensor([0.0, 0.0, self.poses.sod])).to(rotation.device)
        return nominal @ away @ pose.matrix.double() @ invert(away)

    def prepare(self, xray: XRay) -> Tensor:
        """An X-ray in the form that the network takes, (1, 1, rows, columns).

        It is resampled to the network's camera by means of the intrinsics, and what is behind its collimator is left
        out. The pose in its header is not used.

        Raises
        ------
        ValueError
            The X-ray has NaN or infinite pixels, shows no contrast, or shows less than 5 % of what the network's camera
            sees.
        """
        if not torch.isfinite(xray.pixels).all():
            raise ValueError("the X-ray has NaN or infinite pixels: replace them, or crop them away with xray.crop(…)")
        if xray.pixels.min() == xray.pixels.max():
            raise ValueError(f"every pixel of the X-ray is {xray.pixels[0, 0].item():g}: there is nothing to see")
        attenuation = xray.attenuation()
        valid = open_field(attenuation)
        focal = torch.stack([camera.K.diagonal()[:2].abs() for camera in (xray.camera, self.camera)])
        shrink = (focal[0] / focal[1]).flip(0).clamp(min=1)  # (down, across): pixels that become one
        blur = 0.5 * (shrink.square() - 1).sqrt()  # about as wide as the pixel that they become
        smooth = torch.from_numpy(smooth_inside(attenuation.numpy(), valid.numpy(), blur.numpy()))
        both = torch.stack([smooth, valid.to(smooth.dtype)])[:, None]
        both, seen = warp(both, xray.camera, self.camera, torch.eye(3, dtype=torch.float64))
        valid = (both[1:] > 0.99) & seen[1:]
        if valid.float().mean() < 0.05:
            raise ValueError(
                f"of the field that the network was trained on ({self.camera}) the X-ray ({xray.camera}) shows "
                f"{100 * valid.float().mean():.0f} %: is its pixel spacing right?"
            )
        return local_contrast(both[:1].float(), valid)

    @torch.no_grad()
    def predict(self, xray: XRay | Sequence[XRay]) -> Tensor:
        """``world_from_camera`` (4, 4) float64 of one X-ray, or (N, 4, 4) of several."""
        xrays = [xray] if isinstance(xray, XRay) else list(xray)
        device = self.rotation_head.weight.device
        was_training = self.training
        self.eval()
        poses = self(torch.cat([self.prepare(x) for x in xrays]).to(device)).cpu()
        self.train(was_training)
        return poses[0] if isinstance(xray, XRay) else poses

    def score(self, camera: Camera) -> Score:
        """A function that says where in an X-ray the network looks, so that a registration can draw its patches there.

        It is used as in ``refine(…, compare=Comparison(patches=100, score=regressor.score(camera)))``.

        Parameters
        ----------
        camera
            The camera of the X-ray.

        Returns
        -------
        Callable
            A function that takes line integrals (rows, columns) of that camera, binned or not. It returns, for each
            pixel, the mean activation of the backbone's third stage there (rows, columns).
        """
        no_turn = torch.eye(3, dtype=torch.float64)

        @torch.no_grad()
        def activation(target: Tensor) -> Tensor:
            binned = camera.resize(*target.shape)
            image, seen = warp(target[None, None].float(), binned, self.camera, no_turn)
            features = self.backbone.forward_intermediates(
                local_contrast(image, seen).to(self.rotation_head.weight.device), indices=[3], intermediates_only=True
            )[0]
            mean = features.abs().mean(1, keepdim=True).cpu()
            coarse = self.camera.resize(*mean.shape[-2:])
            return warp(mean, coarse, binned, no_turn)[0][0, 0]

        return activation

    def save(self, path: str | Path, *, half: bool = False) -> None:
        """Write the weights and the settings to a file, and nothing else.

        With ``half`` the weights have 16 bits, which halves the size. If writing fails, an old file stays as it was.
        """
        state = self.state_dict()
        if half:
            state = {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
        write_checkpoint(path, self.described() | {"weights": state})

    def described(self) -> dict[str, Any]:
        """The settings, in plain types, from which :meth:`from_description` makes the same network, untrained."""
        return {
            "format": FORMAT,
            "poses": asdict(self.poses),
            "camera": {field.name: getattr(self.camera, field.name) for field in fields(self.camera)},
            "network": self.settings,
        }

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> PoseRegressor:
        """An untrained network from the settings that :meth:`described` returned."""
        return cls(PoseRange(**description["poses"]), Camera(**description["camera"]), **description["network"])

    @classmethod
    def load(cls, path: str | Path, device: torch.device | str = "cpu") -> PoseRegressor:
        """A trained network from a file of :meth:`save`, or from a checkpoint of :func:`diffpose_nb.train.fit`.

        Only numbers are read, never code (``weights_only``).

        Raises
        ------
        ValueError
            The file is missing, cut short, or not one of these.
        """
        content = read_checkpoint(path)
        try:
            regressor = cls.from_description(content)
            regressor.load_state_dict(content["weights"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"{path}: weights and settings do not fit together ({error}); train it anew") from error
        return regressor.to(device).eval()


def _pose_parameters(matrix: Tensor, parameterization: str, convention: str | None) -> Tensor:
    """The parameters (B, D) of the rotations of transforms (B, 4, 4)."""
    return RigidTransform(matrix.float()).convert(parameterization, convention)[0]
