/** @import { Languages } from "./messages.js" */
import { languageName, pageLanguage, t } from "./i18n.js";
import { at, stream } from "./page.js";

/** A server that starts again, or is too busy, is asked again. */
const AGAIN_MS = 3000;
const LOOPBACK = /^(localhost|127\.[\d.]+|\[::1\]|.*\.localhost)$/;

/** Counts what was asked for: what an earlier question brings is out of date. */
let questions = 0;

/**
 * Shows the listeners' address: as a QR code in `image`, as text in `link`.
 * The server knows best which address works from outside, and puts it in the code's title. Where
 * listening needs a token, it gives one to whoever has a `token`. An address that only works on
 * this computer is no invitation: then `hint` says what to do. Whoever has a `token` may need one
 * in the address, too: then nothing is shown until the server has told.
 * @param {{image: HTMLImageElement, link: HTMLAnchorElement, hint: HTMLElement}} place
 * @param {string | null} token
 * @param {string} language to hear at once; "" for the listener's own
 */
export async function showListenAddress({ image, link, hint }, token, language = "") {
  const query = language && `?language=${encodeURIComponent(language)}`;
  const question = ++questions;
  image.hidden = link.hidden = true;
  for (;;) {
    const told = await askForCode(query, token);
    if (question !== questions) return;
    if (told !== null || !token) {
      const address = told?.title || at(`listen/${encodeURIComponent(stream)}${query}`);
      link.href = address;
      link.textContent = address.replace(/^https?:\/\//, "").replace(/#token=.*/, "#token=…");
      link.hidden = LOOPBACK.test(new URL(address).hostname);
      if (link.hidden) hint.textContent = t("share.local");
      if (told?.title) image.src = `data:image/svg+xml,${encodeURIComponent(told.drawing)}`;
      image.hidden = link.hidden || !told?.title;
    }
    if (told !== null) return;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    if (question !== questions) return;
  }
}

/**
 * The server's code, and the address in it; empty if it refuses one; null if it does not answer now.
 * @param {string} query
 * @param {string | null} token
 */
async function askForCode(query, token) {
  try {
    const answer = await fetch(at(`qr/${encodeURIComponent(stream)}.svg${query}`),
      { headers: token ? { Authorization: `Bearer ${token}` } : {} });
    if (answer.status >= 500 || answer.status === 429) return null;
    const drawing = await answer.text();
    return { drawing, title: answer.ok ? readTitle(drawing).title : "" };
  } catch {
    return null;
  }
}

/**
 * Lets one choose in `select` the language in which the listeners' page begins.
 * @param {HTMLSelectElement} select
 * @param {Languages} languages
 * @param {(language: string) => void} show called with what is chosen, now and later
 */
export function offerInvitations(select, { targets }, show) {
  const tags = [...new Set(Object.values(targets).flat())];
  select.replaceChildren(new Option(t("share.own"), ""),
    ...tags.map((tag) => new Option(languageName(tag, pageLanguage), tag)));
  select.onchange = () => show(select.value);
  show("");
}

/** @param {string} drawing */
function readTitle(drawing) {
  const title = new DOMParser().parseFromString(drawing, "image/svg+xml").querySelector("title");
  return { title: title?.textContent ?? "" };
}
