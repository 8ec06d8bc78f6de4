// Painters evaluate the network on a patch of the plane, in slices short enough that the page never hangs.
//
// A patch is {x, y, step, columns, rows, snap}: its middle and the distance of its samples in pixels of the picture,
// how many samples, and whether each takes the color of the pixel that it lies in (nearest-neighbor enlargement).

import { comma } from "./file.js";
import { fragmentShader, VERTEX_SHADER } from "./shader.js";

const SLICE = 25; // milliseconds of work between two looks at the mouse
const FIRST = 2 ** 24; // multiplications in the first slice, when nothing is known of the machine's speed

/** Nothing, when the browser has done what else there was to do. */
export function breath() {
  return globalThis.scheduler?.postTask?.(() => {}, { priority: "background" }) ?? milliseconds();
}

/** A few milliseconds: browsers wait at least four, from the fifth time on. */
function milliseconds() {
  return new Promise((resolve) => setTimeout(resolve));
}

/** The best painter that there is here, and a word on why it is not the graphics card, else null. */
export function bestPainter(network, picture) {
  try {
    return [new GraphicsPainter(network, picture), null];
  } catch (error) {
    return [new PlainPainter(network, picture), `${error.message}: evaluated in plain JavaScript, on a small canvas`];
  }
}

/** What both have in common: slices, and the speed learned from them. */
class Painter {
  constructor(network, { width, height }) {
    this.network = network;
    this.middle = [width / 2, height / 2];
    this.unit = 2 / Math.max(width, height); // as coin_edu.image.axes: the longer side from -1 to 1
    this.speed = FIRST / SLICE; // multiplications a millisecond
  }

  /** Milliseconds that a patch of so many samples takes. */
  estimate(samples) {
    return (samples * this.network.products) / this.speed;
  }

  /** The patch as a canvas; null once `wanted(samples painted so far)` is false. */
  async paint(patch, wanted = () => true) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [patch.columns, patch.rows];
    const context = canvas.getContext("2d");
    this.begin(patch, this.network.rows((patch.x - this.middle[0]) * this.unit, (patch.y - this.middle[1]) * this.unit));
    let samples = 0;
    for (const box of this.boxes(patch)) {
      const begin = performance.now(), products = box[2] * box[3] * this.network.products;
      samples += box[2] * box[3];
      await this.slice(patch, box, context);
      const spent = performance.now() - begin;
      // A slice far too short says little but of the clock and the queue.
      if (spent > 2 || products > this.speed) this.speed = 0.5 * this.speed + (0.5 * products) / Math.max(spent, 1);
      if (!wanted(samples)) return null;
    }
    this.end(context);
    return canvas;
  }

  /** Boxes [left, top, width, height] that cover the patch, each one slice: whole rows, or parts of one. */
  *boxes({ columns, rows }) {
    for (let top = 0; top < rows; ) {
      const samples = Math.max(1, Math.floor((this.speed * SLICE) / this.network.products));
      const height = Math.min(Math.floor(samples / columns), rows - top);
      if (height) yield [0, top, columns, height];
      else for (let left = 0; left < columns; left += samples) yield [left, top, Math.min(samples, columns - left), 1];
      top += height || 1;
    }
  }
}

/** Where WebGL2 or memory is missing: the same numbers. */
export class PlainPainter extends Painter {
  most = 2 ** 18; // samples that a canvas is given at the most

  begin(patch, rows) {
    this.colors = this.network.evaluator(rows);
  }

  async slice({ x, y, step, columns, rows, snap }, [left, top, width, height], context) {
    const image = context.createImageData(width, height);
    const place = (middle, offset) => (snap ? Math.floor(middle + offset) + 0.5 - middle : offset) * this.unit;
    const dxs = Float64Array.from({ length: width }, (_, i) => place(x, (left + i + 0.5 - columns / 2) * step));
    for (let j = 0; j < height; j++) {
      image.data.set(this.colors(dxs, place(y, (top + j + 0.5 - rows / 2) * step)), 4 * width * j);
    }
    context.putImageData(image, left, top);
    await breath();
  }

  end() {}

  close() {}
}

/** WebGL2: the network in a fragment shader, its weights in a float texture. */
export class GraphicsPainter extends Painter {
  most = 2 ** 22;

  constructor(network, picture) {
    super(network, picture);
    this.canvas = document.createElement("canvas");
    // Kept from slice to slice, which may lie in different frames.
    const options = { alpha: false, antialias: false, depth: false, preserveDrawingBuffer: true };
    const gl = (this.gl = this.canvas.getContext("webgl2", options));
    if (!gl) throw new Error("this browser has no WebGL2");
    try {
      const { precision } = gl.getShaderPrecisionFormat(gl.FRAGMENT_SHADER, gl.HIGH_FLOAT);
      if (precision < 23) throw new Error(`shaders here have ${precision} bits of precision, 23 are needed`);
      if (network.widest > WIDEST) throw new Error(`layers of over ${comma(WIDEST)} units are too wide for a shader`);
      this.side = Math.min(gl.getParameter(gl.MAX_TEXTURE_SIZE), ...gl.getParameter(gl.MAX_VIEWPORT_DIMS));
      this.build(network);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  build(network) {
    const { gl } = this;
    this.program = gl.createProgram();
    for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX_SHADER], [gl.FRAGMENT_SHADER, fragmentShader(network)]]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
      this.log = gl.getShaderInfoLog(shader);
    }
    gl.linkProgram(this.program);
    if (!gl.getProgramParameter(this.program, gl.LINK_STATUS)) {
      throw new Error(`the shader does not compile here (${gl.getProgramInfoLog(this.program) || this.log})`);
    }
    gl.useProgram(this.program);
    this.textures = [0, 1, 2].map(() => gl.createTexture());
    const { texels, table } = packed(network);
    this.texture(0, "weights", gl.RGBA32F, gl.RGBA, gl.FLOAT, texels);
    this.texture(1, "table", gl.RGBA32I, gl.RGBA_INTEGER, gl.INT, table);
    gl.uniform1i(this.uniform("depth"), network.layers.length);
    gl.uniform1i(this.uniform("nRows"), Math.ceil(network.nRows / 4));
    if (gl.getError()) throw new Error("the graphics card has no room for this network");
  }

  uniform(name) {
    return this.gl.getUniformLocation(this.program, name);
  }

  /** Numbers, four a texel, WIDTH texels a row, as the texture of that name and unit. */
  texture(unit, name, internal, format, type, numbers) {
    const { gl } = this, height = Math.ceil(numbers.length / 4 / WIDTH);
    if (height > this.side || WIDTH > this.side) throw new Error("the network is too large for a texture");
    const padded = new numbers.constructor(4 * WIDTH * height);
    padded.set(numbers);
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, this.textures[unit]);
    for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, filter, gl.NEAREST);
    gl.texImage2D(gl.TEXTURE_2D, 0, internal, WIDTH, height, 0, format, type, padded);
    gl.uniform1i(this.uniform(name), unit);
  }

  begin({ x, y, step, columns, rows, snap }, places) {
    const { gl } = this;
    if (gl.isContextLost()) throw new Error("the graphics card was taken away");
    [this.canvas.width, this.canvas.height] = [columns, rows];
    if (gl.drawingBufferWidth < columns || gl.drawingBufferHeight < rows) throw new Error("no memory for this canvas");
    gl.viewport(0, 0, columns, rows);
    gl.enable(gl.SCISSOR_TEST);
    this.texture(2, "places", gl.RGBA32F, gl.RGBA, gl.FLOAT, packedRows(places));
    gl.uniform2f(this.uniform("middle"), columns / 2, rows / 2);
    gl.uniform1f(this.uniform("stride"), step);
    gl.uniform1f(this.uniform("unit"), this.unit);
    gl.uniform1i(this.uniform("snap"), snap ? 1 : 0);
    // From the nearest corner of a pixel, so that corners stay exact however deep the zoom.
    gl.uniform2f(this.uniform("corner"), x - Math.round(x), y - Math.round(y));
  }

  async slice({ rows }, [left, top, width, height]) {
    const { gl } = this;
    gl.scissor(left, rows - top - height, width, height);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    do await milliseconds();
    while (!gl.isContextLost() && gl.clientWaitSync(fence, 0, 0) === gl.TIMEOUT_EXPIRED);
    gl.deleteSync(fence);
    if (gl.isContextLost()) throw new Error("the graphics card was taken away");
  }

  end(context) {
    context.drawImage(this.canvas, 0, 0);
  }

  close() {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

const WIDTH = 1024; // of the textures, in texels; the shader knows it too
const WIDEST = 1024; // units of a layer: each sample keeps two layers' numbers

/** Weights in 4x4 blocks, in the order in which the shader needs them, and where each layer's begin. */
function packed({ layers }) {
  const four = (n) => Math.ceil(n / 4);
  const sizes = layers.map(({ nIn, nOut }) => four(nOut) * (4 * four(nIn) + 1));
  const texels = new Float32Array(4 * sizes.reduce((sum, size) => sum + size, 0));
  const table = new Int32Array(4 * layers.length);
  let at = 0;
  layers.forEach(({ nIn, nOut, weights, biases, last }, layer) => {
    table.set([at, four(nIn), four(nOut), last ? 1 : 0], 4 * layer);
    for (let o = 0; o < nOut; o++) {
      const block = 4 * (at + (o >> 2) * (4 * four(nIn) + 1)) + (o & 3);
      texels[block] = biases[o];
      for (let i = 0; i < nIn; i++) texels[block + 4 * (i + 1)] = weights[o * nIn + i];
    }
    at += sizes[layer];
  });
  return { texels, table };
}

/** Four rows as four texels: their bases, their xs, their ys, their kinds. */
function packedRows(rows) {
  const numbers = new Float32Array(16 * Math.ceil(rows.length / 4));
  rows.forEach((row, i) => row.forEach((number, k) => { numbers[16 * (i >> 2) + 4 * k + (i & 3)] = number; }));
  return numbers;
}
