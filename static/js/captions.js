// Lines of captions in one language, newest at the bottom.
//
// Final lines are in a live region, and a screen reader announces each once. Partial lines are
// below it, where the final will be, lighter and not announced, so that final text never moves.
// The first words of a partial may be certain; they look like those of a final. A later revision
// replaces an earlier one. The number of lines is limited, to save a phone's memory.
// Lines that are not spoken, or may be translated wrongly, are lighter and have a note.
// A snapshot replaces all lines and is not announced: its lines are old, or were read before.

import { pageLanguage, t, textDirection } from "./i18n.js";

const LINES_KEPT = 80;
const QUIET_MS = 500;

export class CaptionView {
  /** `container` scrolls; `label` names the live region to a screen reader. */
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
    this.segments = new Map();
  }

  show(caption) {
    if (caption.language !== this.language) return;
    const known = this.segments.get(caption.segment);
    if (known && known.revision >= caption.revision) return;
    const line = known?.line ?? this.#line(caption);
    if (caption.status === "clear") {
      line.remove();
    } else {
      // Writing the same text again would make the live region announce it again.
      if (caption.status !== "final") writePartial(line, caption);
      else if (line.firstChild?.data !== caption.text) line.textContent = caption.text;
      if (caption.doubtful && !line.matches(".doubtful")) this.#mark(line, "doubtful");
      if (caption.skipped && !line.matches(".skipped")) this.#mark(line, "skipped");
      const region = caption.status === "final" ? this.finals : this.partials;
      if (line.parentNode !== region) insertByTime(region, line);
    }
    this.segments.set(caption.segment, { revision: caption.revision, line });
    while (this.segments.size > LINES_KEPT) this.#forgetOldest();
  }

  /** Replaces all lines by these captions. */
  restore(captions) {
    this.finals.setAttribute("aria-live", "off");
    this.finals.replaceChildren();
    this.partials.replaceChildren();
    this.segments.clear();
    captions.forEach((caption) => this.show(caption));
    setTimeout(() => this.finals.setAttribute("aria-live", "polite"), QUIET_MS);
  }

  #region(name) {
    const region = document.createElement("div");
    region.className = name;
    region.lang = this.language;
    region.dir = textDirection(this.language);
    return region;
  }

  #line(caption) {
    const line = document.createElement("p");
    line.dataset.start = caption.start_ms;
    return line;
  }

  /** Adds a note after the line that says why it is lighter. */
  #mark(line, why) {
    const mark = document.createElement("small");
    mark.lang = pageLanguage;
    mark.dir = textDirection(pageLanguage);
    mark.textContent = t(`captions.${why}`);
    line.append(" ", mark);
    line.classList.add(why);
  }

  #forgetOldest() {
    const [segment, { line }] = this.segments.entries().next().value;
    line.remove();
    this.segments.delete(segment);
  }
}

function writePartial(line, { text, certain = 0 }) {
  const words = text.split(/\s+/).filter(Boolean);
  const sure = document.createElement("span");
  sure.className = "certain";
  sure.textContent = words.slice(0, certain).join(" ");
  const rest = words.slice(certain).join(" ");
  line.replaceChildren(...(certain > 0 ? [sure, rest && ` ${rest}`] : [rest]));
}

function insertByTime(region, line) {
  let next = null;
  for (let other = region.lastElementChild; other; other = other.previousElementSibling) {
    if (Number(other.dataset.start) <= Number(line.dataset.start)) break;
    next = other;
  }
  region.insertBefore(line, next);
}
