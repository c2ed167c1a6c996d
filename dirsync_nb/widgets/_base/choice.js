// One of a few: buttons side by side, of which one is pressed.

function render({ model, el }) {
  const bar = document.createElement("div");
  bar.className = "dsn-choice";
  bar.setAttribute("role", "group");
  el.append(bar);

  const draw = () => {
    const held = bar.contains(document.activeElement) ? document.activeElement.dataset.value : null;
    bar.setAttribute("aria-label", model.get("label"));
    bar.replaceChildren(
      ...model.get("choices").map(([text, value, tip]) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = text;
        button.title = tip;
        button.dataset.value = value;
        button.setAttribute("aria-pressed", String(value === model.get("value")));
        button.onclick = () => {
          model.set("value", value);
          model.save_changes();
        };
        return button;
      }),
    );
    if (held) [...bar.children].find((one) => one.dataset.value === held)?.focus();
  };
  const names = ["change:choices", "change:value", "change:label"];
  for (const name of names) model.on(name, draw);
  draw();
  return () => names.forEach((name) => model.off(name, draw));
}

export default { render };
