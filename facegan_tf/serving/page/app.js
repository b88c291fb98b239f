// Puts the page together: everything is drawn from one state, which the link holds.

import { Controls } from "./controls.js";
import { makePainter } from "./painter.js";
import { Picture, tile } from "./pictures.js";
import { codeOf, fromHash, parseCode, randomSeed, recipeOf, seedAfter, seedRecipe, toHash } from "./state.js";
import { FRAMES, Walk } from "./walk.js";

const WALL = 36;
const CHECK_MS = 15000; // how often to ask whether a run in training has a newer checkpoint
const MOST_STOPS = 8;
const STORE = "facegan-kept";
const LARGE = 256; // pixels of the large face, which is enlarged from fewer
const byId = (id) => document.getElementById(id);

let state = startState();
let shown = {}; // what the parts of the page show, as text, so that only changed parts are drawn again
let messageTimer = null;

const painter = await makePainter().catch((error) => {
  say(`The page couldn't start: ${error.message}`);
  throw error;
});
const face = new Picture(byId("face"), (url) => { byId("glow").src = url; });
const mixFace = new Picture(byId("mix-face"));
const controls = new Controls(change);
const walk = new Walk(painter, byId("walk-frame"), showPlace, failed);

showFacts();
controls.makeDirections(painter.facts.movements);
byId("mixing").open = state.mix !== null;
byId("directions-box").open = Object.keys(state.moves).length > 0 || matchMedia("(min-width: 900px)").matches;
wire();
draw();

function startState() {
  const found = fromHash(location.hash);
  if (!found.kept.length) {
    try {
      const kept = JSON.parse(localStorage.getItem(STORE) ?? "[]");
      found.kept = kept.filter((code) => typeof code === "string" && parseCode(code)).slice(0, 60);
    } catch {
      // Storage may be off, or hold something else: then there are no kept faces.
    }
  }
  return found;
}

// Changes a part of the state, and draws what depends on it.
function change(part) {
  state = { ...state, ...part };
  draw();
}

function draw() {
  controls.show(state);
  history.replaceState(null, "", toHash(state));
  const recipe = recipeOf(state);
  when("face", recipe, () => drawFace(recipe));
  when("mix", [state.mix, state.truncation], drawMix);
  when("wall", [state.from, state.truncation], drawWall);
  when("walk", [state.walk, state.truncation], drawWalk);
  when("kept", [state.kept, state.truncation], drawKept);
  markChosen();
}

// Calls `update` if `value` differs from what that part of the page shows, or if the model has changed.
function when(part, value, update) {
  const text = JSON.stringify([value, painter.facts.version]);
  if (shown[part] === text) return;
  shown[part] = text;
  update();
}

function drawFace(recipe) {
  const title = recipe.mix === null ? `Face ${recipe.seed}` : `Faces ${recipe.seed} and ${recipe.mix}`;
  byId("face-title").textContent = title;
  byId("face").alt = title;
  face.show(() => painter.face(recipe, Math.max(LARGE, painter.facts.size))).catch(failed);
}

function drawMix() {
  if (state.mix === null) byId("mix-face").removeAttribute("src");
  else mixFace.show(() => painter.face(seedRecipe(state.mix, state.truncation))).catch(failed);
}

function drawWall() {
  const seeds = Array.from({ length: WALL }, (_, place) => seedAfter(state.from, place));
  byId("wall-range").textContent = `${seeds[0]} to ${seeds.at(-1)}`;
  byId("wall").replaceChildren(...seeds.map((seed) => seedTile(seed, () => choose(seedRecipe(seed, state.truncation)))));
}

// Shows a face; on a small screen, where it is far from what was tapped, scrolls it into view.
function choose(recipe) {
  change(recipe);
  byId("stage").scrollIntoView({ block: "nearest", behavior: "smooth" });
}

function drawWalk() {
  byId("walk-stops").replaceChildren(...state.walk.map((seed, place) =>
    seedTile(seed, () => change({ walk: state.walk.filter((_, other) => other !== place) }), `Remove face ${seed} from the walk`)));
  if (!state.walk.length) byId("walk-stops").append(hint("Add two or more faces, and watch one turn into the next."));
  walk.set(state.walk, state.truncation);
  byId("walk-place").max = Math.max(walk.length - 1, 1);
  byId("walk-place").disabled = byId("walk-play").disabled = byId("walk-gif").disabled = !walk.length;
  byId("walk-clear").disabled = !state.walk.length;
  showPlace(0);
}

function drawKept() {
  byId("favourites").replaceChildren(...state.kept.map((code) => {
    const recipe = { ...parseCode(code), truncation: state.truncation };
    const button = tile(`Kept face ${code}`, () => painter.face(recipe), failed);
    button.onclick = () => choose(recipe);
    button.dataset.code = code;
    return button;
  }));
  byId("favourites-hint").hidden = state.kept.length > 0;
  try {
    localStorage.setItem(STORE, JSON.stringify(state.kept));
  } catch {
    // Storage may be off or full; the link still holds them.
  }
}

function markChosen() {
  const code = codeOf(state);
  for (const button of document.querySelectorAll(".tile[data-code]")) {
    button.setAttribute("aria-pressed", String(button.dataset.code === code));
  }
  const isKept = state.kept.includes(code);
  const favourite = byId("favourite");
  favourite.setAttribute("aria-pressed", String(isKept));
  favourite.firstElementChild.textContent = isKept ? "★" : "☆";
  favourite.querySelector(".text").textContent = isKept ? "Kept" : "Keep";
  byId("add-to-walk").disabled = state.walk.length >= MOST_STOPS || state.walk.at(-1) === state.seed;
}

function seedTile(seed, onClick, label = `Face ${seed}`) {
  const button = tile(label, () => painter.face(seedRecipe(seed, state.truncation)), failed);
  button.onclick = onClick;
  if (label === `Face ${seed}`) button.dataset.code = seed;
  return button;
}

function hint(text) {
  const paragraph = document.createElement("p");
  paragraph.className = "hint";
  paragraph.textContent = text;
  return paragraph;
}

function showPlace(place) {
  byId("walk-place").value = place;
  byId("walk-play").textContent = walk.playing ? "Pause" : "Play";
  if (walk.length) {
    const { seed, mix } = walk.recipe(place);
    byId("walk-frame").alt = mix === null ? `Face ${seed}` : `Between faces ${seed} and ${mix}`;
  }
}

function showFacts() {
  const { name, size, step, newest } = painter.facts;
  const at = step === null ? "" : ` · step ${step.toLocaleString("en")}`;
  byId("facts").textContent = `${name} · ${size} pixels${at}`;
  const isOld = newest !== null && newest !== step;
  byId("reload").hidden = !isOld;
  if (isOld) byId("reload").textContent = `Show step ${newest.toLocaleString("en")}`;
}

function say(text) {
  const message = byId("message");
  message.textContent = text;
  message.classList.add("shown");
  clearTimeout(messageTimer);
  messageTimer = setTimeout(() => message.classList.remove("shown"), 4000);
}

function failed(error) {
  say(error.message);
}

function toggleKept() {
  const code = codeOf(state);
  const without = state.kept.filter((other) => other !== code);
  change({ kept: without.length < state.kept.length ? without : [code, ...without].slice(0, 60) });
}

function addToWalk() {
  if (!byId("add-to-walk").disabled) change({ walk: [...state.walk, state.seed] });
}

function turnWall(pages) {
  change({ from: seedAfter(state.from, pages * WALL) });
}

function togglePlay() {
  if (walk.playing) walk.pause();
  else walk.play();
  showPlace(walk.place);
}

async function download(source, name) {
  const link = document.createElement("a");
  link.href = await source;
  link.download = name;
  link.click();
}

async function saveGif() {
  byId("walk-gif").disabled = true;
  say("Making the GIF …");
  try {
    await download(painter.gif(state.walk, state.truncation, FRAMES), `walk-${state.walk.join("-")}.gif`);
  } finally {
    byId("walk-gif").disabled = false;
  }
}

async function copyLink() {
  try {
    await navigator.clipboard.writeText(location.href);
    say("Link copied. It holds everything you see.");
  } catch {
    say("This browser blocked the clipboard; copy the address from the address bar instead.");
  }
}

async function reload() {
  byId("reload").disabled = true;
  try {
    await painter.reload();
    showFacts();
    controls.makeDirections(painter.facts.movements);
    draw();
  } finally {
    byId("reload").disabled = false;
  }
}

function wire() {
  byId("wall-previous").onclick = () => turnWall(-1);
  byId("wall-next").onclick = () => turnWall(1);
  byId("wall-random").onclick = () => change({ from: randomSeed() });
  byId("favourite").onclick = toggleKept;
  byId("add-to-walk").onclick = addToWalk;
  byId("walk-clear").onclick = () => change({ walk: [] });
  byId("walk-play").onclick = togglePlay;
  byId("walk-place").oninput = (event) => { walk.pause(); walk.show(Number(event.target.value)); };
  byId("walk-gif").onclick = () => saveGif().catch(failed);
  byId("save-png").onclick = (event) => {
    event.preventDefault();
    download(painter.face(recipeOf(state)), `face-${codeOf(state).replaceAll(/[~!:]/g, "_")}.png`).catch(failed);
  };
  byId("copy-link").onclick = copyLink;
  byId("help").onclick = () => byId("keys").showModal();
  byId("reload").onclick = () => reload().catch(failed);
  addEventListener("hashchange", () => change(fromHash(location.hash)));
  addEventListener("keydown", onKey);
  if (painter.refresh) setInterval(refresh, CHECK_MS);
}

async function refresh() {
  if (document.hidden) return;
  const { version } = painter.facts;
  try {
    await painter.refresh();
  } catch {
    return; // the server may be unreachable for a moment; keep showing what is there
  }
  showFacts();
  if (painter.facts.version !== version) draw(); // somebody else has loaded a newer checkpoint
}

const KEYS = {
  ArrowLeft: () => controls.step(-1),
  ArrowRight: () => controls.step(1),
  r: () => controls.random(),
  f: toggleKept,
  w: addToWalk,
  " ": togglePlay,
  "[": () => turnWall(-1),
  "]": () => turnWall(1),
  "?": () => byId("keys").showModal(),
};

// Letters work everywhere, since no field accepts them. Arrow keys and the space bar go to whatever has the focus.
function onKey(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const owners = { ArrowLeft: "dialog, input", ArrowRight: "dialog, input", " ": "dialog, input, button, a, summary" };
  const isTaken = event.target.closest(owners[key] ?? "dialog");
  if (!KEYS[key] || isTaken || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  KEYS[key]();
}
