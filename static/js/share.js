import { at, stream } from "./page.js";

/**
 * Shows the listeners' address: as a QR code in `image`, as text in `link`.
 * The server knows best which address works from outside, and puts it in the code's title.
 * @param {HTMLImageElement} image
 * @param {HTMLAnchorElement} link
 */
export async function showListenAddress(image, link) {
  const code = at(`qr/${encodeURIComponent(stream)}.svg`);
  image.src = code;
  let address = at(`listen/${encodeURIComponent(stream)}`);
  try {
    const drawing = new DOMParser().parseFromString(
      await (await fetch(code)).text(), "image/svg+xml");
    address = drawing.querySelector("title")?.textContent || address;
  } catch {
    // Use the address of this page.
  }
  link.href = address;
  link.textContent = address.replace(/^https?:\/\//, "");
}
