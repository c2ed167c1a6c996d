// The code behind a widget: one block for each language, to read and to copy.

function render({ model, el }) {
  const details = node("details", "dsn-code mathjax_ignore tex2jax_ignore");
  const bar = node("div", "dsn-bar");
  const block = node("pre");
  block.tabIndex = 0;
  const said = node("span");
  said.setAttribute("role", "status");
  details.append(node("summary", "", "Code behind this"), bar, block);
  el.append(details);
  let chosen = 0;

  const copier = press("dsn-button dsn-copy", "Copy", async () => {
    said.textContent = (await copy(block.textContent, block)) ? "Copied." : "Selected: press Ctrl+C.";
  });
  const draw = () => {
    const snippets = model.get("snippets");
    chosen = Math.min(chosen, Math.max(0, snippets.length - 1));
    const choose = (place) => {
      chosen = place;
      draw();
    };
    const buttons = snippets.map(([name], place) =>
      press("dsn-button", name, () => choose(place), { key: name, ariaPressed: String(place === chosen) }),
    );
    said.textContent = "";
    redraw(bar, [...buttons, copier, said]);
    block.textContent = snippets[chosen]?.[1] ?? "";
    block.setAttribute("aria-label", `${snippets[chosen]?.[0] ?? ""} code`);
  };
  return follow(model, ["snippets"], draw);
}

export default { render };
