/** @import { Languages } from "./messages.js" */
import { languageName, pageLanguage, t } from "./i18n.js";
import { at, stream } from "./page.js";

const LOOPBACK = /^(localhost|127\.[\d.]+|\[::1\]|.*\.localhost)$/;

/**
 * Shows the listeners' address: as a QR code in `image`, as text in `link`.
 * The server knows best which address works from outside, and puts it in the code's title. Where
 * listening needs a token, it gives one to whoever has a `token`. An address that only works on
 * this computer is no invitation: then `hint` says what to do.
 * @param {{image: HTMLImageElement, link: HTMLAnchorElement, hint: HTMLElement}} place
 * @param {string | null} token
 * @param {string} language to hear at once; "" for the listener's own
 */
export async function showListenAddress({ image, link, hint }, token, language = "") {
  const query = language && `?language=${encodeURIComponent(language)}`;
  let address = at(`listen/${encodeURIComponent(stream)}${query}`);
  try {
    const answer = await fetch(at(`qr/${encodeURIComponent(stream)}.svg${query}`),
      { headers: token ? { Authorization: `Bearer ${token}` } : {} });
    const drawing = await answer.text();
    const { title = "" } = readTitle(drawing);
    if (answer.ok && title) {
      address = title;
      image.src = `data:image/svg+xml,${encodeURIComponent(drawing)}`;
    }
  } catch {
    // Use the address of this page.
  }
  link.href = address;
  link.textContent = address.replace(/^https?:\/\//, "").replace(/#token=.*/, "#token=…");
  image.hidden = link.hidden = LOOPBACK.test(new URL(address).hostname);
  if (link.hidden) hint.textContent = t("share.local");
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
