// A list of streams to choose from.

/** @import { PublicStream } from "./messages.js" */
import { languageName, pageLanguage } from "./i18n.js";
import { at } from "./page.js";

/**
 * Shows `streams` as links in `list`; without any, `box` is hidden.
 * @param {Element} list
 * @param {HTMLElement} box
 * @param {PublicStream[]} streams
 */
export function showStreams(list, box, streams) {
  box.hidden = streams.length === 0;
  list.replaceChildren(...streams.map(({ id, source }) => {
    const row = document.createElement("li");
    const link = document.createElement("a");
    link.href = at(`listen/${encodeURIComponent(id)}`);
    link.textContent = id;
    row.append(link);
    if (source) row.append(` ${languageName(source, pageLanguage)}`);
    return row;
  }));
}
