// Entropy-coded integers back from their bits, exactly as coin_edu/entropy.py and the constriction library have them.
//
// Both sides must agree on every probability to its last bit. Python takes them from decimal arithmetic of 24 digits,
// correctly rounded; here BigInt computes the same with digits to spare and rounds once, which gives the same numbers.
// Then come a cumulated table of doubles, whose every operation IEEE 754 fixes, and a range coder of 64-bit whole numbers.

const MAX_SCALE = 72, LARGEST = 2 ** 15 - 1, MAX_ENTRIES = 2 ** 17;
const PRECISION = 24n, MASK = 2n ** 64n - 1n, LOW = 2n ** 32n;
const SYMBOLS = 10000, EXPONENTIALS = 1000; // between two pauses: some 20 ms

/**
 * The integers of all tensors, one after the other, given each one's [rows, columns], a vector being one row.
 * `error` makes what is thrown of a message.
 */
export async function decompress(view, version, tensors, pause, error) {
  const { parts, start } = (version === 1 ? wholes : splits)(view, tensors, error);
  const entries = parts.reduce((sum, { most }) => sum + 2 * most + 1, 0);
  const valid = parts.every(({ scale, most }) => scale <= MAX_SCALE && most > 0 && most <= LARGEST);
  if (!valid || entries > MAX_ENTRIES) {
    throw error("the integers' Gaussians or tables are larger than any encoder makes them; get the file again");
  }
  if ((view.byteLength - start) % 4) {
    throw error(`${view.byteLength - start} bytes are no whole words of the range coder; the file is damaged`);
  }
  let spent = 0; // of the time until the next pause
  const spend = async (part) => {
    if ((spent += part) < 1) return;
    spent = 0;
    await pause();
  };
  await pause();
  const decoder = new RangeDecoder(view, start), tables = new Map();
  const integers = new Int16Array(tensors.reduce((sum, [rows, columns]) => sum + rows * columns, 0));
  for (const { scale, most, first, step, count } of parts) {
    const key = `${scale} ${most}`; // rows and columns share few tables
    if (!tables.has(key)) tables.set(key, cumulated(await frequencies(scale, most, spend)));
    const table = tables.get(key);
    for (let done = 0; done < count; ) {
      const stop = Math.min(done + SYMBOLS, count);
      await spend((stop - done) / SYMBOLS);
      for (; done < stop; done++) {
        const symbol = decoder.next(table);
        if (symbol < 0) throw error("the entropy-coded weights are damaged; get the file again");
        integers[first + done * step] = symbol - most;
      }
    }
  }
  if (!decoder.exhausted()) throw error("bytes are left over after the entropy-coded weights; the file is damaged");
  return integers;
}

/**
 * Version 1: a Gaussian of each tensor. What is so coded are parts {scale, most, first, step, count}: the Gaussian, and
 * where the integers lie among all.
 */
function wholes(view, tensors, error) {
  const start = 3 * tensors.length, parts = [];
  if (view.byteLength < start) throw short(view, tensors, error);
  tensors.reduce((first, [rows, columns], i) => {
    const scale = view.getUint8(3 * i), most = view.getUint16(3 * i + 1, true);
    parts.push({ scale, most, first, step: 1, count: rows * columns });
    return first + rows * columns;
  }, 0);
  return { parts, start };
}

/** Version 2: a Gaussian of each tensor, or of each of a matrix's rows or columns. */
function splits(view, tensors, error) {
  if (view.byteLength < 3 * tensors.length) throw short(view, tensors, error);
  let first = 0, start = 3 * tensors.length;
  const parts = tensors.flatMap(([rows, columns], i) => {
    const kind = view.getUint8(3 * i), most = view.getUint16(3 * i + 1, true), begin = first;
    if (kind > 2 || (kind && rows === 1)) throw error("the split of a matrix is none that there is; get the file again");
    const [n, step, count, apart] = [[1, 1, rows * columns, 0], [rows, 1, columns, columns], [columns, columns, rows, 1]][kind];
    first += rows * columns;
    if (view.byteLength < start + n) throw short(view, tensors, error);
    start += n;
    return Array.from({ length: n }, (_, k) => {
      return { scale: view.getUint8(start - n + k), most, first: begin + k * apart, step, count };
    });
  });
  return { parts, start };
}

function short(view, tensors, error) {
  return error(`${view.byteLength} bytes cannot hold ${tensors.length} entropy-coded tensors; the file is damaged`);
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
async function frequencies(scale, most, spend) {
  const peak = 2n ** 20n >> BigInt(Math.max(0, Math.floor(scale / 4) - 3));
  const factor = squareRoot(rounded(2n ** 10n, 2n ** BigInt(scale))); // 1 / (2 sigma^2)
  const reach = Math.min(most, Math.ceil(6 * 2 ** (scale / 4 - 3)));
  const half = new Float64Array(most + 1).fill(1);
  for (let k = 0; k <= reach; k++) {
    await spend(1 / EXPONENTIALS);
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
