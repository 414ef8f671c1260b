"""The pictures of docs/observer.md, made by the examples: python scripts/docs_figures.py [DIRECTORY] [MAX_STEPS]

A LeNet is trained on the digits, and the Observer's pictures of it are written small. The graphs are drawn
by graphviz where it is installed.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from akid import Kid, Observer  # noqa: E402
from akid.observer import Picture  # noqa: E402
from akid.observer.canvas import DPI  # noqa: E402
from examples import feedback, observe_digits, residual_unit  # noqa: E402

#: Pixels.
WIDTH = 1000
#: What is shown of the LeNet, by the name of the figure.
FIGURES = {
    "graph": lambda o: o.visualize_graph()["graph"],
    "distributions": lambda o: o.plot_distributions()["distributions_weights"],
    "scalars": lambda o: o.plot_scalars()["scalars"],
    "activations": lambda o: o.visualize_activation()["activations"],
    "filters": lambda o: o.visualize_filters(["conv1"], {"type": "normal", "num": 8})["conv1_filters"],
    "filters_inverse": lambda o: o.visualize_filters(["conv1"], {"type": "inverse", "num": 2})["conv1_filters"],
    "classifying": lambda o: o.visualize_classifying(idxs=range(16))["loss_classifying"],
    "filter_norms": lambda o: o.do_stat_on_filters()["filter_norms"],
    "sparsity": lambda o: o.plot_sparsity()["sparsity"],
}


def main(target: Path, max_steps: int) -> None:
    """Make all of them."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        for name, picture in pictures(Path(directory), max_steps):
            path = small(picture, target / f"{name}.png")
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def pictures(directory: Path, max_steps: int) -> Iterator[tuple[str, Picture]]:
    """Each picture by the name of its figure."""
    kid = placed(observe_digits.setup(max_steps), directory / "digits")
    kid.practice()
    observer = Observer(kid)
    for name, make in FIGURES.items():
        yield name, make(observer)
    for name, module in (("graph_feedback", feedback), ("graph_residual", residual_unit)):
        (picture,) = Observer(placed(module.setup(1), directory / name)).visualize_graph()
        yield name, picture


def placed(kid: Kid, log_dir: Path) -> Kid:
    """The Kid in another run directory, silent."""
    kid.log_dir, kid.show_progress = log_dir, False
    return kid


def small(picture: Picture, path: Path) -> Path:
    """Write a picture in 256 colours, drawn no wider than `WIDTH`: to shrink it later would mix new colours."""
    file: Path | io.BytesIO = picture.paths[0]
    if picture.figure is not None:
        file = io.BytesIO()
        picture.figure.savefig(file, format="png", dpi=min(DPI, WIDTH / picture.figure.get_figwidth()))
    with Image.open(file) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    return path


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "figures", int((sys.argv[2:] or ["600"])[0]))
