// A card: who it is, what is known, where it leads. Every text is set as text, never as markup.

function render({ model, el }) {
  const box = node("div", "dsn-face mathjax_ignore tex2jax_ignore");
  const said = node("span", "dsn-unseen");
  said.setAttribute("role", "status");
  el.append(box, said);

  const link = (text, kind, id) => press("dsn-link", text, () => model.send({ open: [kind, id] }));
  const copier = (text, place) => {
    const onclick = async () => {
      said.textContent = button.textContent = (await copy(text, place)) ? "copied" : "Ctrl+C";
    };
    const button = press("dsn-link dsn-copies", "copy", onclick, { title: `Copy ${text}`, ariaLabel: `Copy ${text}` });
    return button;
  };
  // An address is broken after its "@", and not within a word.
  const breakable = (held, text) => {
    for (const piece of text.split(/(?<=@)/)) held.append(piece, node("wbr"));
    return held;
  };

  const list = (rows) => {
    const facts = node("dl");
    for (const [name, text, more] of rows) {
      const value = node("dd");
      const held = breakable(node("bdi", text ? "" : "dsn-none"), text || "–");
      if (more?.open) value.append(link(text, ...more.open));
      else value.append(held);
      if (more?.copy && text) value.append(copier(text, held));
      facts.append(node("dt", "", name), value);
    }
    return facts;
  };

  const head = (card) => {
    const top = node("div", "dsn-who");
    const round = node("span", "dsn-round", card.initials);
    round.setAttribute("aria-hidden", "true");
    const names = node("div");
    const title = node("div", "dsn-title");
    title.setAttribute("role", "heading");
    title.setAttribute("aria-level", "3");
    title.append(node("bdi", "", card.title));
    const chips = node("div", "dsn-chips");
    for (const [text, kind] of card.chips) {
      const chip = node("span", "dsn-state", text);
      chip.dataset.state = kind;
      chips.append(chip);
    }
    names.append(title, chips);
    const ways = node("div", "dsn-ways");
    const way = (text, message, more) => press("dsn-button", text, () => model.send(message), more);
    if (card.back) ways.append(way("‹ Back", { back: true }, { title: `Back to ${card.back}` }));
    if (card.closable) ways.append(way("✕", { close: true }, { title: "Close (Esc)", ariaLabel: "Close the card" }));
    top.append(round, names, ways);
    return top;
  };

  const draw = () => {
    const card = model.get("card");
    box.hidden = !Object.keys(card).length;
    if (box.hidden) return box.replaceChildren();
    const parts = card.title ? [head(card)] : [];
    if (card.access) {
      const [verdict, line] = card.access;
      const told = node("p", "dsn-access", line);
      told.dataset.verdict = verdict;
      parts.push(told);
    }
    for (const { title, rows } of card.sections) parts.push(node("h4", "", title), list(rows));
    if (card.links) {
      const links = node("div", "dsn-links");
      for (const [kind, id, name] of card.links.items) links.append(link(name, kind, id));
      parts.push(node("h4", "", card.links.title), links);
    }
    for (const { title, rows } of card.folded) {
      const details = node("details");
      details.append(node("summary", "", title), list(rows));
      parts.push(details);
    }
    box.replaceChildren(...parts);
  };
  // Escape closes the card from anywhere on it.
  const whole = () => el.closest(".dsn-card");
  const onKey = (event) => {
    if (event.key === "Escape" && model.get("card").closable && !event.defaultPrevented) {
      model.send({ close: true });
      event.stopPropagation();
    }
  };
  const timer = setTimeout(() => whole()?.addEventListener("keydown", onKey), 100);
  const end = follow(model, ["card"], draw);
  return () => {
    clearTimeout(timer);
    whole()?.removeEventListener("keydown", onKey);
    end();
  };
}

export default { render };
