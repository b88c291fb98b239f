// Chooses who draws the faces: the server that the page comes from, or the browser itself.

export async function makePainter() {
  const answer = await fetch("model.json");
  if (!answer.ok) throw new Error("model.json couldn't be loaded");
  const facts = await answer.json();
  if (facts.painter === "server") {
    const { ServerPainter } = await import("./server_painter.js");
    return new ServerPainter(facts);
  }
  const { BrowserPainter } = await import("./browser_painter.js");
  return BrowserPainter.start(facts);
}
