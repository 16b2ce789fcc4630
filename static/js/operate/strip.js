// A strip of bars: the last ten minutes of a value.

const BARS = 120;
const HEIGHT = 24;

/**
 * Draws the values, the newest at the right.
 * @param {SVGElement} strip
 * @param {number[]} values
 * @param {number} full the value of a bar as high as the strip
 * @param {number} high from this value on the newest bar is an alarm
 * @param {string} label
 */
export function drawStrip(strip, values, full, high, label) {
  const top = Math.max(full, ...values);
  const first = BARS - values.length;
  const bars = values.map((value, i) => {
    const height = ((HEIGHT * value) / top).toFixed(1);
    return `M${first + i} ${HEIGHT}v-${height}h.8v${height}z`;
  });
  let path = strip.querySelector("path");
  if (path === null) {
    path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    strip.append(path);
  }
  path.setAttribute("d", bars.join(""));
  strip.dataset.high = String((values.at(-1) ?? 0) >= high);
  if (strip.getAttribute("aria-label") !== label) strip.setAttribute("aria-label", label);
}

/** @param {number[]} values */
export function most(values) {
  return Math.max(0, ...values);
}
