// Lets `facegan serve` draw the faces: each picture is a URL.

export class ServerPainter {
  constructor(facts) {
    this.facts = facts;
  }

  // Returns the URL of a face, `size` pixels wide if it is given.
  async face({ seed, truncation, mix, share, moves }, size = null) {
    const query = new URLSearchParams({ truncation });
    if (size !== null) query.set("size", size);
    if (mix !== null) {
      query.set("mix", mix);
      query.set("share", share);
    }
    const known = Object.entries(moves).filter(([number]) => number < this.facts.movements.length);
    if (known.length) query.set("directions", known.map(([number, distance]) => `${number}:${distance}`).join(","));
    query.set("v", this.facts.version);
    return `faces/${seed}.png?${query}`;
  }

  // Returns the URL of a GIF that walks through the faces of seeds, with fewer frames if the server can't draw so many.
  async gif(seeds, truncation, most) {
    const frames = Math.min(most, Math.floor(this.facts.max_faces / seeds.length));
    const size = Math.min(Math.max(this.facts.size, 128), 512);
    return `walk.gif?${new URLSearchParams({ seeds: seeds.join(","), truncation, frames, size, v: this.facts.version })}`;
  }

  async refresh() {
    this.facts = await (await fetch("model.json", { cache: "no-store" })).json();
  }

  // Loads the run's newest checkpoint.
  async reload() {
    const answer = await fetch("reload", { method: "POST" });
    const content = await answer.json();
    if (!answer.ok) throw new Error(content.error);
    this.facts = content;
  }
}
