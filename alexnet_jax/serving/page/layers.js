// Tabs by layer, and a layer's maps as grids, the towers side by side.

import { numbers } from "./api.js";
import { magnitude, mapOf, paint, short } from "./paint.js";

const at = (id) => document.getElementById(id);
const view = { network: null, record: null, layer: "", tower: "both", norms: "on", shown: 0 };

/** Make the tabs of a network. */
export function makeTabs(network) {
  view.network = network;
  view.layer = network.layers[0].name;
  const tabs = network.layers.map((layer) => {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.id = `tab-${layer.name}`;
    tab.textContent = layer.name;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", "panel");
    tab.addEventListener("click", () => choose(layer.name));
    return tab;
  });
  at("tabs").replaceChildren(...tabs);
  at("tabs").addEventListener("keydown", (event) => step(event, tabs, (tab) => tab.click()));
  at("own-scale").addEventListener("change", show);
  at("previous").addEventListener("click", () => enlarge(view.shown - 1));
  at("next").addEventListener("click", () => enlarge(view.shown + 1));
  at("close").addEventListener("click", () => at("enlarged").close());
  at("enlarged").addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (move) enlarge(view.shown + move);
  });
}

/** Show the maps of an answer, computed with {tower, norms}. */
export function showLayers(record, { tower, norms }) {
  Object.assign(view, { record, tower, norms });
  choose(view.layer);
}

function choose(name) {
  view.layer = name;
  for (const tab of at("tabs").children) {
    const chosen = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
  }
  at("panel").setAttribute("aria-labelledby", `tab-${name}`);
  show();
}

/** Move along a row of elements by the arrow keys, Home and End. */
function step(event, elements, then) {
  const place = elements.indexOf(document.activeElement);
  const places = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: elements.length - 1 };
  if (place < 0 || !(event.key in places)) return;
  event.preventDefault();
  const next = elements[(places[event.key] + elements.length) % elements.length];
  next.focus();
  then(next);
}

function current() {
  const layer = view.network.layers.find((one) => one.name === view.layer);
  const record = view.record.layers[layer.name];
  view.values ??= new WeakMap();
  if (!view.values.has(record)) view.values.set(record, numbers(record));
  return { layer, shape: record.shape, values: view.values.get(record) };
}

function show() {
  if (!view.record) return;
  const { layer, shape, values } = current();
  const units = shape.length === 1, count = shape.at(-1), most = magnitude(values);
  const size = units ? `${count} units` : `${count} maps of ${shape[0]}x${shape[1]}`;
  const passes = view.norms === "off" && view.network.norms.includes(layer.name);
  const off = passes ? "Switched off: values pass unchanged." : layer.about;
  at("layer-about").textContent = `${layer.name}: ${size}. ${off}`;
  const negative = values.some((value) => value < 0);
  const white = units || !at("own-scale").checked ? short(most) : "each map's largest value";
  const blue = negative ? ", negative values are blue" : "";
  at("scale-about").textContent = `Black is 0, white ${white}${blue}.`;
  at("own-scale").disabled = units;
  const towers = view.network.towers, width = count / towers;
  const sections = Array.from({ length: towers }, (_, tower) => {
    const section = document.createElement("section");
    section.className = tower ? "second" : "first";
    const heading = document.createElement("h3");
    const dark = towers > 1 && !["both", String(tower)].includes(view.tower);
    const range = `${units ? "units" : "maps"} ${tower * width} to ${(tower + 1) * width - 1}`;
    heading.textContent = towers > 1 ? `Tower ${tower}${dark ? ", switched off" : ""}: ${range}` : range;
    const content = units ? unitPicture : mapGrid;
    section.append(heading, content(tower * width, width, most));
    return section;
  });
  at("towers").replaceChildren(...sections);
}

function unitPicture(first, count, most) {
  const { layer, values } = current();
  const canvas = document.createElement("canvas");
  const width = Math.ceil(Math.sqrt(count * 2));
  canvas.className = "units";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${layer.name}, units ${first} to ${first + count - 1}, row by row`);
  paint(canvas, values.subarray(first, first + count), width, Math.ceil(count / width), most);
  return canvas;
}

function mapGrid(first, count, most) {
  const { layer, shape, values } = current();
  const grid = document.createElement("div");
  grid.className = "maps";
  grid.style.setProperty("--cell", `${Math.max(36, Math.min(64, 2 * shape[1]))}px`);
  const buttons = Array.from({ length: count }, (_, place) => {
    const map = mapOf(values, shape, first + place);
    const button = document.createElement("button");
    const canvas = document.createElement("canvas");
    paint(canvas, map, shape[1], shape[0], at("own-scale").checked ? magnitude(map) : most);
    button.type = "button";
    button.tabIndex = place ? -1 : 0;
    button.title = `${layer.name}, map ${first + place}`;
    button.setAttribute("aria-label", `${button.title}, enlarge`);
    button.append(canvas);
    button.addEventListener("click", () => enlarge(first + place));
    return button;
  });
  grid.addEventListener("keydown", (event) => step(event, buttons, () => {}));
  grid.append(...buttons);
  return grid;
}

function enlarge(number) {
  const { layer, shape, values } = current();
  const count = shape.at(-1), half = count / view.network.towers;
  view.shown = (number + count) % count;
  const map = mapOf(values, shape, view.shown);
  paint(at("enlarged-map"), map, shape[1], shape[0], magnitude(map));
  const low = map.reduce((a, b) => Math.min(a, b)), high = map.reduce((a, b) => Math.max(a, b));
  const place = map.indexOf(high), row = Math.floor(place / shape[1]), column = place % shape[1];
  const tower = view.network.towers > 1 ? ` of tower ${Math.floor(view.shown / half)}` : "";
  at("enlarged-about").textContent =
    `${layer.name}, map ${view.shown}${tower}: ${shape[0]}x${shape[1]} values from ${short(low)} to ` +
    (high > low ? `${short(high)}, the largest in row ${row}, column ${column}.` : `${short(high)}.`);
  if (!at("enlarged").open) at("enlarged").showModal();
}
