// The page around the stage: files in, hands on the picture, facts and pictures out.

import { comma, CoinError, countWeights, MAX_BYTES, readCoin } from "./file.js";
import { Network } from "./network.js";
import { bestPainter, breath, PlainPainter } from "./painter.js";
import { Stage } from "./stage.js";

const $ = (id) => document.getElementById(id);
const canvas = $("canvas"), divider = $("divider"), embedded = window.self !== window.top;
let stage = null; // of the file that is shown
let opened = null; // {file, name, network}
let job = 0; // the number of the latest file or picture asked for; older ones give up

// ---------------------------------------------------------------------------------------------------- files

async function open(name, read) {
  const mine = ++job;
  try {
    const bytes = await read();
    const file = await readCoin(bytes, async () => {
      await breath();
      if (mine !== job) throw new CoinError("another file was opened");
    });
    if (mine === job) show(name, file);
  } catch (error) {
    if (mine !== job) return;
    say(`${name}: ${error instanceof CoinError ? error.message : `cannot be shown (${error.message})`}`);
    if (!opened) welcome();
  }
}

function openFile(file) {
  open(file.name, async () => {
    if (file.size > MAX_BYTES) throw new CoinError(`${comma(file.size)} bytes; no .coin file has over ${comma(MAX_BYTES)}`);
    return new Uint8Array(await file.arrayBuffer());
  });
}

function show(name, file) {
  const network = new Network(file.network), [painter, word] = bestPainter(network, file);
  stage?.close();
  opened = { file, name, network };
  stage = new Stage(canvas, file, painter, painted, lost);
  document.title = `${name}, coin_edu viewer`;
  $("welcome").hidden = true;
  document.querySelector("nav").hidden = false;
  say(word);
  facts();
  sizes();
  hint();
  $("save").open = false;
  press("compare", false);
  press("grid", false);
  compare(false);
  resize();
}

function lost(error) {
  const { network, file } = opened;
  if (stage.painter instanceof PlainPainter) {
    stage.close();
    say(`this network cannot be evaluated here: ${error.message}`);
    return;
  }
  say(`${error.message}: evaluated in plain JavaScript, on a small canvas`);
  stage.painter.close();
  stage.painter = new PlainPainter(network, file); // with which the stage goes on
}

function welcome() {
  $("welcome").hidden = false;
  document.querySelector("nav").hidden = true;
}

/** A message, or none. */
function say(text) {
  $("alert").hidden = !text;
  $("alert").firstElementChild.textContent = text || "";
}

function facts() {
  const { file, name, network } = opened, { shapes } = file.network, n = countWeights(shapes);
  const coding = {
    floats: `${file.bits}-bit floats`,
    entropy: `entropy-coded, ${((8 * (file.nBytes - 40)) / n).toFixed(2)} bits each`,
  }[file.coding] || `${file.bits}-bit integers, ${file.firstBits} in the first layer, steps by ${file.coding}`;
  const fourier = file.network.inputs.frequencies.length;
  const parts = [
    ["", name],
    [`${file.width}×${file.height}`, "pixels"],
    [file.label, network.activation + (fourier ? `, ${fourier} frequencies` : "")],
    [comma(n), `weights, ${coding}`],
    [comma(file.nBytes), "bytes"],
    [((8 * file.nBytes) / file.width / file.height).toPrecision(3), "bits per pixel"],
  ];
  $("facts").replaceChildren(...parts.map(([bold, text]) => {
    const span = document.createElement("span"), b = document.createElement("b");
    b.textContent = bold;
    span.append(b, bold ? ` ${text}` : text);
    return span;
  }));
}

// ---------------------------------------------------------------------------------------------------- what is shown

function resize() {
  if (!stage) return;
  const { width, height } = $("stage").getBoundingClientRect();
  // Of a screen of very many pixels, four make one sample: a network is evaluated for each.
  const ratio = Math.min(window.devicePixelRatio, Math.sqrt(2 ** 22 / Math.max(1, width * height)));
  canvas.dataset.state = "painting";
  stage.ratio = ratio;
  stage.resize(Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio)));
  readings();
}

function changed() {
  canvas.dataset.state = "painting";
  stage.changed();
  readings();
}

function painted(block, last) {
  canvas.dataset.block = block;
  if (last) canvas.dataset.state = "done";
}

function readings() {
  $("zoom").textContent = zoomText(stage.view.scale / stage.ratio);
  if (stage.divider !== null) {
    divider.style.left = `${100 * stage.divider}%`;
    divider.setAttribute("aria-valuenow", Math.round(100 * stage.divider));
  }
}

function zoomText(zoom) {
  for (const [size, name] of [[1e9, " bn"], [1e6, " m"]]) if (zoom >= size) return `${(zoom / size).toPrecision(3)}${name}×`;
  return zoom < 10 ? `${zoom.toFixed(2)}×` : `${comma(Math.round(zoom))}×`;
}

function compare(on) {
  stage.divider = on ? 0.5 : null;
  for (const id of ["divider", "left", "right"]) $(id).hidden = !on;
}

function slide(part) {
  stage.divider = Math.min(Math.max(part, 0), 1);
  stage.draw();
  readings();
}

function hint() {
  const hands = matchMedia("(pointer: coarse)").matches ? "drag to move, two fingers to zoom" : "drag to move, wheel to zoom";
  $("hint").textContent = `${embedded ? "click, then " : ""}${hands}: a network never runs out of pixels`;
  $("hint").hidden = false;
}

function press(action, on) {
  document.querySelector(`[data-action="${action}"]`).setAttribute("aria-pressed", on);
}

// ---------------------------------------------------------------------------------------------------- hands

const ACTIONS = {
  in: () => zoom(1.5),
  out: () => zoom(1 / 1.5),
  fit: () => { stage.view.fit(); changed(); },
  single: () => { zoom(stage.ratio / stage.view.scale); stage.view.align(); changed(); },
  compare: () => {
    compare(stage.divider === null);
    press("compare", stage.divider !== null);
    changed();
  },
  grid: () => {
    stage.grid = !stage.grid;
    press("grid", stage.grid);
    if (stage.grid && stage.view.scale < 8 * stage.ratio) zoom((8 * stage.ratio) / stage.view.scale); // else none is seen
    else stage.draw();
  },
  save: () => { $("save").open = !$("save").open; },
  open: () => $("file").click(),
  dismiss: () => say(null),
  left: () => pan(1, 0), right: () => pan(-1, 0), up: () => pan(0, 1), down: () => pan(0, -1),
};
const KEYS = { "+": "in", "=": "in", "-": "out", "_": "out", "0": "fit", "1": "single", c: "compare", g: "grid", s: "save",
               o: "open", ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", Escape: "escape" };

function zoom(factor, left, top) {
  stage.view.zoom(factor, left, top);
  $("hint").hidden = true;
  changed();
}

/** A tenth of the canvas. */
function pan(right, down) {
  stage.view.pan((right * stage.view.width) / 10, (down * stage.view.height) / 10);
  changed();
}

function act(action) {
  if (stage || action === "open" || action === "dismiss") ACTIONS[action]();
}

document.addEventListener("click", (event) => {
  const action = event.target.closest("[data-action]")?.dataset.action;
  if (action) act(action);
  if (!event.target.closest("#save")) $("save").open = false;
});

document.addEventListener("keydown", (event) => {
  const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
  if (action === "escape") {
    job++; // whatever is being read or saved gives up
    $("save").open = false;
    say(null);
  } else if (event.target === divider && stage && (action === "left" || action === "right")) {
    slide(stage.divider + (action === "left" ? -0.02 : 0.02));
  } else act(action);
  event.preventDefault();
});

/** Where a mouse or finger is, in canvas pixels. */
function at(event) {
  const { left, top } = canvas.getBoundingClientRect();
  return [(event.clientX - left) * stage.ratio, (event.clientY - top) * stage.ratio];
}

const fingers = new Map(); // by pointer, where each was last

canvas.addEventListener("pointerdown", (event) => {
  if (!stage || event.button) return;
  canvas.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, at(event));
  canvas.classList.add("moving");
  canvas.focus({ preventScroll: true });
  $("hint").hidden = true;
});

canvas.addEventListener("pointermove", (event) => {
  if (!stage) return;
  const now = at(event), { view } = stage;
  const [x, y] = [view.x + (now[0] - view.width / 2) / view.scale, view.y + (now[1] - view.height / 2) / view.scale];
  $("place").textContent = `x ${x.toFixed(2)}  y ${y.toFixed(2)}`;
  if (!fingers.has(event.pointerId)) return;
  const before = [...fingers.values()];
  fingers.set(event.pointerId, now);
  const after = [...fingers.values()];
  const middle = (points) => [0, 1].map((k) => points.reduce((sum, point) => sum + point[k], 0) / points.length);
  const spread = ([[a, b], [c, d]]) => Math.max(Math.hypot(a - c, b - d), 1);
  const [from, to] = [middle(before), middle(after)];
  view.pan(to[0] - from[0], to[1] - from[1]);
  if (after.length === 2) view.zoom(spread(after) / spread(before), ...to);
  changed();
});

for (const name of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(name, (event) => {
    fingers.delete(event.pointerId);
    if (!fingers.size) canvas.classList.remove("moving");
  });
}

canvas.addEventListener("pointerleave", () => { $("place").textContent = ""; });

canvas.addEventListener("wheel", (event) => {
  // In a notebook the wheel scrolls on, until the picture was clicked.
  if (!stage || (embedded && !document.hasFocus())) return;
  event.preventDefault();
  const pixels = event.deltaY * [1, 33, 400][event.deltaMode];
  // A pinch on a trackpad comes as a wheel with the control key, in small numbers.
  zoom(2 ** (Math.max(-300, Math.min(300, -pixels)) * (event.ctrlKey ? 0.02 : 0.004)), ...at(event));
}, { passive: false });

canvas.addEventListener("dblclick", (event) => { if (stage) zoom(event.shiftKey ? 0.5 : 2, ...at(event)); });

divider.addEventListener("pointerdown", (event) => divider.setPointerCapture(event.pointerId));
divider.addEventListener("pointermove", (event) => {
  if (divider.hasPointerCapture(event.pointerId)) slide(at(event)[0] / canvas.width);
});

$("file").addEventListener("change", (event) => {
  const [file] = event.target.files;
  if (file) openFile(file);
  event.target.value = ""; // the same file may be chosen again
});

for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    $("stage").classList.toggle("over", name === "dragover");
    if (name !== "drop") return;
    const [file] = event.dataTransfer.files;
    if (file) openFile(file);
    else say("no file was dropped; drop a .coin file from a folder");
  });
}

// ---------------------------------------------------------------------------------------------------- pictures out

const TILE = 1024, LARGEST = 2 ** 26, LONGEST = 2 ** 14; // sides and pixels that browsers' canvases have

function sizes() {
  const { width, height } = opened.file, choices = [["as shown", null]];
  for (const factor of [1, 2, 4, 8]) {
    const [columns, rows] = [factor * width, factor * height];
    if (columns * rows <= LARGEST && Math.max(columns, rows) <= LONGEST) choices.push([`${columns}×${rows}`, factor]);
  }
  $("sizes").replaceChildren(...choices.map(([text, factor]) => {
    const button = document.createElement("button"), small = document.createElement("small");
    small.textContent = factor ? `${factor}×` : "";
    button.append(text, small);
    button.addEventListener("click", () => { save(factor); });
    return button;
  }));
}

/** The whole picture, so many times larger, or what is on the canvas, as a file. */
async function save(factor) {
  $("save").open = false;
  const mine = ++job, stem = opened.name.replace(/\.coin$/i, "");
  try {
    if (!factor) await stage.refining;
    const picture = factor ? await whole(factor, (part) => {
      if (mine !== job) throw new CoinError("stopped");
      say(`saving: ${Math.round(100 * part)} %, Escape stops it`);
    }) : canvas;
    const blob = await new Promise((resolve) => picture.toBlob(resolve));
    if (!blob) throw new CoinError("this browser has no memory for a picture of this size; take a smaller one");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = factor === 1 ? `${stem}.png` : factor ? `${stem}_${factor}x.png` : `${stem}_view.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    say(null);
  } catch (error) {
    if (mine === job) say(`not saved: ${error.message}`);
  }
}

/** The picture, so many samples a pixel along each side, tile by tile. */
async function whole(factor, progress) {
  const { file, network } = opened, picture = document.createElement("canvas"), context = picture.getContext("2d");
  [picture.width, picture.height] = [factor * file.width, factor * file.height];
  const [painter] = bestPainter(network, file); // of its own: the stage goes on with the other
  try {
    for (let top = 0; top < picture.height; top += TILE) {
      for (let left = 0; left < picture.width; left += TILE) {
        const [columns, rows] = [Math.min(TILE, picture.width - left), Math.min(TILE, picture.height - top)];
        const [x, y] = [(left + columns / 2) / factor, (top + rows / 2) / factor];
        const part = (samples) => (top * picture.width + left * rows + samples) / picture.width / picture.height;
        const tile = await painter.paint({ x, y, step: 1 / factor, columns, rows, snap: false }, (samples) => {
          progress(part(samples));
          return true;
        });
        context.drawImage(tile, left, top);
      }
    }
  } finally {
    painter.close();
  }
  return picture;
}

// ---------------------------------------------------------------------------------------------------- beginning

document.body.classList.toggle("embedded", embedded);
new ResizeObserver(resize).observe($("stage"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => stage?.draw());

const inside = JSON.parse($("coin").textContent);
if (inside) open(inside.name, async () => Uint8Array.from(atob(inside.data), (letter) => letter.charCodeAt(0)));
else welcome();
