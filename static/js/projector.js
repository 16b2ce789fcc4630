// Large captions without audio, for a projector: /captions/{stream}?language=en&language=nl.
// With overlay=1 only the text, for a video mixer; see overlay.js.

/** @import { Session } from "./messages.js" */
import { CaptionView, CaptionViews } from "./captions.js";
import { languagesOf } from "./channels.js";
import { errorText, languageName, t, textDirection, translatePage } from "./i18n.js";
import { applyLook, overlayOf } from "./overlay.js";
import { elementsById, fetchLanguages, stream, takeToken } from "./page.js";
import { showListenAddress } from "./share.js";
import { Signaling } from "./signaling.js";
import { keepAwake } from "./wake_lock.js";

const CHOOSER_HIDES_MS = 4000;

const page = elementsById({
  title: HTMLElement, panels: HTMLElement, state: HTMLElement, join: HTMLElement,
  qr: HTMLImageElement, address: HTMLAnchorElement, chooser: HTMLFormElement,
  choices: HTMLElement, show_qr: HTMLInputElement, fullscreen: HTMLButtonElement,
});
const token = takeToken();
const address = new URL(location.href);
let languages = address.searchParams.getAll("language").flatMap((value) => value.split(","));
/** @type {string[]} */
let offered = [];
/** The languages that can be spoken or heard here. @type {Set<string>} */
const known = new Set();
/** @type {string | null} */
let source = null;
let stateText = "";
const overlay = overlayOf(address.searchParams, (text) => CSS.supports("color", text));
if (overlay) applyLook(document.documentElement, overlay.look);

const views = new CaptionViews((tags) => {
  const panels = tags.map((tag) => {
    const panel = document.createElement("section");
    panel.className = "captions";
    panel.tabIndex = 0;
    panel.setAttribute("aria-label", `${t("captions.title")}: ${languageName(tag)}`);
    return panel;
  });
  page.panels.replaceChildren(...panels);
  return tags.map((tag, i) => new CaptionView(panels[i], tag, languageName(tag)));
});
const signaling = new Signaling(`ws/listen/${stream}`, () => ({
  captions: wanted(), audio: "none", token }));

/** The chosen languages; if none is chosen, the first target of the spoken language. */
function wanted() {
  if (languages.length > 0) return languages.slice(0, 8);
  return offered.filter((tag) => tag !== source).slice(0, 1);
}

signaling.on("status", render);
signaling.on("refused", (error) => {
  stateText = errorText(error);
  render();
});
signaling.on("message", (message) => {
  switch (message.type) {
    case "joined":
    case "state":
      source = message.source ?? source;
      offer([...languagesOf(message.channels ?? []), ...(source ? [source] : [])]);
      stateText = stateOf(message);
      select();
      render();
      break;
    case "caption":
      views.show(message);
      break;
    case "captions":
      views.restore(message.captions ?? []);
  }
});

/** @param {Session} session */
function stateOf({ state }) {
  if (overlay) return faultText();
  return state === null || state === "live" ? "" : t(`captions_page.${state}`);
}

/** What is wrong with the overlay's address: whoever sets it up sees it in place of a state. */
function faultText() {
  const unknown = languages.filter((tag) => known.size > 0 && !known.has(tag));
  const faults = [...(overlay?.faults ?? []), ...unknown.map((tag) => `language=${tag}`)];
  return faults.length > 0 ? t("captions_page.faults", { faults: faults.join(", ") }) : "";
}

function select() {
  const captions = wanted();
  if (views.select(captions)) signaling.send({ type: "select", captions });
}

function render() {
  const lost = !overlay && signaling.status === "reconnecting";
  page.state.textContent = lost ? t("connection.reconnecting") : stateText;
}

/**
 * Offers these languages in the chooser, together with those chosen by the address.
 * @param {string[]} tags
 */
function offer(tags) {
  offered = [...new Set([...offered, ...tags])];
  const all = [...new Set([...languages, ...offered])];
  const chosen = wanted();
  page.choices.replaceChildren(...all.map((tag) => {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.value = tag;
    box.checked = chosen.includes(tag);
    box.onchange = choose;
    label.lang = tag;
    label.dir = textDirection(tag);
    label.append(box, languageName(tag));
    return label;
  }));
}

function choose() {
  languages = [...page.choices.querySelectorAll("input")]
    .filter((box) => box.checked).map((box) => box.value);
  address.searchParams.delete("language");
  for (const tag of languages) address.searchParams.append("language", tag);
  history.replaceState(null, "", address);
  select();
}

// The chooser hides when the mouse rests, unless it has the keyboard focus.
let hiding = 0;
function showChooser() {
  page.chooser.classList.remove("away");
  clearTimeout(hiding);
  hiding = setTimeout(() => page.chooser.classList.add("away"), CHOOSER_HIDES_MS);
}
for (const name of ["pointermove", "pointerdown", "keydown"]) {
  addEventListener(name, showChooser, { passive: true });
}

page.fullscreen.hidden = !document.fullscreenEnabled;
page.fullscreen.onclick = () =>
  document.fullscreenElement ? document.exitFullscreen() : document.body.requestFullscreen();
page.show_qr.checked = address.searchParams.get("qr") !== "0";
page.show_qr.onchange = () => {
  page.join.hidden = !page.show_qr.checked;
  if (page.show_qr.checked) address.searchParams.delete("qr");
  else address.searchParams.set("qr", "0");
  history.replaceState(null, "", address);
};
page.join.hidden = !page.show_qr.checked;

translatePage();
document.title = page.title.textContent = `${t("captions_page.page")} · ${stream}`;
showChooser();
showListenAddress(page.qr, page.address);
keepAwake(() => true)();
const { sources, targets } = await fetchLanguages();
for (const tag of [...sources, ...Object.values(targets).flat()]) known.add(tag);
offer(Object.values(targets).flat());
if (overlay) stateText = faultText();
select();
signaling.open();
render();
