"""A drawing of matplotlib as a small inline SVG: a third of the file's size, in the colours of the page's text."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

NAMESPACES = {"": "http://www.w3.org/2000/svg", "xlink": "http://www.w3.org/1999/xlink"}
SVG, HREF = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
NUMBER = r"-?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"
TOKEN = re.compile(rf"([A-Za-z])|({NUMBER})")
POINTS = {"M": 1, "L": 1, "Q": 2, "C": 3, "Z": 0}  # number of points of each command
FONT = re.compile(r"(font-family: )?'DejaVu Sans', 'Verdana', sans-serif;?")
CURVED = 2  # decimals for paths with curves, which are small marks; polygons have one


class ShortNames:
    """Short names for one page's drawings: class names for styles, and ids that no two drawings share."""

    def __init__(self) -> None:
        self.styles: dict[str, str] = {}
        self.ids = itertools.count()

    def style(self, style: str) -> str:
        return self.styles.setdefault(style, f"d{len(self.styles)}")

    def id(self) -> str:
        return f"i{next(self.ids)}"

    def css(self) -> str:
        """The CSS rules of all styles."""
        return "\n".join(f".{name} {{ {style} }}" for style, name in self.styles.items())


def inline_svg(text: str, caption: str, short: ShortNames) -> str:
    """A drawing for a page: as wide as its column, with black as the text colour and with unique ids.

    Coordinates are rounded to a tenth of a point. Invisible elements are removed.
    """
    root = ElementTree.fromstring(text)
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', text))
    ids = {old: short.id() for old in sorted(used)}
    width = root.attrib.pop("width", "500pt")
    root.attrib.pop("height", None)
    root.attrib.pop("version", None)
    tidy(root, ids, short)
    root.attrib = {"role": "img", "aria-label": caption, "style": f"--w: {width}", **root.attrib}
    for prefix, uri in NAMESPACES.items():
        ElementTree.register_namespace(prefix, uri)
    made = ElementTree.tostring(root, encoding="unicode")
    made = re.sub(r' xmlns(:\w+)?="[^"]+"', "", made)  # HTML needs no namespaces
    return made.replace("xlink:href", "href")


def tidy(parent: ElementTree.Element, ids: dict[str, str], short: ShortNames) -> None:
    """Shorten all elements below ``parent``. Remove metadata and groups without effect."""
    kept: list[ElementTree.Element] = []
    for child in parent:
        if child.tag in (f"{SVG}metadata", f"{SVG}style") or is_invisible(child):
            continue
        shorten(child, ids, short)
        tidy(child, ids, short)
        grouping = child.tag in (f"{SVG}g", f"{SVG}defs")
        if grouping and len(child) == 0:
            continue
        kept += list(child) if child.tag == f"{SVG}g" and not child.attrib else [child]
    parent[:] = kept
    if parent.tag not in (f"{SVG}text", f"{SVG}tspan"):
        parent.text = None
    for child in kept:
        child.tail = None if parent.tag != f"{SVG}text" else child.tail


def is_invisible(element: ElementTree.Element) -> bool:
    """Whether it is a background without colour."""
    return element.tag == f"{SVG}path" and element.get("style") == "fill: none" and element.get("clip-path") is None


def shorten(element: ElementTree.Element, ids: dict[str, str], short: ShortNames) -> None:
    attributes = element.attrib
    if "id" in attributes:
        own = ids.get(attributes.pop("id"))
        attributes.update({"id": own} if own else {})
    for key, value in list(attributes.items()):
        if key == "style":
            del attributes[key]
            if found := shared_style(value):
                attributes["class"] = short.style(found)
        elif key == "d":
            attributes[key] = short_path(value)
        elif key == HREF and value.startswith("#"):
            attributes[key] = f"#{ids[value[1:]]}"
        elif key == "clip-path":
            attributes[key] = re.sub(r"#([^)]+)", lambda match: f"#{ids[match[1]]}", value)
        elif key in ("x", "y", "width", "height"):
            attributes[key] = decimals(float(value), 1)
        elif key == "transform":
            attributes[key] = re.sub(NUMBER, lambda match: decimals(float(match[0]), 3), value)
            if re.match(r"rotate\(-?0 ", value):
                del attributes[key]


def shared_style(style: str) -> str:
    """The style with black replaced by the text colour and without the font, which the page sets once."""
    style = FONT.sub("", re.sub(r"(stroke|fill): #000000", r"\1: currentColor", style))
    return re.sub(r";\s*$", "", re.sub(r"\s+", " ", style)).strip()


def short_path(path: str) -> str:
    """The path with rounded coordinates, each but the first relative to the one before."""
    digits = CURVED if re.search("[CQ]", path) else 1
    made: list[str] = []
    start = here = (0, 0)
    last = ""
    for command, points in commands(path, 10**digits):
        if command == "M":
            start = here = points[-1]
            made.append("M" + joined(points, digits))
        elif command == "Z":
            here = start
            made.append("z")
        elif points[-1] != here or len(made) == 1:  # a lone point is a dot
            steps = joined([(x - here[0], y - here[1]) for x, y in points], digits)
            space = " " * (not steps.startswith("-"))
            made.append((space if command == last else command.lower()) + steps)
            here = points[-1]
        else:
            continue
        last = command
    return "".join(made)


def commands(path: str, scale: int) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Each command with its points in units of 1 / ``scale``."""
    tokens = [(letter, number) for letter, number in TOKEN.findall(path)]
    place = 0
    while place < len(tokens):
        command = tokens[place][0].upper()
        count = 2 * POINTS[command]
        numbers = [round(float(number) * scale) for _, number in tokens[place + 1 : place + 1 + count]]
        yield command, list(zip(numbers[::2], numbers[1::2], strict=True))
        place += 1 + count


def joined(points: list[tuple[int, int]], digits: int) -> str:
    """``1.5 2-3 4``: no space is needed before a minus."""
    texts = [decimals(number / 10**digits, digits) for point in points for number in point]
    return " ".join(texts).replace(" -", "-")


def decimals(value: float, digits: int) -> str:
    """``.5`` for 0.5, ``2`` for 2.0."""
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"
    text = re.sub(r"^(-?)0(?=\.)", r"\1", text)
    return "0" if text in ("-0", "", "-") else text
