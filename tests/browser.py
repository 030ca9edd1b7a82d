"""A Chromium for the tests that look at pages, and what can be asked of any page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
BROWSER = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
MARKS = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="needs Chromium: install it, or name it in the variable CHROMIUM"),
]


@contextmanager
def launched() -> Iterator[Any]:
    """The browser, closed at the end."""
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


# the least contrast of any text to the paper or to the cell it stands in
CONTRAST = """() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  const paper = getComputedStyle(document.body).backgroundColor;
  let least = 21;
  for (const node of document.querySelectorAll("p, li, td, th, dt, dd, a, h1, h2, h3, h4, blockquote, figcaption")) {
    least = Math.min(least, contrast(getComputedStyle(node).color, paper));
  }
  for (const words of document.querySelectorAll("svg text")) {
    const level = [...words.classList].find((name) => /^h\\d+$/.test(name));
    const cell = level && document.querySelector(`rect.${level}`);
    least = Math.min(least, contrast(getComputedStyle(words).fill, cell ? getComputedStyle(cell).fill : paper));
  }
  return least;
}"""
