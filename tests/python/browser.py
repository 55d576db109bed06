"""Headless Chromium: how a page is laid out, and what it looks like."""

import html
import json
import re
import shutil
import struct
import subprocess

from main_job import LIMIT_S

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

# Of each frame: what scrolls sideways, and the texts of its pictures that overlap another one or leave
# their picture. A rectangle is the font's whole height: letters fill its middle.
MEASURE = """
function measure(frame) {
  const page = frame.contentDocument.documentElement;
  const faults = [];
  let texts = 0;
  for (const svg of page.querySelectorAll('svg')) {
    const border = svg.getBoundingClientRect();
    const seen = [];
    for (const text of svg.querySelectorAll('text')) {
      const box = text.getBoundingClientRect();
      if (box.width === 0) continue;
      texts += 1;
      const name = text.textContent;
      if (box.left < border.left - 1 || box.right > border.right + 1 ||
          box.top < border.top - 1 || box.bottom > border.bottom + 1) faults.push('outside: ' + name);
      const rotated = text.hasAttribute('transform');
      const trim = rotated ? [0.2 * box.width, 1] : [1, 0.2 * box.height];
      const part = {left: box.left + trim[0], right: box.right - trim[0], top: box.top + trim[1],
                    bottom: box.bottom - trim[1], name: name};
      for (const other of seen) {
        if (part.left < other.right && other.left < part.right &&
            part.top < other.bottom && other.top < part.bottom)
          faults.push('overlap: ' + name + ' / ' + other.name);
      }
      seen.push(part);
    }
  }
  return {width: page.scrollWidth, height: page.scrollHeight, texts: texts, faults: faults,
          pictures: [...page.querySelectorAll('svg')].filter(
              svg => svg.getBoundingClientRect().width > 0).length};
}
onload = () => {
  const found = [...document.querySelectorAll('iframe')].map(measure);
  document.getElementById('found').textContent = JSON.stringify(found);
};
"""


def chromium(*words):
    done = subprocess.run([CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                           *words], capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0, done.stderr
    return done.stdout


def layouts(folder, page, widths):
    """How the page is laid out in windows that wide: one dictionary for each, see MEASURE."""
    frames = "".join(f'<iframe style="width:{width}px;height:900px;border:0" '
                     f'srcdoc="{html.escape(page.read_text())}"></iframe>' for width in widths)
    measuring = folder / "measuring.html"
    measuring.write_text(f"<!DOCTYPE html><meta charset=utf-8><pre id=found></pre>{frames}"
                         f"<script>{MEASURE}</script>")
    dom = chromium("--dump-dom", measuring.as_uri())
    return json.loads(html.unescape(re.search(r'<pre id="found">(.*?)</pre>', dom, re.S).group(1)))


def screenshot(page, picture, width, height):
    """Writes a PNG of the page; returns the size that it has."""
    chromium(f"--screenshot={picture}", f"--window-size={width},{height}", page.as_uri())
    return struct.unpack(">II", picture.read_bytes()[16:24])
