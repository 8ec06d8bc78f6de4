"""How a fit grew, as a picture that moves where a page shows it (APNG), and is the last one everywhere else."""

import io

from PIL import Image

SECONDS = 0.8  # that a frame stays; the last one stays four times as long
FRAMES = 5
ROUNDS = 3  # then it rests at the end, for readers whom movement disturbs
COLORS = 128


class Film:
    """A few pictures of a fit, far apart in its steps: early on it changes fast, later slowly.

    Examples
    --------
    >>> film = Film()
    >>> film.add(0.01, b"a PNG")
    >>> [film.wants(share) for share in (0.02, 0.03, 0.5)]
    [False, True, True]
    """

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self._next = 0.0

    def wants(self, share: float) -> bool:
        """Whether a picture at this share of the steps, 0 to 1, is far enough from the one kept before."""
        return self._next <= share < 1 and len(self._frames) < FRAMES

    def add(self, share: float, png: bytes) -> None:
        """Keep the picture, if it is wanted."""
        if self.wants(share):
            self._frames.append(png)
            self._next = max(0.01, 3 * share)

    def developed(self, last: bytes) -> bytes:
        """An animated PNG that ends with `last`, which also stands still where nothing moves.

        Without frames, and where the picture's size changed, it is `last` itself.
        """
        with Image.open(io.BytesIO(last)) as opened:
            still = opened.convert("RGB").quantize(COLORS)
        frames = []
        for png in self._frames:
            with Image.open(io.BytesIO(png)) as opened:
                if opened.size == still.size:
                    frames.append(opened.convert("RGB").quantize(palette=still, dither=Image.Dither.NONE))
        if not frames:
            return last
        buffer = io.BytesIO()
        lasting = [round(1000 * SECONDS)] * len(frames) + [round(4000 * SECONDS)]
        moving = {"save_all": True, "default_image": True, "duration": [0, *lasting], "loop": ROUNDS}
        still.save(buffer, "PNG", append_images=[*frames, still], **moving)
        return buffer.getvalue()
