// The controls beside the face: they show the state and change it.

import { parseSeed, randomSeed, seedAfter } from "./state.js";

const byId = (id) => document.getElementById(id);

export class Controls {
  // change: is called with the part of the state that a control changed.
  constructor(change) {
    this.change = change;
    this.state = null;
    this.#seeds();
    this.#sliders();
    this.#swipes();
  }

  #seeds() {
    byId("previous").onclick = () => this.step(-1);
    byId("next").onclick = () => this.step(1);
    byId("random").onclick = () => this.random();
    byId("mix-random").onclick = () => this.change({ mix: randomSeed() });
    byId("mix-clear").onclick = () => this.change({ mix: null, share: 0.5 });
    this.#seedInput("seed", (seed) => this.change({ seed: seed ?? this.state.seed }));
    this.#seedInput("mix", (mix) => this.change({ mix }));
  }

  #seedInput(id, take) {
    const input = byId(id);
    input.oninput = () => {
      const seed = parseSeed(input.value);
      const wrong = input.value !== "" && seed === null;
      input.setCustomValidity(wrong ? "Enter a whole number from 0 to 9223372036854775807" : "");
      if (!wrong && seed !== null) take(seed);
    };
    input.onchange = () => {
      if (input.validity.valid) take(parseSeed(input.value));
      else input.reportValidity();
    };
  }

  #sliders() {
    byId("truncation").oninput = (event) => this.change({ truncation: Number(event.target.value) });
    byId("share").oninput = (event) => {
      const mix = this.state.mix ?? seedAfter(this.state.seed, 1);
      this.change({ mix, share: Number(event.target.value) });
    };
    byId("directions-clear").onclick = () => this.change({ moves: {} });
  }

  #swipes() {
    const frame = byId("frame");
    let start = null;
    frame.onpointerdown = (event) => { start = event.clientX; };
    frame.onpointercancel = () => { start = null; };
    frame.onpointerup = (event) => {
      const distance = start === null ? 0 : event.clientX - start;
      if (Math.abs(distance) > 40) this.step(distance < 0 ? 1 : -1);
      start = null;
    };
  }

  step(distance) {
    this.change({ seed: seedAfter(this.state.seed, distance) });
  }

  random() {
    this.change({ seed: randomSeed() });
  }

  // Makes a slider for each direction. movements: how much each changes the picture.
  makeDirections(movements) {
    const most = Math.max(...movements, 1e-9);
    const rows = movements.map((movement, number) => {
      const row = document.createElement("label");
      row.className = "direction";
      const slider = document.createElement("input");
      Object.assign(slider, { type: "range", min: -5, max: 5, step: 0.1, value: 0 });
      slider.setAttribute("aria-label", `Direction ${number + 1}`);
      slider.oninput = () => this.#move(number, Number(slider.value));
      slider.ondblclick = () => this.#move(number, 0);
      const strength = document.createElement("progress");
      Object.assign(strength, { max: 1, value: movement / most });
      strength.setAttribute("aria-hidden", "true");
      const name = document.createElement("span");
      name.textContent = number + 1;
      const track = document.createElement("div");
      track.append(slider, strength);
      row.append(name, track, document.createElement("output"));
      return row;
    });
    byId("directions").replaceChildren(...rows);
    byId("directions-hint").hidden = byId("directions-clear").hidden = !rows.length;
    if (!rows.length) byId("directions").textContent = "This export has no directions; export the run again to get them.";
  }

  #move(number, distance) {
    const moves = { ...this.state.moves, [number]: distance };
    if (!distance) delete moves[number];
    this.change({ moves });
  }

  show(state) {
    this.state = state;
    fill("seed", state.seed);
    fill("mix", state.mix ?? "");
    fill("truncation", state.truncation);
    byId("truncation-value").textContent = state.truncation.toFixed(2);
    fill("share", state.mix === null ? 0 : state.share);
    byId("share-value").textContent = state.mix === null ? "–" : `${Math.round(state.share * 100)} %`;
    byId("mix-clear").disabled = state.mix === null;
    document.querySelectorAll(".direction").forEach((row, number) => {
      const distance = state.moves[number] ?? 0;
      row.querySelector("input").value = distance;
      row.querySelector("output").textContent = distance.toFixed(1);
    });
    byId("directions-clear").disabled = !Object.keys(state.moves).length;
  }
}

// Sets a field, unless it already holds this value: setting it would move the cursor while somebody types.
function fill(id, value) {
  const field = byId(id);
  if (field.value !== String(value)) field.value = value;
}
