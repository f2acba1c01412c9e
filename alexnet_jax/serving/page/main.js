// The page: a picture is chosen, the server examines it, and the result is shown.

import { network as askNetwork, numbers, post } from "./api.js";
import { showClasses } from "./classes.js";
import { makeTabs, showLayers } from "./layers.js";
import { paintCover } from "./paint.js";

const at = (id) => document.getElementById(id);
const state = { network: null, picture: null, record: null, running: null };

function fail(message) {
  at("status").textContent = "";
  at("error").textContent = message;
  at("error").hidden = !message;
}

function switches() {
  const tower = document.querySelector("input[name=tower]:checked").value;
  return { tower, norms: at("norms").checked ? "on" : "off" };
}

/** Examine the current picture; what an earlier request still computes is given up. */
async function examine() {
  if (!state.picture) return;
  state.running?.abort();
  const running = (state.running = new AbortController());
  const now = switches();
  fail("");
  at("status").textContent = `Examining ${state.picture.name} ...`;
  try {
    const record = await post("examine", state.picture, now, running.signal);
    state.record = record;
    await showResult(record, now);
    at("status").textContent = `${state.picture.name}: most likely ${record.top[0].class}.`;
    await cover(record.top[0].index, running.signal);
  } catch (error) {
    if (running.signal.aborted) return;
    at("result").hidden = true;
    fail(error.message);
  }
}

async function showResult(record, now) {
  at("result").hidden = false;
  at("seen").src = record.seen;
  await at("seen").decode();
  at("changed").textContent = record.changed;
  showClasses(at("bars"), record, record.top[0].index, (index) => cover(index));
  showLayers(record, now);
}

/** Show what of the picture mattered for a class. */
async function cover(index, signal) {
  if (!signal) {
    state.running?.abort();
    signal = (state.running = new AbortController()).signal;
  }
  at("cover-about").textContent = "What mattered is being computed.";
  at("cover").setAttribute("aria-busy", "true");
  try {
    const record = await post("cover", state.picture, { ...switches(), class: index }, signal);
    const drops = numbers(record).map((value) => record.uncovered - value);
    paintCover(at("cover"), at("seen"), record, drops);
    at("cover").setAttribute("aria-label", `What mattered for ${record.class}`);
    at("cover").setAttribute("aria-busy", "false");
    at("cover-about").textContent = record.about;
  } catch (error) {
    if (!signal.aborted) fail(error.message);
  }
}

function choose(picture) {
  state.picture = picture;
  for (const one of at("samples").children) {
    one.setAttribute("aria-pressed", String(one.dataset.number === String(picture.sample)));
  }
  examine();
}

function chooseFile(file) {
  if (!file) return fail("What was dropped is no file; save the picture first, and drop the file.");
  if (file.size > state.network.limit) {
    const most = state.network.limit / 1e6;
    return fail(`${file.name} is larger than ${most} MB; shrink the picture first.`);
  }
  return choose({ file, name: file.name || "the picture" });
}

function makeSamples(labels) {
  const buttons = labels.map((label, number) => {
    const button = document.createElement("button");
    const picture = document.createElement("img");
    const name = document.createElement("span");
    picture.src = `api/samples/${number}.png`;
    picture.alt = "";
    name.textContent = label;
    button.type = "button";
    button.dataset.number = number;
    button.setAttribute("aria-label", `sample: ${label}`);
    button.setAttribute("aria-pressed", "false");
    button.append(picture, name);
    button.addEventListener("click", () => choose({ sample: number, name: `Sample of ${label}` }));
    return button;
  });
  at("samples").replaceChildren(...buttons);
  at("samples").hidden = !labels.length;
}

function showNetwork(network) {
  const [height, width, channels] = network.input;
  document.title = `${network.name}: AlexNet`;
  at("title").textContent = network.name;
  at("about").textContent =
    `Network ${network.preset} after ${network.step.toLocaleString("en")} steps: ` +
    `${network.classes.toLocaleString("en")} classes of ${channels === 1 ? "grey" : "colour"} pictures.`;
  at("input").textContent = `${height}x${width} pixels`;
  at("limit").textContent = network.limit / 1e6;
  const two = network.towers === 2, norms = network.norms.length > 0;
  at("tower-switch").hidden = !two;
  at("norm-switch").hidden = !norms;
  const lacks = [];
  if (!two) lacks.push("two towers to tell apart");
  if (!norms) lacks.push("response normalization to switch off");
  at("no-switches").hidden = !lacks.length;
  at("no-switches").textContent = `This network has no ${lacks.join(", and no ")}.`;
  makeSamples(network.samples);
  makeTabs(network);
}

function takePictures() {
  at("file").addEventListener("change", () => {
    if (at("file").files.length) chooseFile(at("file").files[0]);
    at("file").value = "";
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      at("drop").classList.toggle("over", kind === "dragover");
      if (kind === "drop") chooseFile(event.dataTransfer.files[0]);
    });
  }
  document.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length) chooseFile(event.clipboardData.files[0]);
  });
  for (const input of document.querySelectorAll(".switches input")) {
    input.addEventListener("change", examine);
  }
}

try {
  state.network = await askNetwork();
  showNetwork(state.network);
  takePictures();
} catch (error) {
  at("about").textContent = "";
  fail(error.message);
}
