// What a live widget does to the page around it: once it has drawn, the static table in the same output is hidden;
// when its kernel is gone, it says so and takes no more clicks.

function render({ model, el }) {
  const mark = model.get("mark");
  const notice = node("p", "dsn-gone");
  notice.setAttribute("role", "alert");
  const style = node("style");
  el.append(notice, style);
  let area = null;
  let ended = false;

  // JupyterLab's toggle buttons look pressed, and do not say so.
  const toggles = () => {
    for (const button of el.closest(".dsn")?.querySelectorAll("button.jupyter-widget-toggle-button, .widget-toggle-button") ?? []) {
      const pressed = String(button.classList.contains("mod-active"));
      if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
    }
  };
  const watcher = new MutationObserver(toggles);

  const follow = () => {
    const box = el.closest(".dsn");
    const inner = box?.parentElement?.closest(".dsn"); // the widget around it speaks for both
    const away = !inner && (box?.classList.contains("jupyter-widgets-disconnected") ?? false);
    notice.textContent = away
      ? "This is as it was: its kernel was restarted or has ended. Run the cell again to go on."
      : "";
    notice.hidden = !away;
    box?.classList.toggle("dsn-away", away);
    for (const part of box?.children ?? []) part.inert = away && !part.contains(el);
  };

  const settle = () => {
    const box = el.closest(".dsn");
    if (ended) return;
    if (!el.isConnected || !box) {
      setTimeout(settle, 30); // it is drawn before it is put into the page
      return;
    }
    box.classList.add("dsn-live");
    // Of this output alone: another notebook on the same page may show a table under the same mark.
    area = mark ? el.closest(".jp-OutputArea, .output_wrapper, .cell_container, #output-area") ?? document.body : null;
    area?.classList.add(`dsn-shows-${mark}`);
    if (mark) style.textContent = `.dsn-shows-${mark} .dsn-static-${mark} { display: none; }`;
    follow();
    toggles();
    watcher.observe(box, { subtree: true, childList: true, attributeFilter: ["class"] });
  };

  // The class that says so comes with the same event, maybe a moment later.
  const soon = () => setTimeout(follow, 0);
  model.on("comm_live_update", soon);
  settle();
  return () => {
    ended = true;
    watcher.disconnect();
    model.off("comm_live_update", soon);
    area?.classList.remove(`dsn-shows-${mark}`);
  };
}

export default { render };
