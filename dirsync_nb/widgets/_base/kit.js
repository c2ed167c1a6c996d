// What the parts have in common. Every text is set as text, never as markup.

const node = (tag, className, text) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};

// A button, with further properties; its key is by what it is found again when it is drawn anew.
const press = (className, text, onclick, { key, ...more } = {}) => {
  const made = Object.assign(node("button", className, text), { type: "button", onclick, ...more });
  if (key !== undefined) made.dataset.key = key;
  return made;
};

// Draw what is in a box anew: the focus stays on what has the same key.
const redraw = (box, parts) => {
  const held = box.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  box.replaceChildren(...parts);
  if (held !== undefined) [...box.querySelectorAll("[data-key]")].find((one) => one.dataset.key === held)?.focus();
};

// Draw now and whenever one of these traits changes, until the part goes.
const follow = (model, names, draw) => {
  for (const name of names) model.on(`change:${name}`, draw);
  draw();
  return () => names.forEach((name) => model.off(`change:${name}`, draw));
};

// Copy a text; without leave to write to the clipboard it is selected where it stands, ready for Ctrl+C.
const copy = async (text, place) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (place) getSelection().selectAllChildren(place);
    return false;
  }
};

// Hand a file to whoever sits before the page.
const download = (name, bytes) => {
  const link = node("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
};

// Lines that are too long get a tooltip, and names are cut in their middle: those that begin alike differ in the end.
const TAIL = 8;
const fitLines = (lines) => {
  const fresh = [];
  const long = lines.map((line) => {
    const shown = line.querySelector(".dsn-head") ?? line;
    return shown.scrollWidth > shown.clientWidth + 1;
  });
  lines.forEach((line, place) => {
    line.title = long[place] ? line.textContent : "";
    const last = line.lastChild;
    if (!long[place] || line.matches(":not(bdi), .dsn-second, :has(.dsn-head)") || !(last.length > 2 * TAIL)) return;
    const [head, tail] = [node("span", "dsn-head"), node("span")];
    const end = [...last.data].slice(-TAIL).join("").replace(/^\p{M}+/u, "");
    tail.append(last.splitText(last.length - end.length));
    head.append(...line.childNodes);
    line.append(head, tail);
    fresh.push([head, tail]);
  });
  const widths = fresh.map(([, tail]) => Math.ceil(tail.getBoundingClientRect().width));
  fresh.forEach(([head], place) => (head.style.maxWidth = `calc(100% - ${widths[place]}px)`));
};
