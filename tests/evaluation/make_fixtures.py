"""Score the inputs of metric_inputs.py with other implementations, for tests to compare ours with.

They need an environment of their own, as the package doesn't depend on them:

    python -m venv references
    references/bin/pip install torch==2.13.0 scipy==1.17.1 scikit-learn==1.9.1 pot==0.9.7.post1 \
        packaging pillow tqdm
    references/bin/pip install --no-deps torch-fidelity==0.4.0 torchmetrics==1.9.0 prdc==0.2 \
        lightning-utilities
    references/bin/python -m tests.evaluation.make_fixtures

writes tests/evaluation/fixtures/scores.json, which tests/evaluation/test_references.py reads. No installable
package has SWD, so it is written here from its published definition, with scipy's filters.
"""

import json
import platform
import sys
import types
from importlib.metadata import version
from pathlib import Path

import numpy as np
import ot
import scipy.linalg
import scipy.ndimage
import torch
from prdc import compute_prdc

from tests.helpers import metric_inputs

# torch-fidelity imports torchvision for its networks, which nothing here uses, and torchmetrics can't be
# imported if it finds a stub in place of torchvision.
for name in ("", ".datasets", ".transforms", ".transforms.functional"):
    name = f"torchvision{name}"
    stub = sys.modules[name] = types.ModuleType(name)
    stub.__path__ = []
    stub.__dict__["__getattr__"] = lambda attribute: object
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, stub)
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric  # noqa: E402
from torch_fidelity.metric_kid import kid_features_to_metric  # noqa: E402

for name in [name for name in sys.modules if name.startswith("torchvision")]:
    del sys.modules[name]
from torchmetrics.functional.image import (  # noqa: E402
    multiscale_structural_similarity_index_measure as ms_ssim,
)

SWD_SEEDS = 12


def fid_by_scipy(generated: np.ndarray, reference: np.ndarray) -> float:
    means = [side.astype(np.float64).mean(axis=0) for side in (generated, reference)]
    covariances = [np.cov(side.astype(np.float64), rowvar=False) for side in (generated, reference)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1])
    shift = means[0] - means[1]
    return float(
        shift @ shift + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * np.trace(root).real
    )


def mind_by_pot(generated: np.ndarray, reference: np.ndarray) -> float:
    """From POT's sliced Wasserstein distance, which is the root of the mean squared distance."""
    dimensions = generated.shape[1]
    directions = np.random.RandomState(0).normal(size=(1000, dimensions))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    both = [side.astype(np.float64) for side in (generated, reference)]
    return 3 * dimensions * float(ot.sliced_wasserstein_distance(*both, projections=directions.T)) ** 2


def of_features(generated: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    ours, theirs = (torch.from_numpy(side.astype(np.float64)) for side in (generated, reference))
    statistics = [fid_features_to_statistics(side) for side in (ours, theirs)]
    least = min(len(generated), len(reference))
    scores = {
        "fid": fid_by_scipy(generated, reference),
        "fid by torch-fidelity": fid_statistics_to_metric(*statistics, verbose=False)[
            "frechet_inception_distance"
        ],
        "mind": mind_by_pot(generated, reference),
    }
    for size in sorted({min(100, least), least}):
        kid = kid_features_to_metric(
            ours, theirs, kid_subsets=100, kid_subset_size=size, rng_seed=2020, verbose=False
        )
        scores[f"kid of {size}"] = kid["kernel_inception_distance_mean"]
        scores[f"kid_std of {size}"] = kid["kernel_inception_distance_std"]
    for k, names in ((3, ("precision", "recall")), (5, ("density", "coverage"))):
        found = compute_prdc(reference.astype(np.float64), generated.astype(np.float64), nearest_k=k)
        scores |= {name: float(found[name]) for name in names}
    return scores


def ms_ssim_of_pairs(size: int) -> list[float]:
    betas = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
    scales = {192: 5, 128: 4, 64: 3, 32: 2}[size]
    betas = betas[:scales] / betas[:scales].sum()
    both = [
        torch.from_numpy(side.transpose(0, 3, 1, 2).astype(np.float64)) for side in metric_inputs.pairs(size)
    ]
    return ms_ssim(*both, data_range=255.0, betas=tuple(betas.tolist()), reduction="none").tolist()


def blurred(images: np.ndarray, gain: float = 1.0) -> np.ndarray:
    taps = np.array([1, 4, 6, 4, 1]) / 16
    for axis in (1, 2):
        images = scipy.ndimage.correlate1d(images, taps, axis=axis, mode="mirror")
    return images * gain


def laplacian_pyramid(images: np.ndarray) -> list[np.ndarray]:
    levels = [images.astype(np.float64)]
    while levels[-1].shape[1] >= 32:
        small = blurred(levels[-1])[:, ::2, ::2]
        large = np.zeros_like(levels[-1])
        large[:, ::2, ::2] = small
        levels[-1] = levels[-1] - blurred(large, 4.0)
        levels.append(small)
    return levels


def swd(generated: np.ndarray, reference: np.ndarray, seed: int) -> list[float]:
    """Karras et al., 2018, section 5: times 1000, at each level."""
    random = np.random.RandomState(seed)
    scores = []
    for both in zip(laplacian_pyramid(generated), laplacian_pyramid(reference), strict=True):
        vectors = []
        for level in both:
            size = level.shape[1]
            found = np.empty((len(level), 128, 7, 7, 3))
            for image in range(len(level)):
                for patch in range(128):
                    y, x = random.randint(3, size - 3, 2)
                    found[image, patch] = level[image, y - 3 : y + 4, x - 3 : x + 4]
            found = found.reshape(-1, 49, 3)
            found = (found - found.mean(axis=(0, 1))) / found.std(axis=(0, 1))
            vectors.append(found.reshape(len(found), -1))
        repeats = []
        for _ in range(4):
            directions = random.randn(147, 128)
            directions /= np.linalg.norm(directions, axis=0)
            projected = [np.sort(side @ directions, axis=0) for side in vectors]
            repeats.append(np.abs(projected[0] - projected[1]).mean())
        scores.append(1000 * float(np.mean(repeats)))
    return scores


def main() -> None:
    packages = ("torch", "scipy", "scikit-learn", "pot", "torch-fidelity", "torchmetrics", "prdc", "numpy")
    over_seeds = {
        name: np.array([swd(*both, seed) for seed in range(SWD_SEEDS)])
        for name, both in metric_inputs.image_sets().items()
    }
    fixture = {
        "made_with": {"python": platform.python_version()} | {name: version(name) for name in packages},
        "fingerprint": metric_inputs.fingerprint(),
        "features": {name: of_features(*both) for name, both in metric_inputs.features().items()},
        "ms_ssim": {str(size): ms_ssim_of_pairs(size) for size in metric_inputs.SIZES},
        "swd": {
            name: {"mean": scores.mean(axis=0).tolist(), "std": scores.std(axis=0, ddof=1).tolist()}
            for name, scores in over_seeds.items()
        },
    }
    path = Path(__file__).parent / "fixtures" / "scores.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(fixture, indent=1) + "\n")
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
