// A field for a key. What is typed lives in the input alone: it is no part of the widget's state, so no saved
// notebook can hold it. It leaves as one message, and the input is emptied at the same moment.

function render({ model, el }) {
  const form = document.createElement("form");
  form.className = "dsn-key";
  const label = document.createElement("label");
  label.textContent = "API key";
  const input = document.createElement("input");
  input.type = "password";
  input.autocomplete = "off";
  input.spellcheck = false;
  input.placeholder = "sk_test_…";
  input.setAttribute("data-1p-ignore", "");
  input.setAttribute("data-lpignore", "true");
  label.append(input);
  const button = document.createElement("button");
  button.type = "submit";
  button.className = "dsn-button dsn-primary";
  button.textContent = "Use this key";
  form.append(label, button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const key = input.value;
    input.value = "";
    if (key) model.send({ key });
  });
  // Enter must reach the form and not JupyterLab, whose Shift+Enter would run the cell.
  form.addEventListener("keydown", (event) => event.key === "Enter" && event.stopPropagation());
  const drawDisabled = () => {
    input.disabled = button.disabled = model.get("disabled");
  };
  model.on("change:disabled", drawDisabled);
  drawDisabled();
  el.append(form);
  return () => model.off("change:disabled", drawDisabled);
}

export default { render };
