// A .coin file's bytes to the picture's size and the network, refusing what coin_edu/bitstream.py refuses.

import { decompress } from "./entropy.js";

/** Something the reader of the page can put right; the message says what, expected, got, and what to do next. */
export class CoinError extends Error {}

const ACTIVATIONS = ["sine", "relu", "tanh", "gelu", "gauss"];
const CODINGS = ["floats", "tensor", "channel", "entropy"];
const HEADER = 36, CHECKSUM = 4;
const MAX_PIXELS = 2 ** 27, MAX_WEIGHTS = 2 ** 24, MAX_ENTROPY_WEIGHTS = 2 ** 20, MAX_FOURIER = 16;

// The longest file that can hold MAX_WEIGHTS, each with a step of its own: nothing longer is even loaded.
export const MAX_BYTES = 8 * MAX_WEIGHTS + HEADER + CHECKSUM;

const VERSIONS = [1, 2];

/**
 * What a file holds: {nBytes, version, width, height, label, coding, bits, firstBits, network}, where the network is
 * {activation, omegas, inputs, shapes, weights}: a factor for each hidden layer, what enters the first layer (see
 * network.js), each layer's [outputs, inputs], and float32 weights in the order W_0, b_0, W_1, b_1, ..., row by row.
 *
 * `pause` is awaited now and then: entropy-coded files may take a second.
 */
export async function readCoin(bytes, pause = async () => {}) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = String.fromCharCode(...bytes.subarray(0, 4));
  if (magic !== "COIN") {
    throw new CoinError(`this is no .coin file: it starts with ${JSON.stringify(magic)}, expected "COIN"`);
  }
  if (bytes.length < HEADER + CHECKSUM) {
    throw new CoinError(`truncated: a .coin file has at least ${HEADER + CHECKSUM} bytes, got ${bytes.length}`);
  }
  if (!VERSIONS.includes(bytes[4])) {
    const known = VERSIONS.join(" and ");
    throw new CoinError(`version ${bytes[4]} of the format; this page knows versions ${known}. Take a newer page`);
  }
  const { file, start, length } = readHeader(view);
  checkLengths(file, bytes.length, start, length);
  if (crc32(bytes.subarray(0, bytes.length - CHECKSUM)) !== view.getUint32(bytes.length - CHECKSUM, true)) {
    throw new CoinError("the checksum does not fit: the file was changed or damaged on its way; get it again");
  }
  const payload = new DataView(bytes.buffer, bytes.byteOffset + start, length);
  file.network.weights = await WEIGHTS[file.coding](payload, file, pause);
  return file;
}

function readHeader(view) {
  const [version, coding, bits, coordinates] = [4, 5, 6, 7].map((at) => view.getUint8(at));
  const [width, height] = [8, 12].map((at) => view.getUint32(at, true));
  const [depth, activation] = [16, 17].map((at) => view.getUint8(at));
  const units = view.getUint16(18, true);
  const [waves, outputs, firstBits, zero] = [20, 21, 22, 23].map((at) => view.getUint8(at));
  const [omega, omegaFirst] = [24, 28].map((at) => view.getFloat32(at, true));
  const integers = coding === 1 || coding === 2;
  const known = [
    coordinates === 1,
    activation < ACTIVATIONS.length,
    zero === 0,
    bits === 32 || bits === 16 || bits === 0 || (bits >= 2 && bits <= 8),
    coding < CODINGS.length,
    (coding === 0) === (bits > 8),
    (coding === 3) === (bits === 0),
    integers ? bits <= firstBits && firstBits <= 16 : firstBits === bits,
  ];
  if (!known.every(Boolean)) {
    throw new CoinError("a field of the header has a value this page does not know; the file is damaged or newer");
  }
  check("depth", depth, 1, 255);
  check("width", units, 1, 65535);
  check("frequencies of Fourier features", waves, 0, MAX_FOURIER);
  for (const value of [omega, omegaFirst]) {
    if (!(value > 1e-9 && value < 1e9)) throw new CoinError(`omega_0 must be from 1e-9 to 1e9, got ${value}`);
  }
  const { ratio, widths, start } = (version === 1 ? readLayers1 : readLayers2)(view, depth, units, waves);
  const label = widths.every((n) => n === units) ? `${depth}x${units}` : widths.join("-");
  const network = {
    activation: ACTIVATIONS[activation],
    omegas: Array.from({ length: depth }, (_, i) => (activation !== 0 ? 1 : i ? omega : omegaFirst)),
    // Computed in doubles and rounded to float32, as coin_edu.siren.fourier_features does.
    inputs: {
      coordinates: waves === 0,
      frequencies: Array.from({ length: waves }, (_, k) => Math.fround(Math.PI * ratio ** k)),
    },
    shapes: layerShapes(waves ? 4 * waves : 2, widths, outputs),
    weights: null,
  };
  const file = { nBytes: view.byteLength, version, width, height, label, coding: CODINGS[coding], bits, firstBits, network };
  return { file, start, length: view.getUint32(32, true) };
}

/** The ratio of neighboring frequencies, each hidden layer's units, and where the payload starts. */
function readLayers1(view, depth, units) {
  return { ratio: 2, widths: Array(depth).fill(units), start: HEADER };
}

/** The same of version 2, which has them after the header; what version 1 can say is refused. */
function readLayers2(view, depth, units, waves) {
  const start = HEADER + 4 + 2 * depth;
  if (view.byteLength < start + CHECKSUM) {
    throw new CoinError(`truncated: the widths of ${depth} layers are missing; get the file again`);
  }
  const ratio = view.getFloat32(HEADER, true);
  if (!(ratio > 1 && ratio <= 4 && ratio ** Math.max(waves - 1, 0) <= 2 ** 15)) {
    throw new CoinError(`the ratio of frequencies must be over 1 and at most 4, the highest at most 2^15, got ${ratio}`);
  }
  const widths = Array.from({ length: depth }, (_, i) => view.getUint16(HEADER + 4 + 2 * i, true));
  if (Math.min(...widths) < 1 || Math.max(...widths) !== units) {
    throw new CoinError(`widths are ${depth} numbers from 1, the largest ${units}, got ${widths.join("-")}`);
  }
  if (Math.min(...widths) === units && (ratio === 2 || !waves)) {
    throw new CoinError(`a ${depth}x${units} network belongs into a file of version 1; the file is damaged`);
  }
  return { ratio, widths, start };
}

/** [outputs, inputs] of each layer, from the numbers that enter the first, the hidden layers' units and the outputs. */
function layerShapes(inputs, units, outputs) {
  return [...units, outputs].map((n, i) => [n, i ? units[i - 1] : inputs]);
}

function check(name, value, low, high) {
  if (value < low || value > high) throw new CoinError(`${name} must be from ${low} to ${high}, got ${value}`);
}

/** Everything that the header says about sizes, before anything is allocated. */
function checkLengths(file, nBytes, start, length) {
  const { width, height, coding, bits, firstBits, network } = file;
  if (Math.min(width, height) < 1 || width * height > MAX_PIXELS) {
    throw new CoinError(`a picture has 1 to ${comma(MAX_PIXELS)} pixels, got ${width}x${height}`);
  }
  const n = countWeights(network.shapes), most = coding === "entropy" ? MAX_ENTROPY_WEIGHTS : MAX_WEIGHTS;
  if (n > most) throw new CoinError(`a network has at most ${comma(most)} weights, got ${comma(n)} (${file.label})`);
  const nFirst = countWeights(network.shapes.slice(0, 1));
  const steps = bits > 8 ? 0 : 4 * countSteps(network.shapes, coding);
  const payload = coding === "entropy" ? nBytes - start - CHECKSUM
    : steps + Math.ceil((nFirst * firstBits + (n - nFirst) * bits) / 8);
  if (nBytes !== start + length + CHECKSUM || length !== payload) {
    throw new CoinError(`a ${file.label} network at ${bits} bits makes a file of ${start + payload + CHECKSUM} bytes, ` +
      `its header says ${start + length + CHECKSUM}, got ${nBytes}; the file is truncated or damaged, get it again`);
  }
  const outputs = network.shapes.at(-1)[0];
  if (outputs !== 3) throw new CoinError(`this file has ${outputs} numbers a pixel; a picture has 3`);
}

export function countWeights(shapes) {
  return shapes.reduce((sum, [nOut, nIn]) => sum + nOut * (nIn + 1), 0);
}

/** How many runs of weights share a step. */
function countSteps(shapes, per) {
  return shapes.reduce((sum, [nOut]) => sum + (per === "channel" ? nOut : 1) + 1, 0);
}

/** The lengths of those runs: each matrix, or each of its rows, and each layer's biases. */
function runs(shapes, per) {
  return shapes.flatMap(([nOut, nIn]) => [...(per === "channel" ? Array(nOut).fill(nIn) : [nOut * nIn]), nOut]);
}

const WEIGHTS = { floats: readFloats, tensor: readIntegers, channel: readIntegers, entropy: readEntropy };

function readFloats(payload, file) {
  const size = file.bits / 8;
  const read = file.bits === 32 ? (at) => payload.getFloat32(at, true) : (at) => half(payload.getUint16(at, true));
  return Float32Array.from({ length: payload.byteLength / size }, (_, i) => read(i * size));
}

function readIntegers(payload, file) {
  const lengths = runs(file.network.shapes, file.coding);
  const steps = lengths.map((_, i) => checkedStep(payload.getFloat32(4 * i, true)));
  const weights = new Float32Array(countWeights(file.network.shapes));
  const nFirst = countWeights(file.network.shapes.slice(0, 1));
  let bit = 32 * steps.length, at = 0;
  lengths.forEach((length, run) => {
    const bits = at < nFirst ? file.firstBits : file.bits;
    for (let i = 0; i < length; i++, at++) {
      let number = 0;
      for (let b = 0; b < bits; b++, bit++) number = (number << 1) | ((payload.getUint8(bit >> 3) >> (7 - (bit & 7))) & 1);
      weights[at] = (number - 2 ** (bits - 1)) * steps[run];
    }
  });
  for (; bit < 8 * payload.byteLength; bit++) {
    if ((payload.getUint8(bit >> 3) >> (7 - (bit & 7))) & 1) {
      throw new CoinError("the padding after the weights is not zero; the file is damaged");
    }
  }
  return weights;
}

async function readEntropy(payload, file, pause) {
  const tensors = file.network.shapes.flatMap(([nOut, nIn]) => [[nOut, nIn], [1, nOut]]), size = 2 * tensors.length;
  if (payload.byteLength < size) {
    throw new CoinError(`truncated: ${tensors.length} steps take ${size} bytes, got ${payload.byteLength}`);
  }
  const steps = tensors.map((_, i) => checkedStep(half(payload.getUint16(2 * i, true))));
  const coded = new DataView(payload.buffer, payload.byteOffset + size, payload.byteLength - size);
  const integers = await decompress(coded, file.version, tensors, pause, (message) => new CoinError(message));
  const weights = new Float32Array(integers.length);
  let at = 0;
  tensors.forEach(([rows, columns], i) => {
    for (const stop = at + rows * columns; at < stop; at++) weights[at] = integers[at] * steps[i];
  });
  return weights;
}

function checkedStep(step) {
  if (step >= 0 && step < Infinity) return step;
  throw new CoinError("a quantization step is negative or not finite; the file is damaged, or the fit diverged");
}

/** A number of IEEE 754's half precision from its 16 bits. */
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction);
}

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

export function comma(number) {
  return number.toLocaleString("en-US");
}
