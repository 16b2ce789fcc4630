// How captions look over a picture: /captions/{stream}?overlay=1, for OBS and other mixers.

/**
 * `lines` of text at most; `size`: of the text, in per cent of the picture's shorter side.
 * @typedef {{lines: number, place: string, size: number, colour: string, background: string}} Look
 */

const PLACES = ["bottom", "middle", "top"];
const MOST = { lines: 10, size: 50 };

/**
 * The look that an address asks for; null if it asks for no overlay. `faults`: the parameters that
 * cannot be used, as "name=value"; the usual values count instead.
 * @param {URLSearchParams} parameters
 * @param {(text: string) => boolean} isColour
 */
export function overlayOf(parameters, isColour) {
  if (parameters.get("overlay") !== "1") return null;
  /** @type {string[]} */
  const faults = [];

  /**
   * @template T
   * @param {string} name
   * @param {T} usual
   * @param {(text: string) => T | null} read
   */
  function value(name, usual, read) {
    const text = parameters.get(name);
    if (text === null) return usual;
    const found = read(text);
    if (found === null) faults.push(`${name}=${text.slice(0, 40)}`);
    return found ?? usual;
  }

  /** @param {string} text */
  const colour = (text) => (isColour(text) ? text : null);
  /** @type {Look} */
  const look = {
    lines: value("lines", 2, (text) => number(text, /^\d{1,2}$/, MOST.lines)),
    place: value("place", "bottom", (text) => (PLACES.includes(text) ? text : null)),
    size: value("size", 6, (text) => number(text, /^\d{1,2}(\.\d)?$/, MOST.size)),
    colour: value("colour", "#fff", colour),
    background: value("background", "#000b", colour),
  };
  return { look, faults };
}

/**
 * A number from 1 to `most`, if `text` has that form.
 * @param {string} text
 * @param {RegExp} form
 * @param {number} most
 */
function number(text, form, most) {
  const found = Number(text);
  return form.test(text) && found >= 1 && found <= most ? found : null;
}

/**
 * Makes the page an overlay with this look.
 * @param {HTMLElement} root
 * @param {Look} look
 */
export function applyLook(root, look) {
  root.classList.add("overlay");
  root.dataset.place = look.place;
  for (const name of /** @type {const} */ (["lines", "size", "colour", "background"])) {
    root.style.setProperty(`--${name}`, String(look[name]));
  }
}
