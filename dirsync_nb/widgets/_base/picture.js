// A picture that answers: its markup is drawn in the kernel, every text in it escaped; what has a key can be clicked.

function render({ model, el }) {
  const box = document.createElement("div");
  box.className = "dsn-figure mathjax_ignore tex2jax_ignore";
  el.append(box);
  const draw = () => {
    const held = box.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    box.innerHTML = model.get("markup");
    for (const part of box.querySelectorAll("[data-key]")) {
      const here = part.dataset.key === model.get("chosen");
      part.setAttribute("role", "button");
      part.setAttribute("tabindex", "0");
      part.setAttribute("aria-pressed", String(here));
      part.setAttribute("aria-label", part.querySelector("title")?.textContent ?? "");
      if (part.dataset.key === held) part.focus();
    }
  };
  const click = (event) => {
    const key = event.target.closest?.("[data-key]")?.dataset.key;
    if (key === undefined || (event.type === "keydown" && event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    event.stopPropagation();
    model.send({ key: key === model.get("chosen") ? "" : key });
  };
  box.addEventListener("click", click);
  box.addEventListener("keydown", click);
  model.on("change:markup", draw);
  model.on("change:chosen", draw);
  draw();
  return () => {
    model.off("change:markup", draw);
    model.off("change:chosen", draw);
  };
}

export default { render };
