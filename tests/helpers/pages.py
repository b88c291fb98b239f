"""Reads an HTML page as a browser would, as far as the tests need it."""

import base64
import io
import re
from html.parser import HTMLParser

from PIL import Image

CLOSES_ITSELF = {"meta", "img", "input", "br", "wbr"}


class Page(HTMLParser):
    """The pictures, texts and sections of a page. Fails if it is malformed, or loads or runs anything."""

    def __init__(self, path):
        super().__init__()
        self.images, self.sections, self.open, self.text = {}, {}, [], ""
        self.heading = None
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        for name in ("src", "href", "srcset", "action", "data"):
            assert attrs.get(name, "data:").startswith("data:"), f"{tag} loads {attrs[name][:60]}"
        assert not any(name.startswith("on") for name in attrs)
        if tag == "img":
            assert attrs["alt"]
            self.images[attrs["alt"]] = opened(attrs["src"])
        if tag not in CLOSES_ITSELF:
            self.open.append(tag)
        if tag in ("td", "th", "dd"):
            self.handle_data(" ")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open or "script" in self.open:
            assert not re.search(r"url\(|@import|https?:", data)
            return
        if self.open and self.open[-1] == "h2":
            self.heading = data
        self.text += data
        self.sections[self.heading] = self.sections.get(self.heading, "") + data


def opened(uri):
    """The picture in a data URI, fully decoded."""
    kind, content = re.fullmatch(r"data:image/(png|jpeg|gif);base64,([A-Za-z0-9+/=]+)", uri).groups()
    image = Image.open(io.BytesIO(base64.b64decode(content)))
    image.load()
    assert image.format.lower() == kind
    return image


def shade(image):
    """The level of grey, 0 to 255, of a picture in one colour."""
    return image.convert("RGB").getpixel((0, 0))[0]
