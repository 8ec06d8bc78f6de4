// What is on the canvas: the view, the patches painted so far, coarse beneath fine, the divider and the pixel grid.

const DEEPEST = 2 ** 36; // canvas pixels a pixel: beyond, doubles could not tell neighbors on the canvas apart
const FRAME = 40; // milliseconds that the first, coarse patch after a movement may take
const COARSEST = 64;
const GRID = 6; // canvas pixels a pixel, from which the grid's lines leave something to see

/** Where the middle of a canvas of width x height lies in the picture, and the canvas pixels a pixel of it takes. */
class View {
  constructor(picture) {
    this.picture = picture;
    [this.width, this.height] = [1, 1];
    this.fit();
  }

  get fitting() {
    return Math.min(this.width / this.picture.width, this.height / this.picture.height);
  }

  fit() {
    [this.x, this.y, this.scale] = [this.picture.width / 2, this.picture.height / 2, this.fitting];
    this.fitted = true;
  }

  /** Closer by `factor`, the place under the canvas pixel (left, top) staying there. */
  zoom(factor, left = this.width / 2, top = this.height / 2) {
    const low = Math.min(this.fitting, 1) / 2, scale = Math.min(Math.max(this.scale * factor, low), DEEPEST);
    const way = 1 / this.scale - 1 / scale;
    this.scale = scale;
    this.move(this.x + (left - this.width / 2) * way, this.y + (top - this.height / 2) * way);
  }

  /** By so many canvas pixels. */
  pan(right, down) {
    this.move(this.x - right / this.scale, this.y - down / this.scale);
  }

  /** By part of a canvas pixel, so that the picture's corner is one's corner: at 1x its pixels are then decode's. */
  align() {
    this.pan(Math.round(this.left(0)) - this.left(0), Math.round(this.top(0)) - this.top(0));
  }

  move(x, y) {
    this.x = Math.min(Math.max(x, 0), this.picture.width);
    this.y = Math.min(Math.max(y, 0), this.picture.height);
    this.fitted = false;
  }

  left(x) {
    return (x - this.x) * this.scale + this.width / 2;
  }

  top(y) {
    return (y - this.y) * this.scale + this.height / 2;
  }

  /** The part of the picture that is on the canvas, one sample a `block` of canvas pixels; null if there is none. */
  patch(block, snap) {
    const left = Math.max(0, Math.floor(this.left(0))), right = Math.min(this.width, Math.ceil(this.left(this.picture.width)));
    const top = Math.max(0, Math.floor(this.top(0))), bottom = Math.min(this.height, Math.ceil(this.top(this.picture.height)));
    const [columns, rows] = [Math.ceil((right - left) / block), Math.ceil((bottom - top) / block)];
    const x = this.x + (left + (columns * block) / 2 - this.width / 2) / this.scale;
    const y = this.y + (top + (rows * block) / 2 - this.height / 2) / this.scale;
    return columns > 0 && rows > 0 ? { x, y, step: block / this.scale, columns, rows, snap } : null;
  }
}

export class Stage {
  /** `onPainted(block, last)` hears of every patch painted, `onLost(error)` of a painter that cannot go on. */
  constructor(canvas, picture, painter, onPainted, onLost) {
    Object.assign(this, { canvas, picture, painter, onPainted, onLost });
    this.context = canvas.getContext("2d", { alpha: false });
    this.view = new View(picture);
    this.grid = false;
    this.divider = null; // or the part of the canvas, 0 to 1, left of it, which shows pixels enlarged
    this.sheets = { smooth: [], snapped: [] }; // {patch, image}, the finest last
    this.turn = 0;
  }

  /** The canvas is so large; what was in its middle stays there. */
  resize(width, height) {
    [this.canvas.width, this.canvas.height] = [this.view.width, this.view.height] = [width, height];
    if (this.view.fitted) this.view.fit();
    this.changed();
  }

  /** The view has changed: show what there is of it, and paint it anew, coarse to fine. */
  changed() {
    this.turn++;
    this.draw();
    this.refining ??= this.refine().finally(() => {
      this.refining = null;
      if (!this.closed && this.turn !== this.done) this.changed(); // with another painter
    });
  }

  async refine() {
    try {
      while (this.turn !== this.done) {
        const turn = this.turn;
        // The first patch is painted whatever happens, so that a slow machine shows something of every movement.
        const blocks = this.blocks();
        for (const [i, block] of blocks.entries()) {
          const wanted = () => !this.closed && (i === 0 || turn === this.turn);
          for (const side of this.divider === null ? ["smooth"] : ["smooth", "snapped"]) {
            if (wanted()) await this.paint(side, block, i === blocks.length - 1, wanted);
          }
          if (turn !== this.turn || !wanted()) break;
          this.onPainted(block, i === blocks.length - 1);
        }
        if (this.closed) return;
        if (turn === this.turn) this.done = turn;
      }
    } catch (error) {
      if (!this.closed) this.onLost(error);
    }
  }

  /** Sides of a sample in canvas pixels, from what can be had within a frame to the finest. */
  blocks() {
    const area = this.view.width * this.view.height, sides = this.divider === null ? 1 : 2, blocks = [];
    for (let block = COARSEST; block >= 1; block /= 2) {
      const samples = area / block ** 2;
      const quick = sides * this.painter.estimate(samples) < FRAME;
      if (samples > this.painter.most && blocks.length) break;
      if (quick) blocks.length = 0; // what is coarser need not be painted
      blocks.push(block);
    }
    return blocks;
  }

  async paint(side, block, last, wanted) {
    const patch = this.view.patch(block, side === "snapped");
    const image = patch && (await this.painter.paint(patch, wanted));
    if (!image) return;
    // What is coarser has served. What is finer, from before a movement, stays above the new patch until the last.
    const finer = this.sheets[side].filter((sheet) => !last && sheet.patch.step < patch.step);
    this.sheets[side] = [{ patch, image }, ...finer];
    this.draw();
  }

  draw() {
    const { context, view, picture } = this, { width, height } = view;
    const split = this.divider === null ? 0 : Math.round(this.divider * width);
    context.fillStyle = getComputedStyle(this.canvas).backgroundColor;
    context.fillRect(0, 0, width, height);
    context.imageSmoothingEnabled = false;
    for (const [sheets, from, to] of [[this.sheets.smooth, split, width], [this.sheets.snapped, 0, split]]) {
      if (to <= from) continue;
      const [left, right] = [Math.max(from, view.left(0)), Math.min(to, view.left(picture.width))];
      const [top, bottom] = [Math.max(0, view.top(0)), Math.min(height, view.top(picture.height))];
      if (right <= left || bottom <= top) continue;
      context.save();
      context.beginPath();
      context.rect(left, top, right - left, bottom - top);
      context.clip();
      for (const sheet of sheets) this.drawSheet(sheet);
      context.restore();
    }
    if (this.grid && view.scale >= GRID) this.drawGrid();
  }

  drawSheet({ patch, image }) {
    const { view } = this, size = patch.step * view.scale;
    let [left, top] = [view.left(patch.x) - (patch.columns * size) / 2, view.top(patch.y) - (patch.rows * size) / 2];
    // Of a patch from another depth only what is visible: canvases refuse rectangles of millions of pixels.
    const first = [left, top].map((edge) => Math.max(0, Math.floor(-edge / size)));
    const last = [[left, view.width, patch.columns], [top, view.height, patch.rows]].map(([edge, side, count]) => {
      return Math.min(count, Math.ceil((side - edge) / size));
    });
    const [columns, rows] = [last[0] - first[0], last[1] - first[1]];
    if (columns <= 0 || rows <= 0) return;
    [left, top] = [left + first[0] * size, top + first[1] * size];
    if (Math.abs(size - Math.round(size)) < 1e-9) [left, top] = [Math.round(left), Math.round(top)];
    this.context.drawImage(image, first[0], first[1], columns, rows, left, top, columns * size, rows * size);
  }

  drawGrid() {
    const { context, view, picture } = this;
    const lines = (from, to, most, draw) => {
      for (let i = Math.max(0, Math.ceil(from)); i <= Math.min(most, to); i++) draw(i);
    };
    const [top, bottom] = [Math.max(0, view.top(0)), Math.min(view.height, view.top(picture.height))];
    const [left, right] = [Math.max(0, view.left(0)), Math.min(view.width, view.left(picture.width))];
    context.beginPath();
    lines(view.x - view.width / 2 / view.scale, view.x + view.width / 2 / view.scale, picture.width, (x) => {
      context.moveTo(Math.round(view.left(x)) + 0.5, top);
      context.lineTo(Math.round(view.left(x)) + 0.5, bottom);
    });
    lines(view.y - view.height / 2 / view.scale, view.y + view.height / 2 / view.scale, picture.height, (y) => {
      context.moveTo(left, Math.round(view.top(y)) + 0.5);
      context.lineTo(right, Math.round(view.top(y)) + 0.5);
    });
    // Dark under light: seen on any color.
    for (const [style, width] of [["rgba(0,0,0,0.2)", 3], ["rgba(255,255,255,0.4)", 1]]) {
      [context.strokeStyle, context.lineWidth] = [style, width];
      context.stroke();
    }
  }

  close() {
    this.closed = true;
    this.painter.close();
  }
}
