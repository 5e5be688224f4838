"""Contact sheets: many images of a phantom family side by side, to see whether they look like what its name says.

python -m benchmark.synthetic.phantoms.contact_sheet docs/phantoms
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.hashing import seed_from
from benchmark.synthetic.phantoms.family import Phantom
from benchmark.synthetic.phantoms.sampling import check_size, phantom_of, render_pixels, to_8_bits

COLUMNS, ROWS, SIZE = 8, 4, 64
DIMENSION = 16
"""Of the sheets in the documentation, or the nearest that a family has."""


def contact_sheet(
    family: str, dimension: int, *, columns: int = COLUMNS, rows: int = ROWS, size: int = SIZE, seed: int = 0
) -> NDArray[np.uint8]:
    """Images of a family, [rows * size, columns * size], or with 3 more for colour.

    A row shows one anatomy at `columns` latents.

    The first row's anatomy is number `seed`, the next rows' are those after it.

    Raises UserError for an unknown family, a dimension that it cannot have, and a size that images cannot have.
    """
    check_size(size)
    strips = []
    for row in range(rows):
        phantom: Phantom = phantom_of(family, dimension, seed + row)
        rng = np.random.default_rng(seed_from(sheet=family, dimension=dimension, row=row, seed=seed))
        images = to_8_bits(render_pixels(phantom, phantom.latents(columns, rng), size))
        strips.append(np.concatenate(images, axis=1))
    return np.concatenate(strips)


def write_sheets(folder: Path) -> list[Path]:
    """Write the sheet of every family as <folder>/<family>.png; returns the paths."""
    from PIL import Image

    from benchmark.synthetic.phantoms import PHANTOMS

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, family in PHANTOMS.items():
        dimension = min(max(DIMENSION, family.dimensions[0]), family.dimensions[-1])
        path = folder / f"{name}.png"
        Image.fromarray(contact_sheet(name, dimension)).save(path, optimize=True)
        paths.append(path)
    return paths


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Give the folder to write to: python -m benchmark.synthetic.phantoms.contact_sheet docs/phantoms")
    for written in write_sheets(Path(sys.argv[1])):
        sys.stdout.write(f"{written}\n")
