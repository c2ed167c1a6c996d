// One of a few: buttons side by side, of which one is pressed.

function render({ model, el }) {
  const bar = node("div", "dsn-choice");
  bar.setAttribute("role", "group");
  el.append(bar);
  const choose = (value) => {
    model.set("value", value);
    model.save_changes();
  };
  return follow(model, ["choices", "value", "label"], () => {
    bar.setAttribute("aria-label", model.get("label"));
    const button = ([text, value, title]) =>
      press("", text, () => choose(value), { title, key: value, ariaPressed: String(value === model.get("value")) });
    redraw(bar, model.get("choices").map(button));
  });
}

export default { render };
