// A field for a key. What is typed lives in the input alone: it is no part of the widget's state, so no saved
// notebook can hold it. It leaves as one message, and the input is emptied at the same moment.

function render({ model, el }) {
  const form = node("form", "dsn-key");
  const label = node("label", "", "API key");
  const input = Object.assign(node("input"), { type: "password", autocomplete: "off", spellcheck: false, placeholder: "sk_test_…" });
  input.setAttribute("data-1p-ignore", "");
  input.setAttribute("data-lpignore", "true");
  label.append(input);
  const button = press("dsn-button dsn-primary", "Use this key", null, { type: "submit" });
  form.append(label, button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const key = input.value;
    input.value = "";
    if (key) model.send({ key });
  });
  // Enter must reach the form and not JupyterLab, whose Shift+Enter would run the cell.
  form.addEventListener("keydown", (event) => event.key === "Enter" && event.stopPropagation());
  el.append(form);
  return follow(model, ["disabled"], () => {
    input.disabled = button.disabled = model.get("disabled");
  });
}

export default { render };
