// A button that asks for a file and hands it over.

function render({ model, el }) {
  const save = (message, buffers) => download(message.saved, buffers[0]);
  el.append(press("dsn-button", "Save as a page", () => model.send({ save: true }), { title: "One HTML file of what happened, to send" }));
  model.on("msg:custom", save);
  return () => model.off("msg:custom", save);
}

export default { render };
