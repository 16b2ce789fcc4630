// What was read during this visit, to be kept as text. It never leaves the device by itself.

/** @import { Caption } from "./messages.js" */

/** Hours of speech; a limit all the same. */
const LINES_KEPT = 10_000;

export class Transcript {
  /** @type {Map<string, Caption>} */
  #lines = new Map();

  /** @param {Caption} caption */
  take(caption) {
    const key = `${caption.language} ${caption.segment} ${caption.start_ms}`;
    if (caption.status === "clear") this.#lines.delete(key);
    if (caption.status !== "final") return;
    this.#lines.set(key, caption); // a later revision stays in its place
    for (const oldest of this.#lines.keys()) {
      if (this.#lines.size <= LINES_KEPT) break;
      this.#lines.delete(oldest);
    }
  }

  /**
   * The lines in these languages, one language after the other.
   * @param {string[]} languages
   */
  text(languages) {
    return languages
      .map((tag) => [...this.#lines.values()].filter(({ language }) => language === tag))
      .filter((lines) => lines.length > 0)
      .map((lines) => lines.map(({ text }) => `${text}\n`).join(""))
      .join("\n");
  }
}
