// Lines of captions in one language, newest at the bottom.
//
// Final lines are in a live region, and a screen reader announces each once. Partial lines are
// below it, where the final will be, lighter and not announced, so that final text never moves.
// The first words of a partial may be certain; they look like those of a final. A later revision
// replaces an earlier one. The number of lines is limited, to save a phone's memory.
// Lines that are not spoken, or may be translated wrongly, are lighter and have a note.
// A snapshot replaces all lines and is not announced: its lines are old, or were read before.

/** @import { Caption } from "./messages.js" */
import { pageLanguage, t, textDirection } from "./i18n.js";

const LINES_KEPT = 400;
const QUIET_MS = 500;

export class CaptionView {
  /** @type {Map<number, {revision: number, line: HTMLElement}>} */
  #segments = new Map();
  /** Whether a screen reader announces final lines. */
  #announced = true;
  /** What lines must contain to be shown. */
  #sought = "";

  /**
   * @param {Element} container scrolls
   * @param {string} language
   * @param {string} label names the live region to a screen reader
   */
  constructor(container, language, label) {
    this.language = language;
    this.finals = this.#region("lines");
    this.finals.setAttribute("role", "log");
    this.finals.setAttribute("aria-live", "polite");
    this.finals.setAttribute("aria-relevant", "additions");
    this.finals.setAttribute("aria-label", label);
    this.partials = this.#region("partials");
    this.partials.setAttribute("aria-hidden", "true");
    // The container is laid out from its end, so the newest line stays visible at the bottom.
    const page = document.createElement("div");
    page.append(this.finals, this.partials);
    container.replaceChildren(page);
  }

  /** @param {Caption} caption */
  show(caption) {
    if (caption.language !== this.language) return;
    const known = this.#segments.get(caption.segment);
    if (known && known.revision >= caption.revision) return;
    const line = known?.line ?? this.#line(caption);
    if (caption.status === "clear") {
      line.remove();
    } else {
      // Writing the same text again would make the live region announce it again.
      if (caption.status !== "final") writePartial(line, caption);
      else if (line.firstChild?.nodeValue !== caption.text) write(line, caption.text);
      if (caption.doubtful && !line.matches(".doubtful")) this.#mark(line, "doubtful");
      if (caption.skipped && !line.matches(".skipped")) this.#mark(line, "skipped");
      const region = caption.status === "final" ? this.finals : this.partials;
      if (line.parentNode !== region) insertByTime(region, line);
      this.#hide(line);
    }
    this.#segments.set(caption.segment, { revision: caption.revision, line });
    while (this.#segments.size > LINES_KEPT) this.#forgetOldest();
  }

  /**
   * Shows these captions and no others.
   * @param {Caption[]} captions
   */
  restore(captions) {
    this.finals.setAttribute("aria-live", "off");
    this.finals.replaceChildren();
    this.partials.replaceChildren();
    this.#segments.clear();
    for (const caption of captions) this.show(caption);
    setTimeout(() => this.announce(this.#announced), QUIET_MS);
  }

  /**
   * Whether a screen reader announces final lines from now on.
   * @param {boolean} on
   */
  announce(on) {
    this.#announced = on;
    this.finals.setAttribute("aria-live", on ? "polite" : "off");
  }

  /**
   * Shows only lines that contain `text`, whatever the case; says whether there are any.
   * @param {string} text
   */
  filter(text) {
    this.#sought = text.trim().toLocaleLowerCase(this.language);
    const lines = [...this.#segments.values()].map(({ line }) => line);
    for (const line of lines) this.#hide(line);
    return lines.some((line) => !line.hidden);
  }

  /** @param {HTMLElement} line */
  #hide(line) {
    const text = line.textContent?.toLocaleLowerCase(this.language) ?? "";
    line.hidden = !text.includes(this.#sought);
  }

  /** @param {string} name */
  #region(name) {
    const region = document.createElement("div");
    region.className = name;
    region.lang = this.language;
    region.dir = textDirection(this.language);
    return region;
  }

  /** @param {Caption} caption */
  #line(caption) {
    const line = document.createElement("p");
    line.dataset.start = String(caption.start_ms);
    return line;
  }

  /**
   * Says after the line why it is lighter.
   * @param {HTMLElement} line
   * @param {"doubtful" | "skipped"} why
   */
  #mark(line, why) {
    const mark = document.createElement("small");
    mark.lang = pageLanguage;
    mark.dir = textDirection(pageLanguage);
    mark.textContent = t(`captions.${why}`);
    line.append(" ", mark);
    line.classList.add(why);
  }

  #forgetOldest() {
    for (const [segment, { line }] of this.#segments) {
      line.remove();
      this.#segments.delete(segment);
      return;
    }
  }
}

/** A view for each of some languages, made anew when the languages are others. */
export class CaptionViews {
  /** @type {CaptionView[]} */
  #views = [];
  #make;
  #announced = true;
  #sought = "";

  /** @param {(languages: string[]) => CaptionView[]} make */
  constructor(make) {
    this.#make = make;
  }

  /**
   * Shows these languages.
   * @param {string[]} languages
   */
  select(languages) {
    if (this.#views.map((view) => view.language).join() === languages.join()) return;
    this.#views = this.#make(languages);
    this.announce(this.#announced);
    this.filter(this.#sought);
  }

  get languages() {
    return this.#views.map((view) => view.language);
  }

  /** @param {boolean} on */
  announce(on) {
    this.#announced = on;
    for (const view of this.#views) view.announce(on);
  }

  /**
   * Says whether there is a line with `text`.
   * @param {string} text
   */
  filter(text) {
    this.#sought = text;
    return this.#views.map((view) => view.filter(text)).some(Boolean) || text.trim() === "";
  }

  /** @param {Caption} caption */
  show(caption) {
    for (const view of this.#views) view.show(caption);
  }

  /** @param {Caption[]} captions */
  restore(captions) {
    for (const view of this.#views) view.restore(captions);
  }
}

/**
 * Writes other words, without the marks of those before.
 * @param {HTMLElement} line
 * @param {...(string | Node)} words
 */
function write(line, ...words) {
  line.replaceChildren(...words);
  line.classList.remove("doubtful", "skipped");
}

/**
 * @param {HTMLElement} line
 * @param {Caption} caption
 */
function writePartial(line, { text, certain = 0 }) {
  const words = text.split(/\s+/).filter(Boolean);
  const sure = document.createElement("span");
  sure.className = "certain";
  sure.textContent = words.slice(0, certain).join(" ");
  const rest = words.slice(certain).join(" ");
  write(line, ...(certain > 0 ? [sure, rest && ` ${rest}`] : [rest]));
}

/**
 * @param {HTMLElement} region
 * @param {HTMLElement} line
 */
function insertByTime(region, line) {
  const start = Number(line.dataset.start);
  const lines = /** @type {HTMLElement[]} */ ([...region.children]);
  const before = lines.findLast((other) => Number(other.dataset.start) <= start);
  if (before) before.after(line);
  else region.prepend(line);
}
