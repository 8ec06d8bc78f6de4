// A widget's picture in the page: it tells Python where the mouse clicks, drags and turns its wheel, says the values of
// points under it, has handles to drag, and keeps a still of itself in the notebook's file.

const STATE = "application/vnd.jupyter.widget-state+json";
const VIEW = "application/vnd.jupyter.widget-view+json";
const PAUSE = 120; // milliseconds between messages while the mouse moves

export default {
  initialize({ model }) {
    return keepStill(model);
  },

  render({ model, el }) {
    const frame = document.createElement("div");
    frame.className = "coin-picture";
    frame.style.cssText = "position: relative; max-width: 900px; user-select: none; touch-action: pan-y";
    const image = document.createElement("img");
    image.className = "widget-image";
    image.draggable = false;
    image.style.cssText = "display: block; width: 100%";
    const tip = document.createElement("div");
    tip.className = "coin-tip";
    tip.style.cssText =
      "position: absolute; display: none; padding: 2px 6px; font-size: 12px; white-space: nowrap; pointer-events: none;" +
      "color: var(--jp-ui-font-color1, black); background: var(--jp-layout-color2, white); border: 1px solid gray; z-index: 2";
    const band = document.createElement("div");
    band.style.cssText = "position: absolute; display: none; background: #D55E0044; pointer-events: none";
    const gone = document.createElement("div");
    gone.className = "coin-gone";
    gone.style.cssText = "display: none; padding: 4px; color: #D55E00; font-weight: bold";
    gone.textContent = "The kernel was restarted: this widget is a picture now. Run its cell again to make it live.";
    frame.append(image, tip, band);
    el.append(gone, frame);

    let address = "";
    const draw = () => {
      const bytes = model.get("value");
      frame.style.display = bytes.byteLength ? "" : "none";
      URL.revokeObjectURL(address);
      address = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
      image.src = address;
      image.alt = model.get("alt");
    };
    const still = () => {
      image.alt = model.get("alt");
    };
    const handles = new Handles(model, frame);
    const live = async () => {
      const own = await model.widget_manager.get_model(model.get("owner")).catch(() => null);
      gone.style.display = own && own.comm_live === false ? "" : "none";
    };
    model.on("change:value", draw);
    model.on("change:alt", still);
    model.on("comm_live_update", live);
    draw();
    mouse(model, frame, tip, band);
    return () => {
      model.off("change:value", draw);
      model.off("change:alt", still);
      model.off("comm_live_update", live);
      handles.remove();
      URL.revokeObjectURL(address);
    };
  },
};

// Where the mouse is: in fractions of the picture, and in the axes under it, if they listen.
function place(model, frame, event) {
  const box = frame.getBoundingClientRect();
  const [fx, fy] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  const axes = model.get("axes").find(({ box: [l, t, r, b] }) => l <= fx && fx <= r && t <= fy && fy <= b);
  return { fx, fy, axes };
}

// Data coordinates of a place in the axes.
function data({ box: [l, t, r, b], x, y, log }, fx, fy) {
  const along = ([low, high], share, logarithmic) =>
    logarithmic ? low * (high / low) ** share : low + (high - low) * share;
  return { x: along(x, (fx - l) / (r - l), log[0]), y: along(y, (b - fy) / (b - t), log[1]) };
}

function mouse(model, frame, tip, band) {
  let from = null; // where a button went down
  let waiting = 0;
  let last = 0;
  const send = (kind, axes, fx, fy, more = {}) =>
    model.send({ kind, axes: axes.name, ...data(axes, fx, fy), ...more });
  const soon = (kind, axes, fx, fy, more) => {
    clearTimeout(waiting);
    const act = () => ((last = performance.now()), send(kind, axes, fx, fy, more));
    waiting = setTimeout(act, Math.max(0, PAUSE - (performance.now() - last)));
  };
  frame.addEventListener("pointerdown", (event) => {
    const at = place(model, frame, event);
    if (!at.axes || event.button) return;
    from = at;
    frame.setPointerCapture(event.pointerId);
  });
  frame.addEventListener("pointermove", (event) => {
    const at = place(model, frame, event);
    frame.style.cursor = at.axes ? at.axes.cursor || "crosshair" : "";
    hover(model, frame, tip, at);
    if (!from) return;
    if (from.axes.select) mark(band, from, at);
    else soon("drag", from.axes, at.fx, at.fy);
  });
  frame.addEventListener("pointerup", (event) => {
    if (!from) return;
    const [start, at] = [from, place(model, frame, event)];
    from = null;
    band.style.display = "none";
    clearTimeout(waiting);
    const still = Math.hypot(at.fx - start.fx, at.fy - start.fy) < 0.01;
    const more = start.axes.select ? { from: data(start.axes, start.fx, start.fy) } : {};
    send(still ? "click" : start.axes.select ? "select" : "drag", start.axes, at.fx, at.fy, more);
  });
  frame.addEventListener("pointerleave", () => (tip.style.display = "none"));
  let turned = 0;
  frame.addEventListener(
    "wheel",
    (event) => {
      const at = place(model, frame, event);
      if (!at.axes || !at.axes.wheel) return;
      event.preventDefault(); // or the page would scroll away
      turned += Math.sign(event.deltaY);
      const act = () => ((last = performance.now()), send("wheel", at.axes, at.fx, at.fy, { turned }), (turned = 0));
      clearTimeout(waiting);
      waiting = setTimeout(act, Math.max(0, PAUSE - (performance.now() - last)));
    },
    { passive: false }
  );
}

// The part of the axes that is being chosen: a band across, or a box.
function mark(band, from, at) {
  const [l, t, r, b] = from.axes.box;
  const clip = (value, low, high) => Math.min(Math.max(value, low), high);
  const [x0, x1] = from.axes.select === "y" ? [l, r] : [from.fx, clip(at.fx, l, r)].sort((p, q) => p - q);
  const [y0, y1] = from.axes.select === "x" ? [t, b] : [from.fy, clip(at.fy, t, b)].sort((p, q) => p - q);
  const percent = (share) => `${100 * share}%`;
  Object.assign(band.style, {
    display: "", left: percent(x0), top: percent(y0), width: percent(x1 - x0), height: percent(y1 - y0),
  });
}

// What the nearest point says, if one is near.
function hover(model, frame, tip, { fx, fy }) {
  const { width, height } = frame.getBoundingClientRect();
  let [near, best] = [14, null];
  for (const [x, y, text] of model.get("tips")) {
    const far = Math.hypot((x - fx) * width, (y - fy) * height);
    if (far < near) [near, best] = [far, [x, y, text]];
  }
  tip.style.display = best ? "" : "none";
  if (!best) return;
  tip.textContent = best[2];
  tip.style.left = `${100 * best[0]}%`;
  tip.style.top = `calc(${100 * best[1]}% - 28px)`;
  tip.style.transform = best[0] > 0.7 ? "translateX(-100%)" : "";
}

// Dots over the picture that move up and down; where they are let go, Python hears.
class Handles {
  constructor(model, frame) {
    [this.model, this.frame] = [model, frame];
    this.svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.svg.style.cssText = "position: absolute; left: 0; top: 0; width: 100%; height: 100%; pointer-events: none";
    frame.append(this.svg);
    this.draw = this.draw.bind(this);
    model.on("change:handles", this.draw);
    this.draw();
  }

  draw() {
    this.svg.replaceChildren();
    this.model.get("handles").forEach(([x, y, low, high, label], index) => {
      const dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
      const attributes = { cx: `${100 * x}%`, cy: `${100 * y}%`, r: 9, fill: "#0072B2", stroke: "white", "stroke-width": 2 };
      for (const [name, value] of Object.entries(attributes)) dot.setAttribute(name, value);
      dot.style.cssText = "cursor: ns-resize; pointer-events: all; touch-action: none";
      dot.setAttribute("aria-label", label);
      dot.setAttribute("class", "coin-handle");
      dot.addEventListener("pointerdown", (event) => {
        event.stopPropagation();
        dot.setPointerCapture(event.pointerId);
      });
      dot.addEventListener("pointermove", (event) => {
        event.stopPropagation();
        if (dot.hasPointerCapture(event.pointerId)) dot.setAttribute("cy", `${100 * this.height(event, low, high)}%`);
      });
      dot.addEventListener("pointerup", (event) => {
        event.stopPropagation();
        this.model.send({ kind: "handle", index, share: (low - this.height(event, low, high)) / (low - high) });
      });
      this.svg.append(dot);
    });
  }

  height(event, low, high) {
    const box = this.frame.getBoundingClientRect();
    return Math.min(Math.max((event.clientY - box.top) / box.height, high), low);
  }

  remove() {
    this.model.off("change:handles", this.draw);
  }
}

// JupyterLab and Notebook 7 look for a widget of this number in the notebook's file when its kernel is gone; they find the
// still there. Other front ends have no such context, and take the still beside the view.
function keepStill(model) {
  const context = model.widget_manager && model.widget_manager.context;
  if (!context || !context.saveState || !context.model || !context.model.setMetadata) return;
  const save = (_, stage) => {
    const owner = model.get("owner");
    if (stage !== "started" || !owner) return;
    const notebook = context.model;
    const widgets = { ...(notebook.getMetadata("widgets") || {}) };
    const before = widgets[STATE] || { version_major: 2, version_minor: 0 };
    const state = { ...(before.state || {}) };
    const there = shownIn(notebook);
    for (const id of Object.keys(state)) {
      const [known, part] = id.split("-still");
      if (part !== undefined && !there.has(known)) {
        delete state[id];
        delete state[known];
      }
    }
    if (there.has(owner) && (!state[owner] || `${owner}-still-note` in state)) Object.assign(state, still(model, owner));
    if (Object.keys(state).length) widgets[STATE] = { ...before, state };
    else delete widgets[STATE];
    if (Object.keys(widgets).length) notebook.setMetadata("widgets", widgets);
    else if (notebook.getMetadata("widgets")) notebook.deleteMetadata("widgets");
  };
  context.saveState.connect(save);
  return () => context.saveState.disconnect(save);
}

// The numbers of all widgets that cells show.
function shownIn(notebook) {
  const found = new Set();
  for (const cell of notebook.cells) {
    const outputs = cell.outputs;
    for (let i = 0; outputs && i < outputs.length; i++) {
      const view = outputs.get(i).data[VIEW];
      if (view) found.add(view.model_id);
    }
  }
  return found;
}

// Plain widgets that need no kernel: a line of text, the question of a prediction, the picture.
function still(model, owner) {
  const made = (name, state, buffers) => ({
    model_name: `${name}Model`,
    model_module: name === "Layout" ? "@jupyter-widgets/base" : "@jupyter-widgets/controls",
    model_module_version: "2.0.0",
    state,
    ...(buffers ? { buffers } : {}),
  });
  const [note, text, picture, layout] = ["note", "text", "picture", "layout"].map((part) => `${owner}-still-${part}`);
  const bytes = model.get("value");
  const children = [...(model.get("html") ? [text] : []), ...(bytes.byteLength ? [picture] : []), note];
  const value = "<i>A picture of the widget as it was: run its cell to make it live.</i>";
  const found = {
    [owner]: made("VBox", { children: children.map((id) => `IPY_MODEL_${id}`) }),
    [note]: made("HTML", { value }),
    [layout]: made("Layout", { max_width: "900px", width: "100%" }),
  };
  if (model.get("html")) found[text] = made("HTMLMath", { value: model.get("html") });
  if (bytes.byteLength) {
    const buffers = [{ encoding: "base64", path: ["value"], data: base64(bytes) }];
    found[picture] = made("Image", { format: "png", layout: `IPY_MODEL_${layout}` }, buffers);
  }
  return found;
}

function base64(view) {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}
