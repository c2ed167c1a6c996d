// A picture that answers: its markup is drawn in the kernel, every text in it escaped; what has a key can be clicked.

function render({ model, el }) {
  const box = node("div", "dsn-figure mathjax_ignore tex2jax_ignore");
  el.append(box);
  const click = (event) => {
    const key = event.target.closest?.("[data-key]")?.dataset.key;
    if (key === undefined || (event.type === "keydown" && event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    event.stopPropagation();
    model.send({ key: key === model.get("chosen") ? "" : key });
  };
  box.addEventListener("click", click);
  box.addEventListener("keydown", click);
  return follow(model, ["drawn", "chosen"], () => {
    const held = box.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    box.innerHTML = model.get("drawn").replace(/\x01(\d+)\x01/g, (_, place) => node("b", "", model.get("names")[place]).innerHTML);
    for (const part of box.querySelectorAll("[data-key]")) {
      part.setAttribute("role", "button");
      part.setAttribute("tabindex", "0");
      part.setAttribute("aria-pressed", String(part.dataset.key === model.get("chosen")));
      part.setAttribute("aria-label", part.querySelector("title")?.textContent ?? "");
      if (part.dataset.key === held) part.focus();
    }
  });
}

export default { render };
