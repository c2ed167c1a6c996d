// Facets: what there is to filter by, with how many rows each value has. A click filters, another one ends it.

const SHOWN = 6;

function render({ model, el }) {
  const box = document.createElement("div");
  box.className = "dsn-facets mathjax_ignore tex2jax_ignore";
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", "Filters with counts");
  el.append(box);
  const open = new Set();

  const entry = (facet, [value, text, count, pressed], most) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "dsn-facet";
    button.dataset.key = `${facet.key} ${value}`;
    button.setAttribute("aria-pressed", String(pressed));
    button.style.setProperty("--dsn-part", count === null || !most ? "0%" : `${(100 * count) / most}%`);
    const name = document.createElement("bdi");
    name.textContent = text;
    name.title = text;
    const number = document.createElement("span");
    number.textContent = count === null ? "" : count.toLocaleString("en");
    button.append(name, number);
    button.onclick = () => model.send({ facet: facet.key, value: pressed ? null : value });
    return button;
  };

  const more = (text, onclick, key) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "dsn-link";
    button.textContent = text;
    button.dataset.key = key;
    button.onclick = onclick;
    return button;
  };

  const draw = () => {
    const held = box.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const parts = model.get("facets").flatMap((facet) => {
      const title = document.createElement("h4");
      title.textContent = facet.title;
      const most = Math.max(0, ...facet.entries.map(([, , count]) => count ?? 0));
      const whole = open.has(facet.key);
      const shown = facet.entries.filter(([, , , pressed], place) => whole || place < SHOWN || pressed);
      const buttons = shown.map((one) => entry(facet, one, most));
      const rest = facet.entries.length - shown.length;
      if (rest > 0 || whole) {
        const toggle = () => {
          open.has(facet.key) ? open.delete(facet.key) : open.add(facet.key);
          draw();
        };
        buttons.push(more(whole ? "fewer" : `${rest} more`, toggle, `${facet.key} more`));
      }
      if (facet.ask) buttons.push(more(facet.ask, () => model.send({ ask: facet.key }), `${facet.key} ask`));
      return [title, ...buttons];
    });
    box.replaceChildren(...parts);
    if (held) [...box.querySelectorAll("button")].find((one) => one.dataset.key === held)?.focus();
  };
  model.on("change:facets", draw);
  draw();
  return () => model.off("change:facets", draw);
}

export default { render };
