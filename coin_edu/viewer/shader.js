// The network as a fragment shader (GLSL ES 3.00): one run of `main` is one sample of the picture.
//
// Floats are highp, 32 bits, which WebGL2 promises. A phone's mediump has 11 bits of precision: angles of 30 come in
// steps of 1/64, and beyond 4x the samples of a row of 768 pixels fall on the same places. docs/viewer.md has figures.

import { ACTIVATION, SINE } from "./network.js";

// One triangle that covers the canvas.
export const VERTEX_SHADER = `#version 300 es
void main() {
  gl_Position = vec4(gl_VertexID == 1 ? 3 : -1, gl_VertexID == 2 ? 3 : -1, 0, 1);
}`;

// The built-in sine may be off by 2^-11 (Vulkan's promise), and ten layers with omega_0 = 30 make much of that. So z is
// brought to [-pi/2, pi/2], pi subtracted in three parts (Cody and Waite 1980), and the sine is a polynomial: off by
// 1.2e-7 at most up to angles of 200. An angle beyond all measure, in a hostile file, gives some number, not infinity.
const SINE_GLSL = `
vec4 sine(vec4 z) {
  vec4 n = floor(z * 0.31830988618379067 + 0.5);
  vec4 r = ((z - n * 3.140625) - n * 9.67502593994140625e-4) - n * 1.509957990978376432e-7;
  r = clamp(r, -1.6, 1.6);
  vec4 s = r * r;
  vec4 p = r + r * s * (-1.66666571e-1 + s * (8.33301729e-3 + s * (-1.98066152e-4 + s * 2.60005471e-6)));
  return p * (1.0 - 2.0 * (n - 2.0 * floor(0.5 * n)));
}`;

const GLSL = {
  sine: "return sine(z);",
  relu: "return max(z, 0.0);",
  tanh: "return tanh(clamp(z, -10.0, 10.0));", // some cards compute it from exponentials, which overflow
  gelu: `
  vec4 u = z * 0.7071067811865476, t = 1.0 / (1.0 + 0.3275911 * abs(u));
  vec4 tail = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return 0.5 * z * (1.0 + sign(u) * (1.0 - tail * exp(-u * u)));`,
  gauss: "return exp(-z * z);",
};

/** The shader for networks of this activation and greatest width; layers' sizes come in a table. */
export function fragmentShader({ activation, widest }) {
  return `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp isampler2D;

uniform sampler2D weights; // of each four outputs: a texel of biases, then one for each input
uniform sampler2D places; // of each four rows: a texel of bases, one of xs, one of ys, one of kinds
uniform isampler2D table; // of each layer: where its weights begin, its inputs / 4, its outputs / 4, whether it is the last
uniform int depth, nRows;
uniform vec2 middle, corner; // of the canvas, in samples; of the nearest pixel from the middle, in pixels
uniform float stride, unit; // pixels a sample, coordinates a pixel
uniform bool snap;
out vec4 color;

vec4 texel(sampler2D numbers, int i) {
  return texelFetch(numbers, ivec2(i & 1023, i >> 10), 0);
}
${SINE_GLSL}
vec4 activation(vec4 z) {
  ${GLSL[activation]}
}

void main() {
  vec2 d = (gl_FragCoord.xy - middle) * vec2(stride, -stride);
  if (snap) d = floor(corner + d) + 0.5 - corner;
  d *= unit;

  vec4 a[${Math.ceil(widest / 4)}], b[${Math.ceil(widest / 4)}];
  for (int i = 0; i < nRows; i++) {
    vec4 z = texel(places, 4 * i) + texel(places, 4 * i + 1) * d.x + texel(places, 4 * i + 2) * d.y;
    vec4 kind = texel(places, 4 * i + 3);
    vec4 waves = mix(z, sine(z), equal(kind, vec4(${SINE}.0)));
    a[i] = mix(waves, activation(z), equal(kind, vec4(${ACTIVATION}.0)));
  }
  for (int layer = 0; layer < depth; layer++) {
    ivec4 size = texelFetch(table, ivec2(layer, 0), 0);
    int at = size.x;
    for (int o = 0; o < size.z; o++) {
      vec4 z = texel(weights, at++);
      for (int i = 0; i < size.y; i++, at += 4) {
        z += mat4(texel(weights, at), texel(weights, at + 1), texel(weights, at + 2), texel(weights, at + 3)) * a[i];
      }
      b[o] = size.w == 1 ? z : activation(z);
    }
    for (int o = 0; o < size.z; o++) a[o] = b[o];
  }
  // What is not a number is black, as in coin_edu.decode; only what is greater than zero is so compared.
  vec3 f = a[0].rgb;
  color = vec4(mix(vec3(0), floor(255.0 * min(f, 1.0) + 0.5) / 255.0, greaterThan(f, vec3(0))), 1);
}`;
}
