"""Tumours grown in a real brain: what a network of four channels learns from where real cases are few.

The brain is the ICBM 152 average (Fonov et al. 2009) with its maps of grey and white matter, as nilearn
ships it. T1 is its own; the other contrasts are made from the tissue maps. A tumour is a noisy ellipsoid
with a dead centre, a rim that takes up contrast, and oedema that follows white matter. Everything
follows from the seed. Such a case looks like a tumour only as far as these sentences go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.geometry import Affine
from medvision_desktop.domain.image import Volume
from medvision_desktop.modelkit.volumes import Floats, canonical, network_input
from medvision_desktop.training.volume_dataset import Case, case
from medvision_desktop.training.volume_recipe import VolumeRecipe

CORE, OEDEMA, ENHANCING = 1, 2, 3


@dataclass(frozen=True, eq=False)
class Brain:
    """A brain cut out of its skull, (k, j, i): T1 in 0..1, and shares of grey and white matter."""

    t1: Floats
    grey: Floats
    white: Floats
    affine_kji_to_lps: Affine

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Where the brain is."""
        return self.t1 > 0


def average_brain() -> Brain:
    """The ICBM 152 2009 average at 2 mm."""
    from nilearn import datasets

    images = [
        datasets.load_mni152_template(resolution=2),
        datasets.load_mni152_gm_template(resolution=2),
        datasets.load_mni152_wm_template(resolution=2),
        datasets.load_mni152_brain_mask(resolution=2),
    ]
    # (i, j, k) in RAS to (k, j, i) in LPS.
    swap = np.eye(4)[[2, 1, 0, 3]]
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.asarray(images[0].affine, dtype=np.float64) @ swap
    arrays = [np.asarray(image.get_fdata(), dtype=np.float32).transpose(2, 1, 0) for image in images]
    turned = [canonical(values, affine) for values in arrays]
    t1, grey, white, mask = (np.ascontiguousarray(values) for values, _ in turned)
    # Resampling leaves traces of values outside of the brain.
    t1 = np.where(mask > 0.5, np.maximum(t1, 0.01), 0).astype(np.float32)
    return Brain(t1, np.clip(grey, 0, 1), np.clip(white, 0, 1), turned[0][1])


def cases(recipe: VolumeRecipe) -> Iterator[Case]:
    """`recipe.synthetic` cases with all channels that the recipe names."""
    if not recipe.synthetic:
        return
    brain = average_brain()
    for index in range(recipe.synthetic):
        random = np.random.default_rng((recipe.seed, 7, index))
        labels = grown(brain, random)
        pictures = contrasts(brain, labels, random)
        given = {name: Volume(pictures[name], brain.affine_kji_to_lps.copy()) for name in recipe.channels}
        ready = network_input(given, recipe.spec)
        shape = ready.channels.shape[1:]
        if labels.shape != shape:
            raise ValueError("synthetic tumours are grown at 2 mm; the recipe has another spacing")
        name = f"synthetic-{index}"
        yield replace(case(name, name, "", ready, labels), synthetic=True)


def grown(brain: Brain, random: np.random.Generator) -> NDArray[np.uint8]:
    """Labels of one tumour: core 1, oedema 2, enhancing 3, inside of the brain."""
    mask = brain.mask
    places = np.argwhere((brain.white > 0.4) & mask)
    centre = places[int(random.integers(0, len(places)))]
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in mask.shape), indexing="ij")).astype(np.float32)
    axes = random.uniform(0.7, 1.4, 3)
    turned = _rotation(random) @ (grid.reshape(3, -1) - centre[:, None])
    distance = np.sqrt((turned**2 / (axes**2)[:, None]).sum(axis=0)).reshape(mask.shape)
    rough = _noise(mask.shape, 3.0, random)
    radius = random.uniform(3.5, 13.0)  # voxels of 2 mm
    bumpy = distance + rough * radius * 0.35
    core = (bumpy < radius) & mask
    rim = random.uniform(0.45, 0.95) + 0.15 * _noise(mask.shape, 2.0, random)
    enhancing = (
        core & (bumpy > radius * rim) & (_noise(mask.shape, 2.0, random) > random.uniform(-2.0, 0.3))
    )
    reach = radius + random.uniform(1.0, 9.0) * (0.35 + brain.white) * (1 + 0.5 * rough)
    csf = np.clip(1 - brain.grey - brain.white, 0, 1)
    oedema = (distance + rough * radius * 0.3 < reach) & mask & ~core & (csf < 0.5)
    labels = np.zeros(mask.shape, np.uint8)
    labels[oedema], labels[core], labels[enhancing] = OEDEMA, CORE, ENHANCING
    if random.random() < 0.15:  # no contrast uptake at all
        labels[labels == ENHANCING] = CORE
    return labels


def contrasts(brain: Brain, labels: NDArray[np.uint8], random: np.random.Generator) -> dict[str, Floats]:
    """T1, T1ce, T2 and FLAIR with the tumour in them; 0 outside of the brain, above 0 inside."""
    grey, white = brain.grey, brain.white
    csf = np.clip(1 - grey - white, 0, 1)
    core, oedema, enhancing = (_soft(labels == value) for value in (CORE, OEDEMA, ENHANCING))
    texture = _noise(labels.shape, 2.0, random)

    def mixed(of_csf: float, of_grey: float, of_white: float) -> Floats:
        spread = random.uniform(0.9, 1.1, 3)
        found: Floats = csf * of_csf * spread[0] + grey * of_grey * spread[1] + white * of_white * spread[2]
        return found

    def put(picture: Floats, share: Floats, value: float, wobble: float) -> Floats:
        changed: Floats = picture * (1 - share) + share * (value + wobble * texture)
        return changed

    t1 = brain.t1.astype(np.float32)
    t1 = put(t1, oedema, random.uniform(0.45, 0.62), 0.03)
    t1ce = t1 * random.uniform(0.95, 1.05)
    t1 = put(t1, core + enhancing, random.uniform(0.3, 0.55), 0.05)
    t1ce = put(t1ce, core, random.uniform(0.2, 0.5), 0.05)
    t1ce = put(t1ce, enhancing, random.uniform(0.95, 1.6), 0.12)
    t2 = put(mixed(1.0, 0.55, 0.4), oedema, random.uniform(0.75, 1.0), 0.05)
    t2 = put(t2, core + enhancing, random.uniform(0.6, 1.1), 0.08)
    flair = put(mixed(0.15, 0.55, 0.45), oedema, random.uniform(0.8, 1.1), 0.06)
    flair = put(flair, core, random.uniform(0.25, 0.95), 0.1)
    flair = put(flair, enhancing, random.uniform(0.65, 1.05), 0.08)
    found = {"T1": t1, "T1ce": t1ce, "T2": t2, "FLAIR": flair}
    return {name: _scanned(picture, brain.mask, random) for name, picture in found.items()}


def _scanned(picture: Floats, mask: NDArray[np.bool_], random: np.random.Generator) -> Floats:
    """With an uneven field, a little blur or none, and noise."""
    from scipy import ndimage

    field = 1 + random.uniform(0, 0.12) * _noise(picture.shape, 14.0, random)
    blurred = ndimage.gaussian_filter(picture, random.uniform(0, 0.6))
    noisy = blurred * field + random.normal(0, random.uniform(0.01, 0.05), picture.shape)
    found: Floats = np.where(mask, np.maximum(noisy, 1e-3), 0).astype(np.float32)
    return found


def _noise(shape: tuple[int, ...], sigma: float, random: np.random.Generator) -> Floats:
    """Smooth noise of unit deviation."""
    from scipy import ndimage

    found = ndimage.gaussian_filter(random.standard_normal(shape).astype(np.float32), sigma)
    smooth: Floats = (found / found.std()).astype(np.float32)
    return smooth


def _soft(mask: NDArray[np.bool_]) -> Floats:
    from scipy import ndimage

    found: Floats = ndimage.gaussian_filter(mask.astype(np.float32), 0.5)
    return found


def _rotation(random: np.random.Generator) -> NDArray[np.float64]:
    """A random rotation: the orthogonal part of a Gaussian matrix."""
    found, upper = np.linalg.qr(random.standard_normal((3, 3)))
    turned: NDArray[np.float64] = found * np.sign(np.diag(upper))
    return turned
