// Puts pictures on the page without flicker, and tries again if the server was too busy.

const ATTEMPTS = 4;

// An image whose content changes often: it waits until one picture is shown, and skips those requested in the meantime.
export class Picture {
  #image;
  #wanted = null;
  #busy = false;

  constructor(image, whenShown = () => {}) {
    this.#image = image;
    this.whenShown = whenShown;
  }

  // source: a function that returns the promise of a URL.
  async show(source) {
    this.#wanted = source;
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (this.#wanted) {
        const next = this.#wanted;
        this.#wanted = null;
        const url = await next();
        await loaded(url);
        this.#image.src = url;
        this.whenShown(url);
      }
    } finally {
      this.#busy = false;
    }
  }
}

// Resolves once the picture at a URL is decoded. Rejects if it can't be loaded.
export async function loaded(url) {
  for (let attempt = 1; ; attempt += 1) {
    const image = new Image();
    image.src = url;
    try {
      await image.decode();
      return image;
    } catch (error) {
      if (attempt === ATTEMPTS) throw new Error("A picture could not be loaded; is the server still running?");
      await new Promise((resolve) => setTimeout(resolve, 400 * attempt));
    }
  }
}

// A button with a face. Its picture fades in once it has loaded; nothing moves.
export function tile(label, source, onFailure) {
  const button = document.createElement("button");
  button.className = "tile";
  button.type = "button";
  button.setAttribute("aria-label", label);
  button.title = label;
  const image = document.createElement("img");
  image.alt = "";
  image.draggable = false;
  button.append(image);
  source()
    .then(async (url) => {
      await loaded(url);
      image.src = url;
      image.classList.add("ready");
    })
    .catch(onFailure);
  return button;
}
