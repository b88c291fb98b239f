// Writes a GIF that loops: each frame has its own palette, chosen by median cut, and is packed with LZW.

const COLOURS = 256;

// frames: pixels of each frame, RGBA bytes. Returns the file as a Blob.
export function encodeGif(frames, width, height, frameMs) {
  const parts = [header(width, height)];
  for (const pixels of frames) {
    const { palette, indices } = quantized(pixels);
    parts.push(frameHeader(width, height, frameMs), palette, packed(indices));
  }
  parts.push(Uint8Array.of(0x3b));
  return new Blob(parts, { type: "image/gif" });
}

const word = (number) => [number & 255, number >> 8];
const text = (characters) => [...characters].map((each) => each.charCodeAt(0));

function header(width, height) {
  const loop = [0x21, 0xff, 11, ...text("NETSCAPE2.0"), 3, 1, 0, 0, 0];
  return Uint8Array.from([...text("GIF89a"), ...word(width), ...word(height), 0, 0, 0, ...loop]);
}

function frameHeader(width, height, frameMs) {
  const control = [0x21, 0xf9, 4, 0, ...word(Math.round(frameMs / 10)), 0, 0];
  return Uint8Array.from([...control, 0x2c, ...word(0), ...word(0), ...word(width), ...word(height), 0x87]);
}

// The palette, 256 times RGB, and the number of each pixel's colour in it.
function quantized(pixels) {
  const count = pixels.length / 4;
  const boxes = [boxOf(pixels, Uint32Array.from({ length: count }, (_, place) => place))];
  while (boxes.length < COLOURS) {
    const largest = boxes.reduce((best, box, place) => (box.spread > boxes[best].spread ? place : best), 0);
    const { places, channel, spread } = boxes[largest];
    if (spread === 0) break;
    places.sort((a, b) => pixels[4 * a + channel] - pixels[4 * b + channel]);
    const halves = [places.slice(0, places.length >> 1), places.slice(places.length >> 1)];
    boxes.splice(largest, 1, ...halves.map((half) => boxOf(pixels, half)));
  }
  const palette = new Uint8Array(3 * COLOURS);
  const indices = new Uint8Array(count);
  boxes.forEach(({ places }, number) => {
    for (let channel = 0; channel < 3; channel += 1) {
      const sum = places.reduce((total, place) => total + pixels[4 * place + channel], 0);
      palette[3 * number + channel] = Math.round(sum / places.length);
    }
    places.forEach((place) => { indices[place] = number; });
  });
  return { palette, indices };
}

// Pixels with the channel in which they differ most. A single pixel has no spread.
function boxOf(pixels, places) {
  const box = { places, channel: 0, spread: 0 };
  for (let channel = 0; channel < 3; channel += 1) {
    let [least, most] = [255, 0];
    for (const place of places) {
      least = Math.min(least, pixels[4 * place + channel]);
      most = Math.max(most, pixels[4 * place + channel]);
    }
    if (most - least > box.spread) Object.assign(box, { channel, spread: most - least });
  }
  return box;
}

// Colour numbers packed with LZW, in blocks of up to 255 bytes.
function packed(indices) {
  const CLEAR = 256;
  const END = 257;
  const bytes = [];
  let bits = 0;
  let bitCount = 0;
  let size = 9;
  let next = END + 1;
  let table = new Map();
  const put = (code) => {
    bits |= code << bitCount;
    bitCount += size;
    for (; bitCount >= 8; bitCount -= 8, bits >>>= 8) bytes.push(bits & 255);
    if (next === 1 << size && size < 12) size += 1;
  };
  put(CLEAR);
  let prefix = indices[0];
  for (const index of indices.subarray(1)) {
    const pair = prefix * COLOURS + index;
    const known = table.get(pair);
    if (known !== undefined) {
      prefix = known;
      continue;
    }
    put(prefix);
    prefix = index;
    if (next === 4096) {
      put(CLEAR);
      [size, next, table] = [9, END + 1, new Map()];
    } else {
      table.set(pair, next);
      next += 1;
    }
  }
  put(prefix);
  put(END);
  if (bitCount) bytes.push(bits & 255);
  const blocks = [8];
  for (let start = 0; start < bytes.length; start += 255) {
    const block = bytes.slice(start, start + 255);
    blocks.push(block.length, ...block);
  }
  blocks.push(0);
  return Uint8Array.from(blocks);
}
