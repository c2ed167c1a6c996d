// One table: rows to click, headings to sort by, pages, columns that fit. Every text is set as text, never as markup.

const LEAST = 96; // pixels a column is not cut below
const LEAST_NAME = 240; // and the first one of text, by which people go

// As searches compare: without case and accents. Gives for each folded character where it stood.
const folded = (text) => {
  const chars = [];
  const places = [];
  let place = 0;
  for (const char of text) {
    for (const part of char.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()) {
      chars.push(part);
      places.push([place, place + char.length]);
    }
    place += char.length;
  }
  return [chars.join(""), places];
};

// Set a text with the words of a search marked in it.
const marked = (holder, text, words) => {
  const hits = new Array(text.length).fill(false);
  if (words.length) {
    const [plain, places] = folded(text);
    for (const word of words) {
      for (let at = plain.indexOf(word); word && at >= 0; at = plain.indexOf(word, at + 1)) {
        const [start, end] = [places[at]?.[0], places[at + word.length - 1]?.[1]];
        if (start !== undefined && end !== undefined) hits.fill(true, start, end);
      }
    }
  }
  for (let start = 0; start < text.length; ) {
    let end = start + 1;
    while (end < text.length && hits[end] === hits[start]) end += 1;
    holder.append(hits[start] ? node("mark", "", text.slice(start, end)) : text.slice(start, end));
    start = end;
  }
  return holder;
};

// A box to check in a cell; which row it is of stands in its label.
const drawBox = (column, id, name, text) => {
  const cell = node("td", "dsn-boxed");
  const label = node("label");
  const box = node("input");
  box.type = "checkbox";
  box.checked = text !== "";
  box.tabIndex = -1;
  box.dataset.box = JSON.stringify([id, column.key]);
  box.setAttribute("aria-label", `${column.title}: ${name}`);
  label.append(box);
  cell.append(label);
  return cell;
};

const drawCell = (column, text, words) => {
  const cell = node("td", column.kind === "number" ? "dsn-number" : "");
  const [first, ...more] = text.split("\n");
  if (column.kind === "state") {
    const state = node("span", "dsn-state", first);
    state.dataset.state = first.toLowerCase();
    cell.append(state);
  } else {
    cell.append(marked(node("bdi", more.length ? "dsn-first" : ""), first, words));
  }
  for (const line of more.filter(Boolean)) cell.append(marked(node("bdi", "dsn-second"), line, words));
  return cell;
};

// Share the room among the columns: what is short keeps its width, what is long shares the rest; where even that
// is too little, the columns that matter least are left out.
const share = (wanted, columns, room, set) => {
  const shown = columns.map((_, place) => place);
  const first = columns.findIndex((one) => !one.kind && !one.fixed);
  let name = Math.min(LEAST_NAME, room / 2);
  const least = (p) => Math.min(set[columns[p].key] ?? wanted[p], p === first ? name : LEAST);
  // What is no text is a date, a state, a number: cut, it says nothing.
  const floor = (p) => (columns[p].kind || columns[p].fixed ? Math.min(wanted[p], 180) : least(p));
  const needs = () => shown.reduce((sum, p) => sum + floor(p), 0);
  for (const level of [2, 1]) {
    for (let place = columns.length - 1; place > 0; place -= 1) {
      if (needs() > room && (columns[place].room ?? 0) === level) shown.splice(shown.indexOf(place), 1);
    }
  }
  name = Math.max(LEAST, name - Math.max(0, needs() - room));
  const widths = {};
  let left = room;
  let open = [...shown];
  for (const p of shown) {
    if (set[columns[p].key]) {
      widths[p] = set[columns[p].key];
      left -= widths[p];
      open = open.filter((other) => other !== p);
    }
  }
  open.sort((a, b) => wanted[a] - wanted[b]);
  while (open.length) {
    const part = left / open.length;
    const p = open.shift();
    widths[p] = Math.max(floor(p), Math.min(wanted[p], part));
    left -= widths[p];
  }
  const flexible = shown.filter((p) => !columns[p].kind && !columns[p].fixed && !set[columns[p].key]);
  for (const p of flexible) widths[p] += Math.max(0, left) / flexible.length;
  return widths;
};

function render({ model, el }) {
  const holder = node("div", "dsn-scroll mathjax_ignore tex2jax_ignore");
  const table = node("table", "dsn-table");
  table.setAttribute("role", "grid");
  const cols = node("colgroup");
  table.append(cols);
  const head = table.createTHead();
  const body = table.createTBody();
  // JupyterLab would otherwise take the arrow keys to move between cells.
  body.setAttribute("data-lm-suppress-shortcuts", "true");
  holder.append(table);
  const empty = node("p", "dsn-empty");
  const foot = node("div", "dsn-foot");
  foot.setAttribute("data-lm-suppress-shortcuts", "true");
  el.append(holder, empty, foot);
  const set = {}; // widths a person has dragged, by column
  let cell = null; // the cell clicked last
  let turned = null; // where the focus goes when the rows of a page that was turned to are here

  const change = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const pick = (id) => (model.get("tickable") ? model.send({ tick: id }) : change("picked", id));
  const pages = () => Math.max(1, Math.ceil(model.get("total") / model.get("size")));
  const turn = (page, focus) => {
    const wanted = Math.max(1, Math.min(page, pages()));
    if (wanted === model.get("page")) return;
    turned = focus ?? "stay";
    change("page", wanted);
  };

  // Head ---------------------------------------------------------------------------------------------------------

  const drawHead = () => {
    const row = node("tr");
    const sort = model.get("sort");
    if (model.get("tickable")) {
      const box = node("th", "dsn-ticks");
      box.scope = "col";
      box.append(node("span", "dsn-unseen", "Selected"));
      row.append(box);
    }
    for (const column of model.get("columns")) {
      const heading = node("th");
      heading.scope = "col";
      if (column.kind === "number") heading.classList.add("dsn-number");
      if (column.kind === "box") heading.classList.add("dsn-boxed");
      if (column.sortable) {
        const state = sort === column.key ? "ascending" : sort === `-${column.key}` ? "descending" : "none";
        heading.setAttribute("aria-sort", state);
        const mark = { ascending: " ▲", descending: " ▼", none: "" }[state];
        const sortBy = () => change("sort", state === "ascending" ? `-${column.key}` : column.key);
        const title = `Sort by ${column.title.toLowerCase()}`;
        heading.append(press("dsn-sort", column.title + mark, sortBy, { title, key: column.key }));
      } else {
        heading.append(node("span", "", column.title));
      }
      heading.append(grip(column.key));
      row.append(heading);
    }
    redraw(head, [row]);
  };

  // The edge of a heading: dragged, it sets the width; clicked twice, the column fits again.
  const grip = (key) => {
    const edge = node("span", "dsn-grip");
    edge.setAttribute("aria-hidden", "true");
    edge.onpointerdown = (event) => {
      event.preventDefault();
      event.stopPropagation();
      const start = edge.parentElement.getBoundingClientRect().width;
      edge.setPointerCapture(event.pointerId);
      edge.onpointermove = (move) => {
        set[key] = Math.max(48, Math.round(start + move.clientX - event.clientX));
        fit();
      };
      edge.onpointerup = () => (edge.onpointermove = null);
    };
    edge.ondblclick = () => {
      delete set[key];
      fit();
    };
    return edge;
  };

  // Body ---------------------------------------------------------------------------------------------------------

  const drawBody = () => {
    const columns = model.get("columns");
    const words = model.get("marks");
    const held = body.contains(document.activeElement);
    const stayed = held ? document.activeElement.closest("tr")?.dataset.id : null;
    const checked = held ? document.activeElement.dataset.box : null;
    const first = (model.get("page") - 1) * model.get("size");
    const rows = model.get("rows").map(([id, ...cells], place) => {
      const row = node("tr");
      row.dataset.id = id;
      row.setAttribute("aria-rowindex", String(first + place + 2));
      if (model.get("tickable")) {
        const box = node("td", "dsn-ticks");
        box.append(node("span", "dsn-tick"));
        row.append(box);
      }
      columns.forEach((column, at) => {
        const text = cells[at] ?? "";
        row.append(column.kind === "box" ? drawBox(column, id, cells[0].split("\n")[0], text) : drawCell(column, text, words));
      });
      return row;
    });
    // The last page is shorter: the buttons under it stay where they are.
    const before = holder.offsetHeight;
    holder.style.minHeight = turned && before ? `${before}px` : "";
    body.replaceChildren(...rows);
    table.setAttribute("aria-rowcount", String(model.get("total") + 1));
    empty.textContent = rows.length ? "" : model.get("empty");
    holder.hidden = !rows.length;
    drawPicked(stayed);
    drawFoot();
    fit();
    const focus = { first: body.rows[0], last: body.rows[body.rows.length - 1] }[turned];
    const boxes = [...body.querySelectorAll("input")];
    const box = boxes.find((one) => one.dataset.box === checked);
    if (boxes.length) (box ?? boxes[0]).tabIndex = 0;
    if (focus) go(focus);
    else if (box) box.focus({ preventScroll: true });
    else if (held) body.querySelector("tr[tabindex='0']")?.focus({ preventScroll: true });
    if (turned && table.getBoundingClientRect().top < 0) table.scrollIntoView({ block: "nearest" });
    turned = null;
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
      else row.removeAttribute("aria-selected");
    }
  };

  // Fitting ------------------------------------------------------------------------------------------------------

  const fit = () => {
    const columns = model.get("columns");
    const room = holder.clientWidth;
    if (!room || holder.hidden) return;
    const lead = model.get("tickable") ? 30 : 0;
    table.style.cssText = "table-layout: auto; width: max-content";
    cols.replaceChildren();
    for (const row of table.rows) for (const one of row.cells) one.hidden = false;
    const headings = [...head.rows[0].cells].slice(lead ? 1 : 0);
    const wanted = headings.map((heading) => Math.ceil(heading.getBoundingClientRect().width) + 1);
    const widths = share(wanted, columns, room - lead, set);
    table.style.cssText = "";
    if (lead) cols.append(Object.assign(node("col"), { style: `width: ${lead}px` }));
    columns.forEach((_, place) => {
      if (widths[place] === undefined) return;
      cols.append(Object.assign(node("col"), { style: `width: ${Math.floor(widths[place])}px` }));
    });
    for (const row of table.rows) {
      columns.forEach((_, place) => {
        row.cells[place + (lead ? 1 : 0)].hidden = widths[place] === undefined;
      });
    }
    table.classList.toggle("dsn-wide", Object.values(widths).reduce((sum, one) => sum + one, lead) > room + 1);
    fitLines([...table.querySelectorAll("td > :not(label), th > span:first-child")]);
  };

  // Foot ---------------------------------------------------------------------------------------------------------

  const said = node("span", "dsn-said");
  said.setAttribute("role", "status");
  const where = node("span", "dsn-where");
  const step = (text, title, by) => press("dsn-button", text, () => turn(model.get("page") + by), { title, ariaLabel: title });
  const previous = step("‹", "Previous page", -1);
  const next = step("›", "Next page", 1);
  const jump = node("label", "dsn-jump", "page ");
  const number = node("input");
  number.type = "number";
  number.min = 1;
  const of = node("span");
  jump.append(number, of);
  let typing = false; // what is being typed stays while rows are drawn anew
  number.oninput = () => (typing = true);
  number.onchange = () => {
    typing = false;
    turn(Number(number.value) || 1);
    number.value = model.get("page");
  };
  number.onkeydown = (event) => event.stopPropagation();
  const size = node("select");
  size.setAttribute("aria-label", "Rows of a page");
  for (const rows of model.get("size") < 10 ? [5, 10, 25, 50] : [10, 25, 50]) size.append(new Option(`${rows} a page`, rows));
  size.onchange = () => change("size", Number(size.value));

  const menu = (title) => {
    const details = node("details", "dsn-menu");
    const summary = node("summary", "dsn-button", title);
    const list = node("div", "dsn-list-of");
    details.append(summary, list);
    details.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && details.open) {
        details.open = false;
        summary.focus();
        event.stopPropagation();
      }
    });
    details.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !details.contains(event.relatedTarget)) details.open = false;
    });
    return [details, list];
  };
  const [choosing, choices] = menu("Columns");
  const [taking, ways] = menu("Copy");
  const save = press("dsn-button", "Save", () => model.send({ save: true }), { title: "Save all these rows as a CSV file" });

  const take = async (text, what) => {
    taking.open = false;
    said.textContent = (await copy(text)) ? `Copied: ${what}.` : "The browser did not let it be copied.";
  };

  taking.addEventListener("toggle", () => {
    if (!taking.open) return;
    const offer = (text, title, onclick) => press("dsn-button", text, onclick, { title });
    const all = `All ${model.get("total").toLocaleString("en")} rows`;
    const offers = [offer(all, "To paste into a sheet", () => model.send({ copy: true }))];
    const row = [...body.rows].find((one) => one.dataset.id === (cell?.id ?? model.get("picked")));
    const id = row?.dataset.id;
    if (id) offers.push(offer("The id of this row", id, () => take(id, id)));
    if (cell) offers.push(offer("This cell", cell.text, () => take(cell.text, cell.text.slice(0, 40))));
    ways.replaceChildren(...offers);
  });

  model.on("msg:custom", (message, buffers) => {
    if (message.copied !== undefined) {
      take(message.copied, message.rows < message.of ? `the first ${message.rows} rows; Save takes all` : `${message.rows} rows`);
    } else if (message.saved) {
      download(message.saved, buffers[0]);
      said.textContent = `Saved ${message.rows} rows as ${message.saved}.`;
    }
  });

  const drawMenu = () => {
    redraw(
      choices,
      model.get("menu").map(([key, title, shown], place) => {
        const line = node("label");
        const box = node("input");
        box.type = "checkbox";
        box.checked = shown;
        box.disabled = place === 0;
        box.dataset.key = key;
        box.onchange = () => {
          const boxes = [...choices.querySelectorAll("input")];
          model.send({ columns: boxes.filter((one) => one.checked).map((one) => one.dataset.key) });
        };
        line.append(box, node("bdi", "", title));
        return line;
      }),
    );
    choosing.hidden = model.get("menu").length < 2;
  };

  const drawFoot = () => {
    const [page, rows, total] = [model.get("page"), model.get("size"), model.get("total")];
    const last = Math.min(total, page * rows);
    const text = (count) => count.toLocaleString("en");
    where.textContent = total ? `${text((page - 1) * rows + 1)} to ${text(last)} of ${text(total)}` : "";
    previous.disabled = page <= 1;
    next.disabled = page >= pages();
    if (!typing) number.value = page;
    number.max = pages();
    of.textContent = ` of ${text(pages())}`;
    size.value = rows;
    for (const one of [previous, next, jump]) one.hidden = total <= rows;
    size.hidden = total <= Math.min(rows, 10);
    foot.hidden = !total;
    said.textContent = "";
  };
  foot.append(where, previous, jump, next, size, said);
  if (model.get("tools")) {
    const tools = node("span", "dsn-tools");
    tools.append(choosing, taking, save);
    foot.append(tools);
  }

  // Hands --------------------------------------------------------------------------------------------------------

  body.addEventListener("change", (event) => model.send({ box: JSON.parse(event.target.dataset.box) }));

  // Among boxes the arrows lead from one to the next: one Tab into them, one out.
  const toBox = (event, rows, place) => {
    const at = (row) => [...(row?.querySelectorAll("input") ?? [])];
    const mine = at(rows[place]);
    const here = mine.indexOf(event.target);
    const [left, right] = [mine[here - 1], mine[here + 1]];
    const ways = { ArrowLeft: left, ArrowRight: right, ArrowUp: at(rows[place - 1])[here], ArrowDown: at(rows[place + 1])[here] };
    const target = ways[event.key];
    if (!target) return;
    event.target.tabIndex = -1;
    target.tabIndex = 0;
    target.focus();
    event.preventDefault();
    event.stopPropagation();
  };

  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (event.target.closest("label")) return;
    if (!row || String(getSelection()).length) return; // whoever selects text does not pick
    const one = event.target.closest("td");
    cell = one ? { id: row.dataset.id, text: [...one.children].map((line) => line.textContent).join(" ") } : null;
    if (!model.get("clickable")) return;
    go(row);
    pick(row.dataset.id);
  });

  const go = (row) => {
    for (const other of body.rows) other.tabIndex = -1;
    row.tabIndex = 0;
    row.focus();
    row.scrollIntoView({ block: "nearest" });
  };

  body.addEventListener("keydown", (event) => {
    const row = event.target.closest("tr");
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = [...body.rows];
    const place = rows.indexOf(row);
    if (event.target.dataset.box) {
      toBox(event, rows, place);
      return;
    }
    const target = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (event.key === "PageDown") turn(model.get("page") + 1, "first");
    else if (event.key === "PageUp") turn(model.get("page") - 1, "first");
    else if (target === rows.length) turn(model.get("page") + 1, "first");
    else if (target === -1) turn(model.get("page") - 1, "last");
    else if (target !== undefined) go(rows[target]);
    else if ((event.key === "Enter" || event.key === " ") && model.get("clickable")) pick(row.dataset.id);
    else if (event.key === "Escape" && model.get("picked")) change("picked", "");
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  const drawLabel = () => table.setAttribute("aria-label", model.get("label"));
  const drawKind = () => {
    table.classList.toggle("dsn-clickable", model.get("clickable"));
    table.setAttribute("aria-multiselectable", String(model.get("tickable")));
  };

  // Several traits change at once: everything is drawn once, when all are here.
  let waiting = false;
  const drawAll = () => {
    if (waiting) return;
    waiting = true;
    queueMicrotask(() => {
      waiting = false;
      drawKind();
      drawLabel();
      drawHead();
      drawBody();
    });
  };
  const listeners = {
    "change:columns": drawAll,
    "change:sort": drawAll,
    "change:rows": drawAll,
    "change:marks": drawAll,
    "change:empty": drawAll,
    "change:total": drawAll,
    "change:size": drawAll,
    "change:page": drawFoot,
    "change:tickable": drawAll,
    "change:label": drawAll,
    "change:clickable": drawAll,
    "change:picked": () => drawPicked(),
    "change:ticked": () => drawPicked(),
    "change:menu": drawMenu,
  };
  for (const [name, draw] of Object.entries(listeners)) model.on(name, draw);
  const resized = new ResizeObserver(([entry]) => {
    if (Math.round(entry.contentRect.width) !== resized.width) {
      resized.width = Math.round(entry.contentRect.width);
      fit();
    }
  });
  resized.observe(el);
  drawAll();
  drawMenu();
  return () => {
    resized.disconnect();
    for (const [name, draw] of Object.entries(listeners)) model.off(name, draw);
  };
}

export default { render };
