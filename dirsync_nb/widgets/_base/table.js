// One table: clickable rows, sortable headings, one tab stop for all rows. Every text is set as text, never as markup.

const node = (tag, className, text) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};

function render({ model, el }) {
  const scroller = node("div", "dsn-scroll mathjax_ignore tex2jax_ignore");
  const table = node("table", "dsn-table");
  table.setAttribute("role", "grid");
  const head = table.createTHead();
  const body = table.createTBody();
  // JupyterLab would otherwise take the arrow keys to move between cells.
  body.setAttribute("data-lm-suppress-shortcuts", "true");
  scroller.append(table);
  const empty = node("p", "dsn-empty");
  el.append(scroller, empty);

  const pick = (id) => {
    if (model.get("tickable")) {
      model.send({ tick: id });
      return;
    }
    model.set("picked", id);
    model.save_changes();
  };

  const drawHead = () => {
    const row = node("tr");
    const sort = model.get("sort");
    if (model.get("tickable")) {
      const cell = node("th", "dsn-ticks");
      cell.scope = "col";
      cell.setAttribute("aria-label", "Selected");
      row.append(cell);
    }
    for (const column of model.get("columns")) {
      const cell = node("th", `dsn-room-${column.room ?? 0}`);
      cell.scope = "col";
      cell.style.width = typeof column.width === "string" ? column.width : `${column.width ?? 20}%`;
      if (column.kind === "number") cell.classList.add("dsn-number");
      if (column.sortable) {
        const state = sort === column.key ? "ascending" : sort === `-${column.key}` ? "descending" : "none";
        cell.setAttribute("aria-sort", state);
        const mark = { ascending: " ▲", descending: " ▼", none: "" }[state];
        const button = node("button", "dsn-sort", column.title + mark);
        button.type = "button";
        button.title = `Sort by ${column.title.toLowerCase()}`;
        button.dataset.key = column.key;
        button.onclick = () => {
          model.set("sort", state === "ascending" ? `-${column.key}` : column.key);
          model.save_changes();
        };
        cell.append(button);
      } else {
        cell.textContent = column.title;
      }
      row.append(cell);
    }
    const held = head.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    head.replaceChildren(row);
    if (held) [...head.querySelectorAll("button")].find((b) => b.dataset.key === held)?.focus();
  };

  const drawBody = () => {
    const columns = model.get("columns");
    const held = body.contains(document.activeElement);
    const stayed = held ? document.activeElement.closest("tr")?.dataset.id : null;
    const rows = model.get("rows").map(([id, ...cells]) => {
      const row = node("tr");
      row.dataset.id = id;
      if (model.get("tickable")) {
        const cell = node("td", "dsn-ticks");
        cell.append(node("span", "dsn-tick"));
        row.append(cell);
      }
      columns.forEach((column, place) => {
        const cell = node("td", `dsn-room-${column.room ?? 0}`);
        const text = cells[place] ?? "";
        const held_text = node(column.kind === "state" ? "span" : "bdi", column.kind === "state" ? "dsn-state" : "", text);
        if (column.kind === "state") held_text.dataset.state = text.toLowerCase();
        if (column.kind === "number") cell.classList.add("dsn-number");
        if (text.length > 24) cell.title = text;
        cell.append(held_text);
        row.append(cell);
      });
      return row;
    });
    body.replaceChildren(...rows);
    empty.textContent = rows.length ? "" : model.get("empty");
    scroller.hidden = !rows.length;
    drawPicked(stayed);
    if (held) body.querySelector("tr[tabindex='0']")?.focus({ preventScroll: true });
  };

  const drawPicked = (stayed) => {
    const picked = model.get("picked");
    const ticking = model.get("tickable");
    const ticked = new Set(model.get("ticked"));
    const rows = [...body.rows];
    const known = (id) => rows.find((row) => row.dataset.id === id);
    const stop = known(stayed ?? document.activeElement?.closest?.("tr")?.dataset.id) ?? known(picked) ?? rows[0];
    for (const row of rows) {
      const here = ticking ? ticked.has(row.dataset.id) : row.dataset.id === picked;
      row.classList.toggle("dsn-picked", here);
      row.tabIndex = row === stop ? 0 : -1;
      if (model.get("clickable")) row.setAttribute("aria-selected", String(here));
    }
  };

  const drawLabel = () => table.setAttribute("aria-label", model.get("label"));
  const drawKind = () => {
    table.classList.toggle("dsn-clickable", model.get("clickable"));
    table.setAttribute("aria-multiselectable", String(model.get("tickable")));
  };

  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row && model.get("clickable")) {
      row.focus();
      pick(row.dataset.id);
    }
  });

  body.addEventListener("keydown", (event) => {
    const row = event.target.closest("tr");
    if (!row) return;
    const rows = [...body.rows];
    const place = rows.indexOf(row);
    const target = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (target !== undefined && rows[target]) {
      for (const other of rows) other.tabIndex = -1;
      rows[target].tabIndex = 0;
      rows[target].focus();
      rows[target].scrollIntoView({ block: "nearest" });
    } else if ((event.key === "Enter" || event.key === " ") && model.get("clickable")) {
      pick(row.dataset.id);
    } else if (target === undefined) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  });

  const listeners = {
    "change:columns": () => { drawHead(); drawBody(); },
    "change:sort": drawHead,
    "change:rows": drawBody,
    "change:empty": drawBody,
    "change:picked": () => drawPicked(),
    "change:ticked": () => drawPicked(),
    "change:tickable": () => { drawKind(); drawHead(); drawBody(); },
    "change:label": drawLabel,
    "change:clickable": drawKind,
  };
  for (const [name, draw] of Object.entries(listeners)) model.on(name, draw);
  drawHead();
  drawBody();
  drawLabel();
  drawKind();
  return () => {
    for (const [name, draw] of Object.entries(listeners)) model.off(name, draw);
  };
}

export default { render };
