"""What docs/viewer.md says of the viewer: python -m tests.benchmarks.viewer

The largest difference from `decode` by kind of file, in gray levels; milliseconds a picture of 768x512, in Chromium's
software renderer or, with --gpu, on the graphics card; the page's size.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
from playwright.sync_api import sync_playwright

from coin_edu import Siren, data, decode
from coin_edu.bitstream import read_header
from coin_edu.viewer.page import page as viewer_page
from tests.test_viewer import CHROMIUM, KINDS, Viewer, entropy_kind, hooked

RECORDED = ("kodak15_5x30.coin", "kodak15_10x28.coin")
SPEED = """async ([kind, pictures]) => {
  const { network, file } = inner.opened, painter = new inner[kind](network, file);
  const patch = { x: file.width / 2, y: file.height / 2, step: 1, columns: 768, rows: 512, snap: false };
  const spent = [];
  for (let i = 0; i < pictures; i++) {
    const begin = performance.now();
    await painter.paint(patch);
    spent.push(performance.now() - begin);
  }
  painter.close();
  return spent;
}"""


def textured(arch):
    """A network never fitted, whose picture has colors all over the range."""
    model = Siren(arch)
    weight, bias = model.layer_weights[-1]
    with torch.no_grad():
        weight *= 0.3 / weight.std()
        bias += 0.5
    return model


def differences(viewer, coin):
    """At 1x, 4x and 64x."""
    height, width = read_header(coin).shape
    w, h = min(48, width), min(32, height)
    viewer.show(coin)
    for region, size in (
        ((width // 2 - w // 2, height // 2 - h // 2, w, h), (w, h)),
        ((width // 4, height // 3, 8, 6), (32, 24)),
        ((width // 2, height // 2, 1, 1), (64, 64)),
    ):
        yield int(np.abs(viewer.paint("GraphicsPainter", region, size) - decode(coin, size, region)).max())


def main():
    """Print it."""
    options = argparse.ArgumentParser(description="The viewer's differences from decode, its speed, its size.")
    options.add_argument("--gpu", action="store_true", help="on the graphics card")
    options.add_argument("--pictures", type=int, default=3, help="for the speed (default: 3)")
    given = options.parse_args()
    print(f"the page without a file: {len(viewer_page().encode()) / 1000:.0f} kB")
    files = {name: data.recorded(f"results/{name}").read_bytes() for name in RECORDED}
    files |= {name: make(textured) for name, make in {**KINDS, **entropy_kind}.items()}
    system = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        flags = ["--use-angle=gl"] if given.gpu else CHROMIUM
        browser = playwright.chromium.launch(executable_path=system, args=["--no-sandbox", *flags])
        page = browser.new_page(viewport={"width": 240, "height": 320})
        page.set_default_timeout(600_000)
        path = Path(folder, "page.html")
        path.write_text(hooked(viewer_page()), "utf-8")
        page.goto(path.as_uri())
        viewer = Viewer(page)
        print("| file | 1x | 4x | 64x |\n|---|---|---|---|")
        for name, coin in files.items():
            print(f"| {name} | {' | '.join(map(str, differences(viewer, coin)))} |", flush=True)
        for name in RECORDED:
            viewer.show(files[name])
            viewer.done()
            for kind in ("GraphicsPainter", "PlainPainter"):
                spent = page.evaluate(SPEED, [kind, given.pictures])
                print(f"{name}, {kind}: {', '.join(f'{ms:.0f}' for ms in spent)} ms a picture of 768x512, "
                      f"{1000 / min(spent):.2f} a second at best", flush=True)  # fmt: skip
        browser.close()


if __name__ == "__main__":
    main()
