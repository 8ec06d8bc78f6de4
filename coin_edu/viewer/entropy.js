// Entropy-coded integers back from their bits, exactly as coin_edu/entropy.py and the constriction library have them.
//
// Both sides must agree on every probability to its last bit. Python takes them from decimal arithmetic of 24 digits,
// correctly rounded; here BigInt computes the same with digits to spare and rounds once, which gives the same numbers.
// Then come a cumulated table of doubles, whose every operation IEEE 754 fixes, and a range coder of 64-bit whole numbers.

const MAX_SCALE = 72, LARGEST = 2 ** 15 - 1, MAX_ENTRIES = 2 ** 17;
const PRECISION = 24n, MASK = 2n ** 64n - 1n, LOW = 2n ** 32n;
const SYMBOLS = 10000, EXPONENTIALS = 1000; // between two pauses: some 20 ms

/** The runs of integers, given how long each is; `error` makes what is thrown of a message. */
export async function decompress(view, lengths, pause, error) {
  const start = 3 * lengths.length;
  if (view.byteLength < start || (view.byteLength - start) % 4) {
    throw error(`${view.byteLength} bytes cannot hold ${lengths.length} entropy-coded runs; the file is damaged`);
  }
  const models = lengths.map((_, i) => ({ scale: view.getUint8(3 * i), most: view.getUint16(3 * i + 1, true) }));
  const entries = models.reduce((sum, { most }) => sum + 2 * most + 1, 0);
  const valid = models.every(({ scale, most }) => scale <= MAX_SCALE && most > 0 && most <= LARGEST);
  if (!valid || entries > MAX_ENTRIES) {
    throw error("the integers' Gaussians or tables are larger than any encoder makes them; get the file again");
  }
  const decoder = new RangeDecoder(view, start), decoded = [];
  for (const [i, model] of models.entries()) {
    const table = cumulated(await frequencies(model, pause)), run = new Int16Array(lengths[i]);
    for (let at = 0; at < run.length; at++) {
      if (at % SYMBOLS === 0) await pause();
      const symbol = decoder.next(table);
      if (symbol < 0) throw error("the entropy-coded weights are damaged; get the file again");
      run[at] = symbol - model.most;
    }
    decoded.push(run);
  }
  if (!decoder.exhausted()) throw error("bytes are left over after the entropy-coded weights; the file is damaged");
  return decoded;
}

/** constriction's RangeDecoder of 32-bit words and a 64-bit state. */
class RangeDecoder {
  constructor(view, start) {
    [this.view, this.at] = [view, start];
    [this.lower, this.range, this.point] = [0n, MASK, 0n];
    this.point = (this.word() << 32n) | this.word();
  }

  word() {
    if (this.at >= this.view.byteLength) return 0n;
    this.at += 4;
    return BigInt(this.view.getUint32(this.at - 4, true));
  }

  /** The next symbol's place in the table, -1 if these bits cannot be. */
  next(table) {
    const scale = this.range >> PRECISION;
    const quantile = Number(((this.point - this.lower) & MASK) / scale);
    if (quantile >= 2 ** 24) return -1;
    let low = 0, high = table.length - 1; // table[low] <= quantile < table[high]
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (table[middle] <= quantile) low = middle;
      else high = middle;
    }
    this.lower = (this.lower + scale * BigInt(table[low])) & MASK;
    this.range = scale * BigInt(table[high] - table[low]);
    if (this.range < LOW) {
      this.lower = (this.lower << 32n) & MASK;
      this.range = (this.range << 32n) & MASK;
      this.point = ((this.point << 32n) & MASK) | this.word();
    }
    return low;
  }

  /** Whether these may have been all symbols that the words hold. */
  exhausted() {
    return this.at >= this.view.byteLength &&
      (this.range === MASK || ((this.point - this.lower) & MASK) < 2n * LOW - 1n);
  }
}

/** The table of 24-bit cumulated probabilities, with 2^24 at its end: each symbol gets its share, and one more. */
function cumulated(numbers) {
  const scale = (2 ** 24 - numbers.length) / numbers.reduce((sum, number) => sum + number, 0);
  const table = new Uint32Array(numbers.length + 1);
  let sum = 0;
  numbers.forEach((number, i) => {
    table[i] = Math.floor(sum * scale) + i;
    sum += number;
  });
  table[numbers.length] = 2 ** 24;
  return table;
}

/** Whole numbers in proportion to the probabilities of -most ... most. */
async function frequencies({ scale, most }, pause) {
  const peak = 2n ** 20n >> BigInt(Math.max(0, Math.floor(scale / 4) - 3));
  const factor = squareRoot(rounded(2n ** 10n, 2n ** BigInt(scale))); // 1 / (2 sigma^2)
  const reach = Math.min(most, Math.ceil(6 * 2 ** (scale / 4 - 3)));
  const half = new Float64Array(most + 1).fill(1);
  for (let k = 0; k <= reach; k++) {
    if (k % EXPONENTIALS === EXPONENTIALS - 1) await pause();
    const power = exponential(rounded(BigInt(k * k) * factor.digits * tens(factor.exponent), tens(-factor.exponent)));
    // Python multiplies by the peak in its default context of 28 digits, then cuts off what follows the point.
    const { digits, exponent } = rounded(peak * power.digits, tens(-power.exponent), 28);
    half[k] = 1 + Number(digits * tens(exponent) / tens(-exponent));
  }
  return Float64Array.from({ length: 2 * most + 1 }, (_, i) => half[Math.abs(i - most)]);
}

/** numerator / denominator as {digits, exponent}, value digits * 10^exponent, so many digits, half to even. */
function rounded(numerator, denominator, count = 24) {
  if (numerator === 0n) return { digits: 0n, exponent: 0 };
  let exponent = numerator.toString().length - denominator.toString().length - count; // right, or one too small
  const quotient = () => [numerator * tens(-exponent), denominator * tens(exponent)];
  let [above, below] = quotient();
  if (above / below >= 10n ** BigInt(count)) {
    exponent++;
    [above, below] = quotient();
  }
  let digits = above / below;
  const twice = 2n * (above % below);
  if (twice > below || (twice === below && digits % 2n)) digits++;
  return { digits, exponent };
}

/** 10^power; 1 where the power is negative, whose other half then stands in a denominator. */
function tens(power) {
  return 10n ** BigInt(Math.max(0, power));
}

function squareRoot({ digits, exponent }) {
  // An even exponent and 60 digits more: the root's whole part then has more than 30 digits.
  const shift = exponent % 2 === 0 ? 60 : 61, number = digits * 10n ** BigInt(shift);
  let root = BigInt(Math.floor(Math.sqrt(Number(number)))), last = -1n;
  while (root !== last && root !== last + 1n) [root, last] = [(root + number / root) >> 1n, root];
  while (root * root > number) root--;
  while ((root + 1n) ** 2n <= number) root++;
  // What was cut off must not make a tie of what is none.
  const exact = root * root === number;
  const power = (exponent - shift) / 2;
  return rounded((10n * root + (exact ? 0n : 1n)) * tens(power - 1), tens(1 - power));
}

const FRACTION = 280n; // binary digits after the point

/** e^-x, rounded to 24 digits. */
function exponential({ digits, exponent }) {
  // e^-x = (e^-(x/2^8))^(2^8): the series of the small number ends soon.
  const small = (((digits << FRACTION) * tens(exponent)) / tens(-exponent)) >> 8n;
  let sum = 1n << FRACTION;
  for (let n = 1n, term = sum; term; n++) {
    term = ((term * small) >> FRACTION) / n;
    sum += n % 2n ? -term : term;
  }
  for (let i = 0; i < 8; i++) sum = (sum * sum) >> FRACTION;
  return rounded(sum, 1n << FRACTION);
}
