// Facets: what there is to filter by, with how many rows each value has. A click filters, another one ends it.

const SHOWN = 6;

function render({ model, el }) {
  const box = node("div", "dsn-facets mathjax_ignore tex2jax_ignore");
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", "Filters with counts");
  el.append(box);
  const open = new Set();

  const entry = (facet, [value, text, count, pressed], most) => {
    const send = () => model.send({ facet: facet.key, value: pressed ? null : value });
    const button = press("dsn-facet", "", send, { key: `${facet.key} ${value}`, ariaPressed: String(pressed) });
    button.style.setProperty("--dsn-part", count === null || !most ? "0%" : `${(100 * count) / most}%`);
    button.append(node("bdi", "", text), node("span", "", count === null ? "" : count.toLocaleString("en")));
    return button;
  };
  const more = (text, onclick, key) => press("dsn-link", text, onclick, { key });

  const draw = () => {
    const parts = model.get("facets").flatMap((facet) => {
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
      return [node("h4", "", facet.title), ...buttons];
    });
    redraw(box, parts);
    fit();
  };
  const fit = () => fitLines([...box.querySelectorAll("bdi")]);
  const resized = new ResizeObserver(fit);
  resized.observe(box);
  const end = follow(model, ["facets"], draw);
  return () => {
    resized.disconnect();
    end();
  };
}

export default { render };
