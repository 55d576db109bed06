"""Headless Chromium: how a page is laid out, and what it looks like."""

import html
import json
import re
import shutil
import struct
import subprocess

from main_job import LIMIT_S

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

# Windows are at least so wide: what is narrower is shown in a frame.
NARROWEST = 500

# Of each frame: what scrolls sideways; the texts of its pictures that overlap another one, a line, a
# marker or a sample of the legend, or leave their picture; samples on lines of the plot; and cells of
# tables whose words stick out of them or, in tables of up to three columns, out of what is seen without
# scrolling. A rectangle is the font's whole height: letters fill its middle.
MEASURE = """
const crosses = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
const shrunk = (box, x, y) => ({left: box.left + x, right: box.right - x, top: box.top + y,
                                bottom: box.bottom - y});
function points(svg, border) {  // of its lines, close together, as rectangles
  const scale = border.width / svg.viewBox.baseVal.width;
  const found = [];
  for (const path of svg.querySelectorAll('path')) {
    let last = null;
    for (const [, command, x, y] of path.getAttribute('d').matchAll(/([ML])([-\\d.]+),([-\\d.]+)/g)) {
      const to = [border.left + scale * x, border.top + scale * y];
      const from = command === 'M' ? to : last;
      const parts = Math.max(1, Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1]) / 3));
      for (let i = 0; i <= parts; ++i) {
        const at = [0, 1].map(axis => from[axis] + (to[axis] - from[axis]) * i / parts);
        found.push({left: at[0] - 1, right: at[0] + 1, top: at[1] - 1, bottom: at[1] + 1});
      }
      last = to;
    }
  }
  return found;
}
function lineFaults(svg, border, texts) {
  // Only a legend has lines with a width of their own.
  const samples = [...svg.querySelectorAll('line[stroke-width]')].map(line => {
    const box = line.getBoundingClientRect();
    return {left: box.left, right: box.right, top: box.top - 4, bottom: box.bottom + 4, name: 'legend'};
  });
  const markers = [...svg.querySelectorAll('circle, polygon')].map(one => one.getBoundingClientRect());
  const drawn = points(svg, border);
  const on = (place, others) => others.some(other => crosses(place, other));
  return [...texts.filter(text => on(text, drawn) || on(text, markers) || on(text, samples)),
          ...samples.filter((sample, i) => on(sample, drawn) || on(sample, samples.slice(0, i)))]
      .map(place => 'on a line: ' + place.name);
}
function cellFaults(page) {
  const faults = [];
  for (const cell of page.querySelectorAll('td, th')) {
    const words = page.ownerDocument.createRange();
    words.selectNodeContents(cell);
    const text = words.getBoundingClientRect(), box = cell.getBoundingClientRect();
    const seen = cell.parentElement.children.length > 3 ? box
        : cell.closest('.scroll').getBoundingClientRect();
    if (text.right > box.right + 1 || text.bottom > box.bottom + 1 || text.right > seen.right + 1)
      faults.push('cut off: ' + cell.textContent);
  }
  return faults;
}
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
      const part = {...shrunk(box, ...trim), name: name};
      for (const other of seen) {
        if (crosses(part, other)) faults.push('overlap: ' + name + ' / ' + other.name);
      }
      seen.push(part);
    }
    if (border.width > 0) faults.push(...lineFaults(svg, border, seen));
  }
  faults.push(...cellFaults(page));
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
    """Writes a PNG of the page as in a window that wide; returns the size of the PNG."""
    if width < NARROWEST:
        framed = picture.with_suffix(".html")
        style = f"width:{width}px;height:{height}px;border:0;background:#fff"
        framed.write_text('<!DOCTYPE html><body style="margin:0;background:#888">'
                          f'<iframe src="{page.as_uri()}" style="{style}"></iframe>')
        page, width = framed, NARROWEST
    chromium(f"--screenshot={picture}", f"--window-size={width},{height}", page.as_uri())
    return struct.unpack(">II", picture.read_bytes()[16:24])
