// What has happened, newest first.

/** @import { Entry } from "./board.js" */
import { pageLanguage, t } from "../i18n.js";

const WHY = /** @type {const} */ ({
  unauthorised: "operate.why_unauthorised", forbidden: "operate.why_forbidden",
  limit: "operate.why_limit", speaker_present: "operate.why_speaker_present",
  bad_stream: "operate.why_bad_stream", timeout: "operate.why_timeout",
  unknown_language: "operate.why_unknown_language", unknown_channel: "operate.why_unknown_language",
  replaced: "operate.why_replaced",
});
const WHO = /** @type {const} */ ({
  speaker: "operate.speakers", listener: "operate.listeners", talk: "operate.talks",
  interpreter: "operate.interpreters",
});

/**
 * @param {Element} list
 * @param {Record<string, Entry>} news
 */
export function showNews(list, news) {
  const time = new Intl.DateTimeFormat(pageLanguage, { timeStyle: "medium" });
  const entries = Object.entries(news).sort(([a], [b]) => Number(b) - Number(a));
  list.replaceChildren(...entries.map(([, entry]) => {
    const line = document.createElement("li");
    const when = document.createElement("small");
    when.textContent = time.format(entry.at_s * 1000);
    line.append(when, entryText(entry));
    return line;
  }));
}

/** @param {Entry} entry */
function entryText({ kind, stream = "", what = "", code = "", count = 1 }) {
  const role = WHO[/** @type {keyof typeof WHO} */ (what)];
  const who = role ? t(role, { count }) : `${count} × ${what}`;
  const where = stream ? `${stream}: ` : "";
  switch (kind) {
    case "joined":
      return where + t("operate.joined", { who });
    case "left":
      return where + t("operate.left", { who });
    case "refused": {
      const why = WHY[/** @type {keyof typeof WHY} */ (code)];
      return where + t("operate.refused", { who, why: why ? t(why) : code });
    }
    case "ended":
      return where + t(what === "operator" ? "operate.ended" : "operate.state_ended");
    case "lost":
      return t("operate.lost", { why: what });
    case "ready":
      return t("operate.ready");
  }
  return where + kind; // a newer server may tell more
}
