"""How much the colours of drawn faces differ from pixel to pixel, beside those of reals.

    python benchmarks/colour_noise.py outputs/faces32 outputs/other --reference STORE

Prints, for the reals and for 1,000 faces of each run, the root mean square of the finest detail (the highest
quarter of the frequencies) of brightness and of colour, in levels of 0 to 255. Brightness is the mean of red,
green and blue; colour is what is left. `--smoothed DIR` also writes each run's faces with their colours
smoothed until they are as strong as those of the reals, frequency by frequency. The scores of these faces
show what the noise costs.
"""

import argparse
from pathlib import Path

import numpy as np

from facegan_tf import load_generator
from facegan_tf.common.images import save_png
from facegan_tf.data.store import FaceStore

COUNT = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--reference", required=True, type=Path, metavar="STORE", help="real faces")
    parser.add_argument("--smoothed", type=Path, metavar="DIR", help="folder for faces with smoother colours")
    options = parser.parse_args()
    store = FaceStore.open(options.reference)
    reals = store.gather(np.arange(min(COUNT, len(store)))).astype(np.float64)
    print("| faces | brightness | colour |\n|---|---|---|")
    show("reals", reals)
    for run in options.runs:
        faces = load_generator(run).sample(range(COUNT)).astype(np.float64)
        show(str(run), faces)
        if options.smoothed:
            write(smoothed(faces, reals), options.smoothed / run.name)


def show(name: str, images: np.ndarray) -> None:
    print(f"| {name} | {finest(grey(images)):.2f} | {finest(images - grey(images)):.2f} |", flush=True)


def grey(images: np.ndarray) -> np.ndarray:
    """The brightness of images [N, S, S, 3]: [N, S, S, 1]."""
    return images.mean(axis=-1, keepdims=True)


def radii(size: int) -> np.ndarray:
    """The frequency of each coefficient of the Fourier transform of S x S pixels, in cycles per image."""
    frequencies = np.fft.fftfreq(size) * size
    return np.hypot(frequencies[:, None], frequencies)


def finest(images: np.ndarray) -> float:
    """The root mean square of the detail at three quarters of the highest frequency, or more."""
    coefficients = np.fft.fft2(images, axes=(1, 2))
    coefficients[:, radii(images.shape[1]) < 0.75 * images.shape[1] / 2] = 0
    return float(np.fft.ifft2(coefficients, axes=(1, 2)).real.std())


def smoothed(faces: np.ndarray, reals: np.ndarray) -> np.ndarray:
    """The faces with the power of the reals' colours at each frequency, but their own mean colours."""
    rings = radii(faces.shape[1]).round().astype(int)

    def power(images: np.ndarray) -> np.ndarray:
        powers = np.abs(np.fft.fft2(images - grey(images), axes=(1, 2))) ** 2
        return np.bincount(rings.ravel(), powers.mean(axis=(0, 3)).ravel()) / np.bincount(rings.ravel())

    gains = np.sqrt(power(reals) / power(faces))
    gains[0] = 1
    colours = np.fft.fft2(faces - grey(faces), axes=(1, 2)) * gains[rings][..., None]
    return grey(faces) + np.fft.ifft2(colours, axes=(1, 2)).real


def write(images: np.ndarray, folder: Path) -> None:
    """Write a PNG for each image."""
    folder.mkdir(parents=True)
    for number, image in enumerate(images.round().clip(0, 255).astype(np.uint8)):
        save_png(folder / f"{number:06d}.png", image)


if __name__ == "__main__":
    main()
