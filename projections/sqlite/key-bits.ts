/** Sets of keys as bits, and sorted lists of numbers as bytes (Rice coding of the differences). Pure. */

/** Calls `each` with every key of the set, rising. */
export function eachKey(set: Uint32Array, each: (key: number) => void): void {
  for (let place = 0; place < set.length; place++) {
    let rest = set[place] as number;
    while (rest !== 0) {
      const bit = 31 - Math.clz32(rest & -rest);
      each(place * 32 + bit);
      rest &= rest - 1;
    }
  }
}

export function countKeys(set: Uint32Array): number {
  let count = 0;
  for (let place = 0; place < set.length; place++) {
    let v = set[place] as number;
    v -= (v >>> 1) & 0x55555555;
    v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
    count += Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return count;
}

/** 4 bytes count and parameter, then for each number the difference to the one before: unary quotient, then the rest. */
const HEAD_BYTES = 4;

/** How many low bits of each difference are written as they are. */
function parameter(universe: number, count: number): number {
  return Math.max(0, Math.min(22, Math.floor(Math.log2((0.69 * universe) / Math.max(1, count)))));
}

/**
 * The set as bytes.
 * @param universe one more than the largest key there can be.
 */
export function encodeSet(set: Uint32Array, universe: number): Uint8Array {
  const count = countKeys(set);
  const k = parameter(universe, count);
  // Quotients add up to at most universe >> k, one stop bit and k bits come with each number.
  const out = new Uint8Array(HEAD_BYTES + ((count * (k + 1) + (universe >>> k) + 7) >>> 3) + 4);
  out[0] = count & 255;
  out[1] = (count >>> 8) & 255;
  out[2] = (count >>> 16) & 255;
  out[3] = k;
  let at = HEAD_BYTES * 8;
  let before = -1;
  eachKey(set, (key) => {
    const difference = key - before - 1;
    before = key;
    at += difference >>> k;
    out[at >>> 3] = (out[at >>> 3] as number) | (1 << (at & 7));
    at++;
    let rest = difference & ((1 << k) - 1);
    for (let left = k; left > 0; ) {
      const room = 8 - (at & 7);
      out[at >>> 3] = (out[at >>> 3] as number) | ((rest << (at & 7)) & 255);
      const step = Math.min(room, left);
      rest >>>= step;
      at += step;
      left -= step;
    }
  });
  return out.subarray(0, (at + 7) >>> 3);
}

/** Calls `each` with every number that {@link encodeSet} was given, rising, until it answers false. */
export function decodeSet(bytes: Uint8Array, each: (key: number) => boolean): void {
  const count = (bytes[0] as number) | ((bytes[1] as number) << 8) | ((bytes[2] as number) << 16);
  const k = bytes[3] as number;
  let at = HEAD_BYTES * 8;
  let key = -1;
  for (let n = 0; n < count; n++) {
    let quotient = 0;
    for (;;) {
      const ahead = (bytes[at >>> 3] as number) >>> (at & 7);
      if (ahead !== 0) {
        const zeros = 31 - Math.clz32(ahead & -ahead);
        quotient += zeros;
        at += zeros + 1;
        break;
      }
      const skipped = 8 - (at & 7);
      quotient += skipped;
      at += skipped;
    }
    let rest = 0;
    for (let got = 0; got < k; ) {
      const step = Math.min(8 - (at & 7), k - got);
      rest |= (((bytes[at >>> 3] as number) >>> (at & 7)) & ((1 << step) - 1)) << got;
      got += step;
      at += step;
    }
    key += ((quotient << k) | rest) + 1;
    if (!each(key)) return;
  }
}
