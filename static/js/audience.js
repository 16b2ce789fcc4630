// Shows the numbers of listeners on the speaker's page.

/** @import { Audience } from "./messages.js" */
import { languageName, pageLanguage, t } from "./i18n.js";

/**
 * Shows how many there are in `sum`, and in which channels in `list`.
 * @param {Element} sum
 * @param {Element} list
 * @param {Audience} audience
 * @param {boolean} waiting for somebody to speak
 */
export function showAudience(sum, list, { total, channels = {} }, waiting) {
  sum.textContent = total === 0 ? t("speak.audience_none")
    : t(waiting ? "speak.audience_waiting" : "speak.audience_total", { count: total });
  const rows = Object.entries(channels)
    .sort(([a, many], [b, more]) => more - many || a.localeCompare(b));
  list.replaceChildren(...rows.map(([channel, count]) => {
    const row = document.createElement("li");
    const number = document.createElement("b");
    number.textContent = String(count);
    row.append(channelTitle(channel), number);
    return row;
  }));
}

/** @param {string} channel */
function channelTitle(channel) {
  if (channel === "floor" || channel === "captions") {
    return t(channel === "floor" ? "channel.floor" : "captions.title");
  }
  const [tag, over] = channel.split("+");
  const language = languageName(tag, pageLanguage);
  return over ? t("channel.over", { language }) : language;
}
