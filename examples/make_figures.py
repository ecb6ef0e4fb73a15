"""Draw the figures of the example notes into papers/figures (needs only Pillow).

    python examples/make_figures.py

The drawings contain no randomness and use the font that ships with Pillow, so
the same Pillow version always writes the same files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FOLDER = Path(__file__).resolve().parent / "papers" / "figures"

INK = "#1f2933"
GREY = "#7b8794"
PALE = "#e4e7eb"
BLUE, BLUE_FILL = "#2166ac", "#d6e6f4"
GREEN, GREEN_FILL = "#2c7a4b", "#d8efe0"
ORANGE, ORANGE_FILL = "#b35806", "#fde5c8"
PURPLE, PURPLE_FILL = "#6a3d9a", "#e8def2"

Point = tuple[float, float]
Box = tuple[float, float, float, float]


class Canvas:
    """A white picture with the few shapes that the figures need."""

    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("RGB", (width, height), "white")
        self.draw = ImageDraw.Draw(self.image)

    def text(self, at: Point, words: str, size: int = 18, fill: str = INK, anchor: str = "mm") -> None:
        """Write one or more lines, centred on (or anchored at) a point."""
        font = ImageFont.load_default(size)
        lines = words.split("\n")
        step = size * 1.3
        x, y = at
        for number, line in enumerate(lines):
            offset = (number - (len(lines) - 1) / 2) * step
            self.draw.text((x, y + offset), line, font=font, fill=fill, anchor=anchor)

    def box(self, area: Box, words: str = "", edge: str = INK, fill: str = "white", size: int = 18) -> None:
        """A rounded box with centred words."""
        self.draw.rounded_rectangle(area, radius=8, fill=fill, outline=edge, width=2)
        if words:
            self.text(((area[0] + area[2]) / 2, (area[1] + area[3]) / 2), words, size)

    def arrow(self, points: Sequence[Point], fill: str = GREY) -> None:
        """A line through horizontal and vertical points with a head at the last one."""
        self.draw.line(list(points), fill=fill, width=2)
        (x0, y0), (x1, y1) = points[-2], points[-1]
        length = max(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5, 1e-9)
        dx, dy = (x1 - x0) / length * 10, (y1 - y0) / length * 10
        head = [(x1, y1), (x1 - dx - dy * 0.6, y1 - dy + dx * 0.6), (x1 - dx + dy * 0.6, y1 - dy - dx * 0.6)]
        self.draw.polygon(head, fill=fill)

    def save(self, name: str) -> None:
        """Write the picture with a small palette."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        flat = self.image.quantize(colors=64, dither=Image.Dither.NONE)
        flat.save(FOLDER / f"{name}.png", optimize=True)


def atlantic() -> Canvas:
    """Text and structure meet before the language model."""
    c = Canvas(940, 380)
    c.box((30, 60, 210, 130), "retrieved\npassages", BLUE, BLUE_FILL)
    c.box((270, 60, 450, 130), "text encoder", BLUE, BLUE_FILL)
    c.box((270, 250, 450, 320), "graph neural\nnetwork", GREEN, GREEN_FILL)
    c.box((510, 155, 670, 225), "fusion", ORANGE, ORANGE_FILL)
    c.box((740, 155, 910, 225), "language\nmodel", PURPLE, PURPLE_FILL)
    nodes = [(50, 270), (120, 240), (190, 275), (75, 325), (160, 330)]
    for a, b, colour in [(0, 1, INK), (1, 2, INK), (0, 3, GREEN), (3, 4, ORANGE), (2, 4, GREEN), (1, 4, INK)]:
        c.draw.line([nodes[a], nodes[b]], fill=colour, width=2)
    for x, y in nodes:
        c.draw.ellipse((x - 11, y - 11, x + 11, y + 11), fill=GREEN_FILL, outline=GREEN, width=2)
    c.text((120, 360), "heterogeneous document graph", 16)
    c.arrow([(212, 95), (268, 95)])
    c.arrow([(212, 285), (268, 285)])
    c.arrow([(452, 95), (590, 95), (590, 153)])
    c.arrow([(452, 285), (590, 285), (590, 227)])
    c.arrow([(672, 190), (738, 190)])
    c.text((530, 75), "text embedding", 16, BLUE)
    c.text((550, 307), "structural embedding", 16, GREEN)
    c.text((120, 30), "what the passage says", 16, GREY)
    c.text((120, 205), "what its document is linked to", 16, GREY)
    return c


def identify() -> Canvas:
    """Sections of mixed content become one document vector."""
    c = Canvas(940, 400)
    kinds = [("text", BLUE, BLUE_FILL), ("image", ORANGE, ORANGE_FILL), ("table", GREEN, GREEN_FILL)]
    for row, name in enumerate(["section 1", "section 2", "section n"]):
        top = 55 + row * 100
        c.text((150, top - 16), name, 16, GREY)
        for column, (kind, edge, fill) in enumerate(kinds):
            left = 30 + column * 82
            c.box((left, top, left + 76, top + 46), kind, edge, fill, 16)
        c.arrow([(272, top + 23), (328, top + 23)])
        c.arrow([(482, top + 23), (538, top + 23)])
        c.box((540, top, 600, top + 46), ["s1", "s2", "sn"][row], INK, PALE)
        c.arrow([(602, top + 23), (640, top + 23), (640, 178), (678, 178)])
    c.box((330, 40, 480, 320), "vision-\nlanguage\nmodel", PURPLE, PURPLE_FILL)
    c.box((680, 148, 800, 208), "mean", INK, PALE)
    c.arrow([(802, 178), (838, 178)])
    c.box((840, 148, 915, 208), "d", INK, ORANGE_FILL, 20)
    c.text((877, 232), "document vector", 14, GREY)
    c.box((330, 345, 590, 390), "reranker: query + section", BLUE, BLUE_FILL, 16)
    c.arrow([(150, 303), (150, 368), (328, 368)], BLUE)
    c.text((610, 368), "finds the section again", 16, BLUE, "lm")
    return c


def longembed() -> Canvas:
    """Averages before and after the window is extended."""
    c = Canvas(900, 440)
    base, top, scale = 360, 60, 300 / 80
    for mark in (0, 20, 40, 60, 80):
        tick = base - mark * scale
        c.draw.line([(90, tick), (870, tick)], fill=PALE, width=1)
        c.text((75, tick), str(mark), 15, GREY, "rm")
    c.text((90, 25), "LongEmbed average over six tasks", 18, INK, "lm")
    groups = [
        ("E5-Base\n512 to 4k, tuned", 41.0, 56.6),
        ("E5-RoPE-Base\n512 to 4k, SelfExtend", 40.5, 60.8),
        ("E5-Mistral\n4k to 32k, NTK", 64.4, 75.3),
    ]
    for number, (name, before, after) in enumerate(groups):
        left = 130 + number * 255
        bars = [(before, GREY, PALE), (after, BLUE, BLUE_FILL)]
        for place, (value, edge, fill) in enumerate(bars):
            x = left + place * 95
            height = base - value * scale
            c.draw.rectangle((x, height, x + 80, base), fill=fill, outline=edge, width=2)
            c.draw.rectangle((x + 10, height - 26, x + 70, height - 4), fill="white")
            c.text((x + 40, height - 14), f"{value:.1f}", 17)
        c.text((left + 87, base + 38), name, 16)
    c.draw.line([(90, base), (870, base)], fill=INK, width=2)
    for x, word, edge, fill in [(560, "original", GREY, PALE), (700, "extended window", BLUE, BLUE_FILL)]:
        c.draw.rectangle((x, top - 43, x + 18, top - 25), fill=fill, outline=edge, width=2)
        c.text((x + 26, top - 34), word, 16, INK, "lm")
    return c


def dse() -> Canvas:
    """A screenshot, its crops and the vector."""
    c = Canvas(940, 400)
    c.draw.rectangle((30, 60, 250, 280), fill="white", outline=INK, width=2)
    c.draw.rectangle((46, 76, 234, 92), fill=BLUE_FILL)
    for y in (106, 120, 134, 148, 162, 176):
        c.draw.line([(46, y), (128, y)], fill=GREY, width=3)
    c.draw.rectangle((142, 104, 234, 180), fill=ORANGE_FILL, outline=ORANGE)
    c.draw.polygon([(150, 174), (180, 130), (200, 156), (212, 140), (228, 174)], fill=ORANGE)
    for y in (200, 216, 232, 248, 264):
        c.draw.line([(46, y), (234, y)], fill=GREY, width=3)
    c.text((140, 305), "page screenshot\n1344 x 1344 pixels", 16)
    c.arrow([(255, 170), (308, 170)])
    for row in range(4):
        for column in range(4):
            x, y = 315 + column * 48, 45 + row * 48
            c.draw.rectangle((x, y, x + 42, y + 42), fill=BLUE_FILL, outline=BLUE, width=2)
    c.text((408, 250), "16 crops of 336 pixels", 16)
    c.draw.rectangle((387, 280, 429, 322), fill=ORANGE_FILL, outline=ORANGE, width=2)
    c.text((408, 345), "1 global view", 16)
    c.box((580, 110, 740, 230), "vision-\nlanguage\nmodel", PURPLE, PURPLE_FILL)
    c.arrow([(512, 140), (578, 140)])
    c.arrow([(435, 301), (545, 301), (545, 200), (578, 200)])
    c.arrow([(742, 170), (800, 170)])
    c.box((802, 110, 842, 230), "", GREEN, GREEN_FILL)
    for y in (134, 158, 182, 206):
        c.draw.line([(802, y), (842, y)], fill=GREEN, width=1)
    c.text((822, 265), "page vector\n(last token)", 16)
    return c


def starbucks() -> Canvas:
    """The fixed menu of sizes."""
    c = Canvas(900, 440)
    c.text((90, 25), "Sizes trained in every step", 18, INK, "lm")
    sizes = [(2, 32), (4, 64), (6, 128), (8, 256), (10, 512), (12, 768)]
    base = 350
    for number, (layers, width) in enumerate(sizes):
        left = 100 + number * 130
        for layer in range(layers):
            y = base - layer * 23
            c.draw.rectangle((left, y - 18, left + 86, y), fill=GREEN_FILL, outline=GREEN, width=1)
        c.text((left + 43, base - layers * 23 - 12), f"{layers} layers", 16)
        c.text((left + 43, base + 24), f"{width}", 18, BLUE)
        bar = 10 + 76 * width / 768
        c.draw.rectangle((left + 43 - bar / 2, base + 42, left + 43 + bar / 2, base + 54), fill=BLUE_FILL, outline=BLUE)
    c.draw.line([(90, base + 4), (870, base + 4)], fill=INK, width=2)
    c.text((480, 425), "dimensions of the embedding", 16, BLUE)
    return c


def bidr() -> Canvas:
    """Compact codes in memory, dense vectors on disk."""
    c = Canvas(940, 360)
    c.box((30, 135, 140, 205), "query", INK, PALE)
    c.arrow([(142, 170), (208, 170)])
    c.draw.rounded_rectangle((210, 60, 460, 280), radius=10, fill=BLUE_FILL, outline=BLUE, width=2)
    c.text((335, 85), "memory: light codes", 17, BLUE)
    for row in range(6):
        for column in range(4):
            x, y = 245 + column * 48, 112 + row * 26
            c.draw.rectangle((x, y, x + 36, y + 16), fill="white", outline=BLUE, width=1)
    c.arrow([(462, 170), (538, 170)])
    c.text((500, 150), "top K", 16)
    c.draw.rounded_rectangle((540, 60, 790, 280), radius=10, fill=ORANGE_FILL, outline=ORANGE, width=2)
    c.text((665, 85), "disk: dense vectors", 17, ORANGE)
    for row in range(4):
        y = 118 + row * 38
        c.draw.rectangle((565, y, 765, y + 22), fill="white", outline=ORANGE, width=1)
        for step in range(1, 10):
            c.draw.line([(565 + step * 20, y), (565 + step * 20, y + 22)], fill=ORANGE, width=1)
    c.arrow([(792, 170), (838, 170)])
    c.box((840, 135, 920, 205), "ranked\nlist", GREEN, GREEN_FILL, 16)
    c.text((335, 310), "coarse search over all documents", 16, GREY)
    c.text((665, 310), "verification of the candidates", 16, GREY)
    return c


def fid() -> Canvas:
    """Passages are encoded alone and decoded together."""
    c = Canvas(940, 380)
    for row, name in enumerate(["1", "2", "n"]):
        y = 45 + row * 105
        c.box((30, y, 270, y + 60), f"question + passage {name}", BLUE, BLUE_FILL)
        c.box((340, y, 450, y + 60), "encoder", GREEN, GREEN_FILL)
        c.arrow([(272, y + 30), (338, y + 30)])
        c.arrow([(452, y + 30), (518, y + 30)])
    c.text((150, 235), ". . .", 20, GREY)
    c.draw.rounded_rectangle((520, 45, 600, 315), radius=8, fill=PALE, outline=INK, width=2)
    for y in (135, 225):
        c.draw.line([(520, y), (600, y)], fill=INK, width=1)
    c.text((560, 345), "concatenated states", 16, GREY)
    c.arrow([(602, 180), (668, 180)])
    c.box((670, 145, 780, 215), "decoder", ORANGE, ORANGE_FILL)
    c.arrow([(782, 180), (828, 180)])
    c.box((830, 145, 920, 215), "answer", PURPLE, PURPLE_FILL)
    c.text((725, 240), "attends over all", 16, GREY)
    return c


def nv_embed() -> Canvas:
    """Latent attention pooling."""
    c = Canvas(940, 380)
    c.box((30, 60, 230, 130), "token states\nof the last layer", BLUE, BLUE_FILL)
    c.box((30, 240, 230, 310), "512 trainable\nlatent vectors", GREEN, GREEN_FILL)
    c.box((350, 130, 510, 240), "cross-\nattention", ORANGE, ORANGE_FILL)
    c.box((570, 150, 690, 220), "feed-\nforward", ORANGE, ORANGE_FILL)
    c.box((750, 150, 910, 220), "mean over\ntokens", PURPLE, PURPLE_FILL)
    c.arrow([(232, 95), (430, 95), (430, 128)], BLUE)
    c.arrow([(232, 275), (430, 275), (430, 242)], GREEN)
    c.text((330, 75), "queries", 16, BLUE)
    c.text((330, 295), "keys and values", 16, GREEN)
    c.arrow([(512, 185), (568, 185)])
    c.arrow([(692, 185), (748, 185)])
    c.arrow([(830, 222), (830, 278)])
    c.text((830, 295), "embedding", 18)
    c.text((830, 125), "instruction tokens left out", 15, GREY)
    return c


FIGURES = {
    "atlantic": atlantic,
    "bidr": bidr,
    "dse": dse,
    "fid": fid,
    "identify": identify,
    "longembed": longembed,
    "nv-embed": nv_embed,
    "starbucks": starbucks,
}


def main() -> None:
    """Draw every figure and print the path of its file."""
    for name, draw in FIGURES.items():
        draw().save(name)
        print(FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
