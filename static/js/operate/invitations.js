// Makes addresses with tokens, and the sheet of codes to print.

/** @import { Invitations } from "./board.js" */
/** @import { Requests } from "./requests.js" */
import { languageName, pageLanguage, t, textDirection } from "../i18n.js";
import { elementsById } from "../page.js";

const page = elementsById({
  name: HTMLInputElement, invite: HTMLFormElement, role: HTMLSelectElement, hours: HTMLInputElement,
  only: HTMLElement, invite_result: HTMLElement, sheet: HTMLElement, sheet_title: HTMLElement,
  until: HTMLElement, codes: HTMLElement, print: HTMLButtonElement,
});

/**
 * @param {Requests} requests
 * @param {string[]} languages that can be spoken or heard here
 */
export function offerInvitations(requests, languages) {
  page.only.replaceChildren(...languages.map((tag) => {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.value = tag;
    label.append(box, languageName(tag, pageLanguage));
    return label;
  }));
  page.print.onclick = () => print();
  page.invite.onsubmit = async (event) => {
    event.preventDefault();
    if (!page.name.value || !page.name.reportValidity()) {
      page.name.focus();
      return;
    }
    const chosen = [...page.only.querySelectorAll("input")].filter(({ checked }) => checked);
    page.invite_result.textContent = t("operate.making");
    try {
      const made = await requests.ask("POST", "operate/invitations", {
        stream: page.name.value, role: page.role.value, hours: page.hours.valueAsNumber,
        languages: chosen.map(({ value }) => value) });
      page.invite_result.textContent = "";
      await showSheet(made);
    } catch (error) {
      page.invite_result.textContent = /** @type {Error} */ (error).message;
    }
  };
}

/** @param {Invitations} invitations */
async function showSheet({ until, codes }) {
  const time = new Intl.DateTimeFormat(pageLanguage, { dateStyle: "full", timeStyle: "short" });
  page.sheet_title.textContent = page.name.value;
  page.until.textContent = until && t("operate.until", { time: time.format(new Date(until)) });
  const figures = codes.map(async ({ language, address, svg }) => {
    const figure = document.createElement("figure");
    const image = document.createElement("img");
    const link = document.createElement("a");
    const title = document.createElement("b");
    const words = document.createElement("span");
    title.textContent = language ? languageName(language)
      : t(page.role.value === "speak" ? "speak.page" : "operate.own_language");
    title.lang = words.lang = language || pageLanguage;
    title.dir = words.dir = textDirection(title.lang);
    words.textContent = page.role.value === "listen" ? await invitation(language)
      : page.role.value === "interpret" ? t("operate.interpret_this") : "";
    if (page.role.value === "interpret") {
      words.lang = pageLanguage;
      words.dir = textDirection(pageLanguage);
    }
    image.alt = "";
    image.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
    link.href = address;
    link.textContent = address.replace(/^https?:\/\//, "");
    const caption = document.createElement("figcaption");
    caption.append(title, words, link);
    figure.append(image, caption);
    return figure;
  });
  page.codes.replaceChildren(...await Promise.all(figures));
  page.sheet.hidden = false;
  page.sheet_title.focus();
}

/**
 * What to do with a code, in that language where the pages have it.
 * @param {string} language
 */
async function invitation(language) {
  const known = document.documentElement.dataset.languages?.split(" ") ?? [];
  if (!known.includes(language)) return language ? "" : t("operate.scan");
  const texts = (await import(`../texts/${language}.js`)).default;
  return texts["operate.scan"];
}
