// The start page: asks for a stream's name, and leads to its pages.

import { translatePage } from "./i18n.js";
import { at, elementsById, recall, remember, showFailures } from "./page.js";

const page = elementsById({ name: HTMLInputElement, form: HTMLFormElement });

showFailures();
await translatePage();
page.name.value = recall("localStorage", "tolk.stream") ?? "";
page.form.onsubmit = (event) => {
  event.preventDefault();
  const name = page.name.value.trim();
  remember("localStorage", "tolk.stream", name);
  const pressed = /** @type {HTMLButtonElement | null} */ (event.submitter);
  location.assign(at(`${pressed?.value ?? "listen"}/${encodeURIComponent(name)}`));
};
