// A sign of life from the page, for a widget that works only while somebody has it open.

function render({ model, el }) {
  el.hidden = true;
  const beat = () => model.send({ beat: true });
  const timer = setInterval(beat, model.get("every") * 1000);
  beat();
  return () => clearInterval(timer);
}

export default { render };
