// What the page shows, and how it is written as text in the link and in the list of kept faces.

export const DEFAULTS = { seed: "1", truncation: 0.7, mix: null, share: 0.5, moves: {}, from: "1", walk: [], kept: [] };

const LIMIT = 2n ** 63n;
const REACH = 5; // how far the sliders of the directions go

// Returns a seed as digits, or null if the text isn't a seed.
export function parseSeed(text) {
  if (!/^[0-9]{1,19}$/.test(text)) return null;
  const seed = BigInt(text);
  return seed < LIMIT ? String(seed) : null;
}

// Returns the seed `distance` after another; beyond either end it wraps around.
export function seedAfter(seed, distance) {
  return String((((BigInt(seed) + BigInt(distance)) % LIMIT) + LIMIT) % LIMIT);
}

export function randomSeed() {
  return String(crypto.getRandomValues(new Uint32Array(1))[0] % 1000000);
}

// Returns only what makes up the face: its recipe.
export function recipeOf({ seed, truncation, mix, share, moves }) {
  return { seed, truncation, mix, share, moves };
}

export function seedRecipe(seed, truncation) {
  return { seed, truncation, mix: null, share: 0.5, moves: {} };
}

// A face in short: `7`, or `7~12~0.4` for a mix, with `!0:1.5` for each direction that it is moved along.
export function codeOf({ seed, mix, share, moves }) {
  const mixed = mix === null ? "" : `~${mix}~${share}`;
  return seed + mixed + Object.entries(moves).map(([number, distance]) => `!${number}:${distance}`).join("");
}

// The reverse of `codeOf`, without the truncation; null if the text isn't such a code.
export function parseCode(code) {
  const match = /^([0-9]{1,19})(?:~([0-9]{1,19})~([0-9.]{1,8}))?((?:![0-9]{1,3}:-?[0-9.]{1,8})*)$/.exec(code);
  if (!match) return null;
  const seed = parseSeed(match[1]);
  const mix = match[2] === undefined ? null : parseSeed(match[2]);
  if (seed === null || (match[2] !== undefined && mix === null)) return null;
  const moves = {};
  for (const move of match[4].split("!").slice(1)) {
    const [number, distance] = move.split(":");
    const far = within(distance, -REACH, REACH, 0);
    if (far) moves[Number(number)] = far;
  }
  return { seed, mix, share: within(match[3] ?? "", 0, 1, 0.5), moves };
}

function within(text, least, most, otherwise) {
  const number = Number(text);
  return text === "" || !Number.isFinite(number) ? otherwise : Math.min(most, Math.max(least, number));
}

export function toHash(state) {
  const parts = [`face=${codeOf(state)}`, `t=${state.truncation}`];
  if (state.from !== DEFAULTS.from) parts.push(`wall=${state.from}`);
  if (state.walk.length) parts.push(`walk=${state.walk.join(",")}`);
  if (state.kept.length) parts.push(`kept=${state.kept.join(",")}`);
  return `#${parts.join("&")}`;
}

// Returns the state in a link. Anything missing or wrong in it gets its default value.
export function fromHash(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, "").replaceAll("+", "%2B"));
  const face = parseCode(given.get("face") ?? "") ?? parseCode(DEFAULTS.seed);
  const list = (name) => (given.get(name) ?? "").split(",").filter(Boolean);
  return {
    ...face,
    truncation: within(given.get("t") ?? "", 0.05, 1, DEFAULTS.truncation),
    from: parseSeed(given.get("wall") ?? "") ?? DEFAULTS.from,
    walk: list("walk").map(parseSeed).filter((seed) => seed !== null).slice(0, 8),
    kept: [...new Set(list("kept").filter((code) => parseCode(code)))].slice(0, 60),
  };
}
