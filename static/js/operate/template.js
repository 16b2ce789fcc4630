// Copies of the page's templates.

import { translate } from "../i18n.js";

/**
 * A copy of a template, with its texts, and its parts by name: what has `data-part`.
 * @param {string} id of the template
 */
export function copyOf(id) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById(id));
  const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
  translate(copy);
  /** @type {NodeListOf<HTMLElement>} */
  const found = copy.querySelectorAll("[data-part]");
  const parts = Object.fromEntries([...found].map((part) => [part.dataset.part ?? "", part]));
  return { element: /** @type {HTMLElement} */ (copy.firstElementChild), parts };
}
