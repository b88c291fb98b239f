// Draws the faces in the browser, with ONNX Runtime: no server sees them.

import { encodeGif } from "./gif.js";
import { latentsOf } from "./latents.js";
import { seedRecipe } from "./state.js";

const MOST_KEPT = 1500; // pictures cached, so that going back is instant
const FRAME_MS = 60;

export class BrowserPainter {
  #urls = new Map();
  #last = Promise.resolve();

  constructor(facts, ort, session) {
    Object.assign(this, { facts, ort, session });
  }

  // Loads the runtime and the generator. Each must have the checksum that the export recorded.
  static async start(facts) {
    const { module, wasm } = facts.runtime;
    const [ort, wasmBinary, generator] = await Promise.all([
      load(module).then(async (blob) => {
        const url = URL.createObjectURL(new Blob([blob], { type: "text/javascript" }));
        return import(url);
      }),
      load(wasm).then((blob) => blob.arrayBuffer()),
      load(facts.generator).then((blob) => blob.arrayBuffer()),
    ]);
    Object.assign(ort.env.wasm, { numThreads: 1, wasmBinary });
    const session = await ort.InferenceSession.create(new Uint8Array(generator), { executionProviders: ["wasm"] });
    return new BrowserPainter(facts, ort, session);
  }

  // Returns the URL of a face, `size` pixels wide if it is given.
  async face(recipe, size = null) {
    const key = JSON.stringify([recipe, size]);
    if (!this.#urls.has(key)) {
      const promise = this.#pixels(recipe).then((pixels) => this.#png(pixels, size ?? this.facts.size));
      promise.catch(() => this.#urls.delete(key));
      this.#keep(key, promise);
    }
    return this.#urls.get(key);
  }

  // Returns the URL of a GIF that walks through the faces of seeds.
  async gif(seeds, truncation, frames) {
    const pictures = [];
    for (let place = 0; place < seeds.length * frames; place += 1) {
      const leg = Math.floor(place / frames);
      const mix = seeds[(leg + 1) % seeds.length];
      pictures.push(await this.#pixels({ ...seedRecipe(seeds[leg], truncation), mix, share: (place % frames) / frames }));
    }
    return URL.createObjectURL(encodeGif(pictures, this.facts.size, this.facts.size, FRAME_MS));
  }

  // The pixels of a face, RGBA. Faces are drawn one after the other.
  #pixels(recipe) {
    const drawn = this.#last.then(async () => {
      const { latent_dim: length, directions } = this.facts;
      const latents = new this.ort.Tensor("float32", latentsOf(recipe, length, directions), [1, length]);
      const { images } = await this.session.run({ latents });
      const pixels = new Uint8ClampedArray((images.data.length / 3) * 4).fill(255);
      images.data.forEach((value, place) => { pixels[Math.floor(place / 3) * 4 + (place % 3)] = value; });
      images.dispose?.();
      return pixels;
    });
    this.#last = drawn.catch(() => {});
    return drawn;
  }

  async #png(pixels, size) {
    const face = new OffscreenCanvas(this.facts.size, this.facts.size);
    face.getContext("2d").putImageData(new ImageData(pixels, this.facts.size), 0, 0);
    const picture = new OffscreenCanvas(size, size);
    const context = picture.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(face, 0, 0, size, size);
    return URL.createObjectURL(await picture.convertToBlob());
  }

  #keep(key, promise) {
    this.#urls.set(key, promise);
    if (this.#urls.size > MOST_KEPT) {
      const [oldest, url] = this.#urls.entries().next().value;
      this.#urls.delete(oldest);
      url.then(URL.revokeObjectURL, () => {});
    }
  }
}

async function load({ url, integrity }) {
  const answer = await fetch(url, { integrity });
  if (!answer.ok) throw new Error(`${url} couldn't be loaded`);
  return answer.blob();
}
