// Plays a walk from face to face and back to the first, forwards and endlessly, or shows one place on it.

import { loaded } from "./pictures.js";
import { seedRecipe } from "./state.js";

export const FRAMES = 24; // from one face to the next, as in `facegan interpolate`
const FRAME_MS = 60;
const AHEAD = 6; // pictures fetched at once

export class Walk {
  #urls = [];
  #timer = null;
  #generation = 0;

  constructor(painter, image, onPlace, onFailure) {
    Object.assign(this, { painter, image, onPlace, onFailure });
    this.seeds = [];
    this.place = 0;
  }

  get length() {
    return this.seeds.length < 2 ? 0 : this.seeds.length * FRAMES;
  }

  get playing() {
    return this.#timer !== null;
  }

  // Sets the faces, and forgets what was fetched for others.
  set(seeds, truncation) {
    this.pause();
    this.#generation += 1;
    this.seeds = seeds;
    this.truncation = truncation;
    this.#urls = [];
    this.place = 0;
    if (this.length) this.show(0);
    else if (seeds.length) this.#put(this.painter.face(seedRecipe(seeds[0], truncation)));
    else this.image.removeAttribute("src");
  }

  // The recipe of the face at a place.
  recipe(place) {
    const leg = Math.floor(place / FRAMES);
    const share = (place % FRAMES) / FRAMES;
    const start = seedRecipe(this.seeds[leg], this.truncation);
    return share ? { ...start, mix: this.seeds[(leg + 1) % this.seeds.length], share } : start;
  }

  show(place) {
    this.place = place;
    this.onPlace(place);
    return this.#put(this.#url(place));
  }

  play() {
    if (this.playing || !this.length) return;
    const generation = this.#generation;
    const fetchFrom = async (first) => {
      for (let step = first; step < this.length && generation === this.#generation && this.playing; step += AHEAD) {
        await this.#url((this.place + step) % this.length).catch(() => {});
      }
    };
    this.#timer = setInterval(() => this.#advance(), FRAME_MS);
    for (let first = 0; first < AHEAD; first += 1) fetchFrom(first);
  }

  pause() {
    clearInterval(this.#timer);
    this.#timer = null;
  }

  // Moves on to the next frame if it is already there; otherwise it waits.
  #advance() {
    const next = (this.place + 1) % this.length;
    const frame = this.#urls[next];
    if (frame?.ready) {
      this.place = next;
      this.image.src = frame.ready;
      this.onPlace(next);
    } else {
      this.#url(next).catch(this.onFailure);
    }
  }

  async #put(promise) {
    const generation = this.#generation;
    try {
      const url = await promise;
      await loaded(url);
      if (generation === this.#generation) this.image.src = url;
    } catch (error) {
      this.onFailure(error);
    }
  }

  // The promise of a frame's URL, loaded; a frame is fetched once.
  #url(place) {
    if (!this.#urls[place]) {
      const frame = { ready: null };
      this.#urls[place] = frame;
      frame.promise = this.painter
        .face(this.recipe(place))
        .then(async (url) => {
          await loaded(url);
          frame.ready = url;
          return url;
        })
        .catch((error) => {
          if (this.#urls[place] === frame) delete this.#urls[place];
          throw error;
        });
    }
    return this.#urls[place].promise;
  }
}
