// The start page: asks for a stream's name, and leads to its pages. It also stands in for pages
// that there are not, and says so.

import { t, translatePage } from "./i18n.js";
import { at, elementsById, first, recall, remember, showFailures, stream } from "./page.js";
import { showStreams } from "./streams.js";

const NAME = /^[A-Za-z0-9_-]{1,64}$/;

const page = elementsById({
  name: HTMLInputElement, form: HTMLFormElement, missing: HTMLElement, streams: HTMLElement,
  streams_box: HTMLElement,
});

/**
 * The nearest name to what was written: accents and spaces are what goes wrong.
 * @param {string} text
 */
function nearest(text) {
  const plain = text.normalize("NFD").replace(/[\u0300-\u036f]/g, "");
  return plain.trim().replace(/[^A-Za-z0-9_-]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 64);
}

/** @param {string} name */
function remembered(name) {
  return name && NAME.test(name) ? name : recall("localStorage", "tolk.stream") ?? "";
}

showFailures();
await translatePage();
page.missing.textContent = first.missing === "name" ? t("start.bad_name", { name: stream })
  : first.missing === "page" ? t("start.no_page") : "";
page.name.value = remembered(first.missing === "name" ? nearest(stream) : "");
showStreams(page.streams, page.streams_box, first.streams ?? []);
page.name.oninput = () => page.name.setCustomValidity("");
page.name.oninvalid = () => page.name.setCustomValidity(t("start.name_hint"));
page.form.onsubmit = (event) => {
  event.preventDefault();
  const name = page.name.value.trim();
  remember("localStorage", "tolk.stream", name);
  const pressed = /** @type {HTMLButtonElement | null} */ (event.submitter);
  location.assign(at(`${pressed?.value ?? "listen"}/${encodeURIComponent(name)}`));
};
