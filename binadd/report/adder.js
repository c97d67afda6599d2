"use strict";
// The network in JavaScript, to the last bit: docs/arithmetic.md and binadd/kernels/arithmetic.py define
// each operation. JavaScript rounds every one to a double, and has no fused multiply-add; with `round` =
// Math.fround each is rounded to a float32 instead, which is exact: a double has more than twice the bits.

const ARITHMETIC = {
  float64: {
    round: (x) => x, accumulators: 8, limit: 708.39, magic: 1.5 * 2 ** 52 + 1023,
    ln2High: 6.93147180369123816490e-01, ln2Low: 1.90821492927058770002e-10,
    power: (n) => new DataView(new Uint32Array([0, (n + 1023) << 20]).buffer).getFloat64(0, true),
    exp: [0.5, 0.16666666666666666, 0.04166666666665136, 0.008333333333332155, 0.0013888888905881542,
      0.0001984126985433861, 2.4801536388690766e-05, 2.755728006701698e-06, 2.761380686153829e-07,
      2.5095554677111112e-08],
  },
  float32: {
    round: Math.fround, accumulators: 16, limit: 87.33, magic: 1.5 * 2 ** 23 + 127,
    ln2High: 0.693359375, ln2Low: -2.12194440e-4,
    power: (n) => new DataView(new Uint32Array([(n + 127) << 23]).buffer).getFloat32(0, true),
    exp: [0.5, 0.16666631400585175, 0.04166662320494652, 0.008357204496860504, 0.0013918719487264752],
  },
};

class Network {
  // Of `binadd.report`: hidden_size, operands, coefficients, activation, dtype and the weights by name.
  constructor(spec) {
    const k = ARITHMETIC[spec.dtype];
    Object.assign(this, spec, { f: k.round, accumulators: k.accumulators, magic: k.magic, power: k.power });
    for (const name of ["limit", "ln2High", "ln2Low"]) this[name] = k.round(k[name]);
    this.log2e = k.round(1.4426950408889634);
    this.exp = k.exp.map(k.round);
  }

  // P(r) by pairs
  polynomial(r, r2) {
    const { f, exp: c } = this;
    const pair = (i) => f(c[i] + f(c[i + 1] * r));
    if (c.length === 5) return f(pair(0) + f(f(pair(2) + f(c[4] * r2)) * r2));
    const r4 = f(r2 * r2);
    const high = f(f(pair(4) + f(pair(6) * r2)) + f(pair(8) * r4));
    return f(f(pair(0) + f(pair(2) * r2)) + f(high * r4));
  }

  // [s, s·q] with e⁻ˣ = s·(1 + q), s = 2ⁿ
  splitExp(x) {
    const { f } = this;
    const n = f(f(f(x * -this.log2e) + this.magic) - this.magic);
    const r = f(f(f(n * -this.ln2High) - x) - f(n * this.ln2Low));
    const r2 = f(r * r);
    const q = f(r + f(r2 * this.polynomial(r, r2)));
    const s = this.power(n);
    return [s, f(s * q)];
  }

  sigmoid(a) {
    const { f, limit } = this;
    if (a < -limit) return 0;
    const [s, sq] = this.splitExp(Math.min(a, limit));
    return f(1 / f(f(1 + s) + sq));
  }

  tanh(a) {
    const { f, limit } = this;
    const [s, sq] = this.splitExp(Math.min(f(2 * Math.abs(a)), limit));
    const value = f(f(f(1 - s) - sq) / f(f(1 + s) + sq));
    return a < 0 || Object.is(a, -0) ? -value : value;
  }

  // Terms are dealt to the accumulators in turn, missing ones being 0; then halves are added.
  sum(count, term) {
    const { f, accumulators } = this;
    const totals = new Float64Array(accumulators);
    const padded = Math.ceil(count / accumulators) * accumulators;
    for (let i = 0; i < padded; i++) {
      const value = i < count ? f(term(i)) : 0;
      totals[i % accumulators] = i < accumulators ? value : f(totals[i % accumulators] + value);
    }
    for (let half = accumulators / 2; half >= 1; half /= 2) {
      for (let i = 0; i < half; i++) totals[i] = f(totals[i] + totals[i + half]);
    }
    return totals[0];
  }

  // One step: from a state (null at the start) and the bits of the operands to {state, logit, probability, bit}
  step(state, bits) {
    const { f, weights: w, hidden_size: size } = this;
    const next = new Float64Array(size);
    for (let j = 0; j < size; j++) {
      let a = w.hidden_bias[j];
      for (let i = 0; i < bits.length; i++) a = f(a + (bits[i] ? w.input_weights[j][i] : 0));
      if (state) a = f(this.sum(size, (k) => w.hidden_weights[j][k] * state[k]) + a);
      next[j] = this[this.activation](a);
    }
    const logit = f(this.sum(size, (k) => w.output_weights[k] * next[k]) + w.output_bias);
    return { state: next, logit, probability: this.sigmoid(logit), bit: logit > 0 ? 1 : 0 };
  }

  // All steps of the form Σ cᵢxᵢ of BigInts, enough of them for its last carry and its sign
  add(numbers) {
    const longest = Math.max(...numbers.map((n) => (n ? n.toString(2).length : 0)));
    const length = Math.max(1, longest + this.carry_steps);
    const steps = [];
    for (let t = 0, state = null, carry = 0; t < length; t++) {
      const bits = numbers.map((n) => Number((n >> BigInt(t)) & 1n));
      const step = this.step(state, bits);
      const total = bits.reduce((a, b, i) => a + this.coefficients[i] * b, carry);
      steps.push({ ...step, bits, carry, expected: total & 1 });
      state = step.state;
      carry = Math.floor(total / 2);
    }
    return steps;
  }
}

if (typeof module !== "undefined") module.exports = { Network };
