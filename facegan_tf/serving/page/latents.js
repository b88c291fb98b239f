// Latents from seeds and recipes, the same numbers as facegan_tf draws.
//
// A seed's latents are TensorFlow's stateless normal draws with Philox: Salmon et al., "Parallel random numbers:
// as easy as 1, 2, 3" (2011), four 32-bit words at a time, and the transform of Box and Muller.

const STREAM = 6; // the stream of samples in facegan_tf/common/draws.py
const KEY = [0x3ec8f720, 0x02461e29]; // with which TensorFlow scrambles a seed

// Returns the high and the low word of the product of two 32-bit words.
function product(a, b) {
  const whole = BigInt(a) * BigInt(b);
  return [Number(whole >> 32n), Number(whole & 0xffffffffn)];
}

// Ten rounds of Philox 4x32: four random words from a counter of four words and a key of two.
export function philox(counter, key) {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round += 1) {
    const [high0, low0] = product(0xd2511f53, c0);
    const [high1, low1] = product(0xcd9e8d57, c2);
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

// The words of a seed, which TensorFlow turns into a key and a counter.
function keyAndCounter(seed) {
  const words = [Number(seed & 0xffffffffn), Number((seed >> 32n) & 0xffffffffn), STREAM, 0];
  const [k0, k1, c2, c3] = philox(words, KEY);
  return { key: [k0, k1], counter: [0, 0, c2, c3] };
}

// A number in [0, 1) from the low 23 bits of a word, in float32.
const uniform = (word) => (word & 0x7fffff) * 2 ** -23;

function boxMuller(first, second) {
  const radius = Math.sqrt(-2 * Math.log(Math.max(uniform(first), Math.fround(1e-7))));
  const angle = 2 * Math.PI * uniform(second);
  return [Math.sin(angle) * radius, Math.cos(angle) * radius];
}

// seed: digits. Returns `length` numbers from N(0, 1).
export function latentsOfSeed(seed, length) {
  const { key, counter } = keyAndCounter(BigInt(seed));
  const latents = [];
  for (let block = 0; latents.length < length; block += 1) {
    const words = philox([block, 0, counter[2], counter[3]], key);
    latents.push(...boxMuller(words[0], words[1]), ...boxMuller(words[2], words[3]));
  }
  return Float32Array.from(latents.slice(0, length));
}

// The latent at `share` of the way from one to another, along a great circle.
export function slerp(start, end, share) {
  const dot = (a, b) => a.reduce((sum, value, place) => sum + value * b[place], 0);
  const lengths = Math.sqrt(dot(start, start) * dot(end, end));
  const cosine = lengths ? dot(start, end) / lengths : 1;
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  const sine = Math.sin(angle);
  const [a, b] = sine < 1e-6 ? [1 - share, share] : [Math.sin((1 - share) * angle) / sine, Math.sin(share * angle) / sine];
  return start.map((value, place) => a * value + b * end[place]);
}

// The latents of a recipe: seeds, perhaps mixed, scaled, and moved along directions.
export function latentsOf({ seed, truncation, mix, share, moves }, length, directions) {
  const own = latentsOfSeed(seed, length);
  const mixed = mix === null ? own : slerp(own, latentsOfSeed(mix, length), share);
  const latents = mixed.map((value) => value * truncation);
  for (const [number, distance] of Object.entries(moves)) {
    directions[number]?.forEach((value, place) => { latents[place] += distance * value; });
  }
  return latents;
}
