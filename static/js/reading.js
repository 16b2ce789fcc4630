// How captions are read on the listener's page, and what can be done with them: size, contrast,
// full screen, search, and keeping the text. Choices are remembered on this device.

/** @import { CaptionViews } from "./captions.js" */
/** @import { Transcript } from "./transcript.js" */
import { t } from "./i18n.js";
import { recall, remember, stream } from "./page.js";

const SIZES = [0.85, 1, 1.2, 1.45, 1.75, 2.1];

/**
 * The elements that it is about.
 * @typedef {object} ReadingPage
 * @property {HTMLButtonElement} smaller
 * @property {HTMLButtonElement} larger
 * @property {HTMLInputElement} contrast
 * @property {HTMLButtonElement} fullscreen
 * @property {HTMLInputElement} search
 * @property {HTMLElement} found
 * @property {HTMLButtonElement} copy
 * @property {HTMLButtonElement} save
 * @property {HTMLButtonElement} share
 * @property {HTMLElement} kept
 */

/**
 * @param {ReadingPage} page
 * @param {CaptionViews} views
 * @param {Transcript} transcript
 */
export function prepareReading(page, views, transcript) {
  setSize(page, Number(recall("localStorage", "tolk.size") ?? 1));
  page.contrast.checked = recall("localStorage", "tolk.contrast") === "true";
  const showContrast = () =>
    document.documentElement.classList.toggle("contrast", page.contrast.checked);
  page.contrast.onchange = () => {
    remember("localStorage", "tolk.contrast", String(page.contrast.checked));
    showContrast();
  };
  showContrast();
  page.search.oninput = () => {
    const some = views.filter(page.search.value);
    page.found.textContent = some ? "" : t("captions.found_none");
  };
  prepareFullScreen(page);
  prepareKeeping(page, () => transcript.text(views.languages));
}

/**
 * Shows captions in the size of this number, as far as there is one.
 * @param {ReadingPage} page
 * @param {number} number
 */
function setSize(page, number) {
  const size = Math.min(Math.max(number, 0), SIZES.length - 1);
  remember("localStorage", "tolk.size", String(size));
  document.documentElement.style.setProperty("--caption-scale", String(SIZES[size]));
  page.smaller.disabled = size === 0;
  page.larger.disabled = size === SIZES.length - 1;
  page.smaller.onclick = () => setSize(page, size - 1);
  page.larger.onclick = () => setSize(page, size + 1);
}

/**
 * The captions fill the page, and the page the screen where the browser can do that: iPhones cannot.
 * @param {ReadingPage} page
 */
function prepareFullScreen({ fullscreen: button }) {
  /** @param {boolean} full */
  const show = (full) => {
    document.body.classList.toggle("full", full);
    button.textContent = t(full ? "listen.leave_full" : "listen.fullscreen");
  };
  button.onclick = async () => {
    const full = !document.body.matches(".full");
    show(full);
    try {
      if (full) await document.documentElement.requestFullscreen?.();
      else if (document.fullscreenElement) await document.exitFullscreen();
    } catch {
      // It fills the page only.
    }
  };
  document.addEventListener("fullscreenchange", () => {
    if (!document.fullscreenElement) show(false);
  });
  addEventListener("keydown", ({ key }) => {
    if (key === "Escape") show(false);
  });
  show(false);
}

/**
 * @param {ReadingPage} page
 * @param {() => string} text what is to be kept
 */
function prepareKeeping({ copy, save, share, kept }, text) {
  /** @param {(text: string) => unknown} keep */
  const keeping = (keep) => async () => {
    const lines = text();
    kept.textContent = lines === "" ? t("captions.nothing") : "";
    if (lines !== "") await keep(lines);
  };
  const name = `${stream} ${new Date().toLocaleDateString("sv")}`;
  copy.onclick = keeping(async (lines) => {
    try {
      await navigator.clipboard.writeText(lines); // there is none on an address without https
      kept.textContent = t("captions.copied");
    } catch {
      kept.textContent = t("captions.not_copied");
    }
  });
  save.onclick = keeping((lines) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines], { type: "text/plain" }));
    link.download = `${name}.txt`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  });
  share.hidden = !("share" in navigator);
  share.onclick = keeping((lines) => navigator.share({ title: name, text: lines }));
}
