// The code behind a widget: one block for each language, to read and to copy.

function render({ model, el }) {
  const details = document.createElement("details");
  details.className = "dsn-code mathjax_ignore tex2jax_ignore";
  const summary = document.createElement("summary");
  summary.textContent = "Code behind this";
  const bar = document.createElement("div");
  bar.className = "dsn-bar";
  const block = document.createElement("pre");
  block.tabIndex = 0;
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  details.append(summary, bar, block);
  el.append(details);
  let chosen = 0;

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(block.textContent);
      said.textContent = "Copied.";
    } catch {
      // Without leave to write to the clipboard the text is selected, ready for Ctrl+C.
      getSelection().selectAllChildren(block);
      said.textContent = "Selected: press Ctrl+C.";
    }
  };

  const draw = () => {
    const snippets = model.get("snippets");
    chosen = Math.min(chosen, Math.max(0, snippets.length - 1));
    const buttons = snippets.map(([name], place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "dsn-button";
      button.textContent = name;
      button.setAttribute("aria-pressed", String(place === chosen));
      button.onclick = () => {
        chosen = place;
        draw();
        bar.children[place].focus();
      };
      return button;
    });
    const copier = document.createElement("button");
    copier.type = "button";
    copier.className = "dsn-button dsn-copy";
    copier.textContent = "Copy";
    copier.onclick = copy;
    said.textContent = "";
    bar.replaceChildren(...buttons, copier, said);
    block.textContent = snippets[chosen]?.[1] ?? "";
    block.setAttribute("aria-label", `${snippets[chosen]?.[0] ?? ""} code`);
  };
  model.on("change:snippets", draw);
  draw();
  return () => model.off("change:snippets", draw);
}

export default { render };
