// The network's function in plain JavaScript, in the form that the shader evaluates as well.
//
// Deep zoom stays exact because no coordinate is ever handed on as such. What enters the first sines is linear in the
// place: W (c + d) = W c + W d, c the middle of the patch that is painted, d the way from there. W c is computed here,
// in doubles, and reduced modulo 2 pi before anything is rounded to float32; d is as small as the patch.
//
// A network so becomes a list of `rows`, each {base, x, y, kind}: kind(base + x dx + y dy); then layers, each
// {nIn, nOut, weights, biases, last}. Without Fourier features the rows are the first hidden layer's units, with them
// the features. Every hidden layer may have a width of its own.

export const IDENTITY = 0;
export const SINE = 1;
export const ACTIVATION = 2;

export class Network {
  /** Of what `readCoin` gives as `network`. */
  constructor({ activation, omegas, inputs, shapes, weights }) {
    this.activation = activation;
    this.layers = [];
    let at = 0;
    shapes.forEach(([nOut, nIn], i) => {
      // omega_0 is multiplied into the weights, and rounded, as coin_edu.siren.evaluate does.
      const omega = i < omegas.length ? omegas[i] : 1, times = (weight) => omega * weight;
      const matrix = weights.subarray(at, at + nOut * nIn).map(times);
      const biases = weights.subarray(at + nOut * nIn, at + nOut * (nIn + 1)).map(times);
      this.layers.push({ nIn, nOut, weights: matrix, biases, last: i === omegas.length });
      at += nOut * (nIn + 1);
    });
    this.features = inputs.frequencies.length ? featureRows(inputs) : null;
    if (!this.features) this.first = this.layers.shift();
    this.nRows = this.features ? this.features.length : this.first.nOut;
    this.widest = Math.max(this.nRows, ...this.layers.map(({ nOut }) => nOut));
    this.products = this.nRows * 3 + this.layers.reduce((sum, { nIn, nOut }) => sum + (nIn + 1) * nOut, 0);
  }

  /** The rows around the place (x, y): [base, x, y, kind] each, the base in doubles modulo 2 pi before a sine. */
  rows(x, y) {
    const rows = this.features || Array.from(this.first.biases, (bias, i) => {
      return [bias, this.first.weights[2 * i], this.first.weights[2 * i + 1], ACTIVATION];
    });
    const sine = (kind) => kind === SINE || (kind === ACTIVATION && this.activation === "sine");
    return rows.map(([base, wx, wy, kind]) => {
      const z = base + wx * x + wy * y;
      return [sine(kind) ? z - 2 * Math.PI * Math.round(z / (2 * Math.PI)) : z, wx, wy, kind];
    });
  }

  /**
   * The function of a line of places (dxs[i], dy), ways from the place that the rows are around: red, green, blue, 0 to
   * 255, and 255 of each, one after the other.
   */
  evaluator(rows) {
    const apply = FUNCTIONS[this.activation], kinds = [(z) => z, Math.sin, apply];
    let a = new Float64Array(ABREAST * (this.widest + 1)), b = a.slice(); // number i of sample s at ABREAST i + s
    return (dxs, dy) => {
      const colors = new Uint8ClampedArray(4 * dxs.length).fill(255);
      for (let first = 0; first < dxs.length; first += ABREAST) {
        rows.forEach(([base, x, y, kind], i) => {
          for (let s = 0; s < ABREAST; s++) a[ABREAST * i + s] = kinds[kind](base + x * dxs[first + s] + y * dy);
        });
        for (const layer of this.layers) {
          affine(layer, a, b);
          if (!layer.last) for (let i = 0; i < ABREAST * layer.nOut; i++) b[i] = apply(b[i]);
          const swapped = a;
          a = b;
          b = swapped;
        }
        for (let i = 0; i < 3 * ABREAST; i++) {
          // What is not a number, as a hostile file's weights may give, is black, as `decode` has it.
          const color = a[i] > 0 ? Math.round(255 * Math.min(a[i], 1)) : 0;
          colors[4 * (first + (i % ABREAST)) + Math.floor(i / ABREAST)] = color;
        }
      }
      return colors;
    };
  }
}

const ABREAST = 4; // samples evaluated together

/** W a + b into `sums`. Two outputs of four samples at a time: each number read is used more than once. */
function affine({ nIn, nOut, weights, biases }, a, sums) {
  for (let o = 0; o < nOut; o += 2) {
    const next = Math.min(o + 1, nOut - 1); // an odd last output is computed twice, and the second is not used
    let p0 = biases[o], p1 = p0, p2 = p0, p3 = p0;
    let q0 = biases[next], q1 = q0, q2 = q0, q3 = q0;
    for (let i = 0, at = 0, p = o * nIn, q = next * nIn; i < nIn; i++, at += ABREAST, p++, q++) {
      const w = weights[p], v = weights[q], a0 = a[at], a1 = a[at + 1], a2 = a[at + 2], a3 = a[at + 3];
      p0 += w * a0, p1 += w * a1, p2 += w * a2, p3 += w * a3;
      q0 += v * a0, q1 += v * a1, q2 += v * a2, q3 += v * a3;
    }
    const at = ABREAST * o;
    [sums[at], sums[at + 1], sums[at + 2], sums[at + 3]] = [p0, p1, p2, p3];
    [sums[at + 4], sums[at + 5], sums[at + 6], sums[at + 7]] = [q0, q1, q2, q3];
  }
}

/** x and y themselves, if they are inputs, then sin f x of every frequency, sin f y, cos f x, cos f y. */
function featureRows({ coordinates, frequencies }) {
  const waves = (phase) => [...frequencies.map((f) => [phase, f, 0, SINE]), ...frequencies.map((f) => [phase, 0, f, SINE])];
  const themselves = coordinates ? [[0, 1, 0, IDENTITY], [0, 0, 1, IDENTITY]] : [];
  return [...themselves, ...waves(0), ...waves(Math.PI / 2)];
}

/** The error function to 1.5e-7: Abramowitz and Stegun 1964, 7.1.26. The shader has the same. */
function erf(z) {
  const t = 1 / (1 + 0.3275911 * Math.abs(z));
  const tail = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(z) * (1 - tail * Math.exp(-z * z));
}

const FUNCTIONS = {
  sine: Math.sin,
  relu: (z) => (z < 0 ? 0 : z),
  tanh: Math.tanh,
  gelu: (z) => 0.5 * z * (1 + erf(z * Math.SQRT1_2)),
  gauss: (z) => Math.exp(-z * z),
};
