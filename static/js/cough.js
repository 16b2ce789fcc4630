// The cough button: held, it silences the interpreter. The space bar does the same wherever the
// focus is, as it would press the button that has the focus, which gives the language back.

/**
 * @param {HTMLButtonElement} button
 * @param {() => boolean} onAir whether there is something to silence
 * @param {(on: boolean) => void} cough
 */
export function holdToCough(button, onAir, cough) {
  let spaceHeld = false;
  const end = () => {
    spaceHeld = false;
    cough(false);
  };
  button.onpointerdown = (event) => {
    button.setPointerCapture(event.pointerId);
    cough(true);
  };
  button.onpointerup = button.onpointercancel = button.onblur = end;
  button.oncontextmenu = (event) => event.preventDefault();
  button.onkeydown = ({ key, repeat }) => {
    if (key === "Enter" && !repeat) cough(true);
  };
  button.onkeyup = ({ key }) => {
    if (key === "Enter") end();
  };
  document.addEventListener("keydown", (event) => {
    if (event.key !== " " || isField(event.target) || !(spaceHeld || onAir())) return;
    event.preventDefault();
    if (event.repeat || spaceHeld) return;
    spaceHeld = true;
    cough(true);
  });
  document.addEventListener("keyup", (event) => {
    if (event.key !== " " || !spaceHeld) return;
    event.preventDefault(); // some browsers press a button when the key is let go
    end();
  });
  addEventListener("blur", end); // what is let go in another window is not told
}

/** @param {EventTarget | null} target */
function isField(target) {
  return target instanceof Element && target.matches("input, select, textarea");
}
