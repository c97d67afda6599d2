"use strict";
// The network computes with the numbers that are typed in, a row for each step.
const network = new Network(JSON.parse(document.getElementById("network").textContent));
const MOST_BITS = 512;

(function () {
  const form = document.getElementById("sum");
  const inputs = [...form.querySelectorAll("input")];
  const [rows, answer, problem] = ["rows", "answer", "problem"].map((id) => document.getElementById(id));
  const order = JSON.parse(document.getElementById("order").textContent);
  const lowest = network.activation === "tanh" ? -1 : 0;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let timer = 0;

  // Dark for the lowest value, bright for the highest, in steps of equal lightness: "cividis", about.
  function colour(value) {
    const v = Math.min(1, Math.max(0, (value - lowest) / (1 - lowest)));
    const mix = (a, b) => Math.round(a + (b - a) * v);
    return `rgb(${mix(0, 254)},${mix(34, 232)},${mix(78, 56)})`;
  }

  function strip(state) {
    const share = 100 / order.length;
    const stops = order.map((unit, i) => {
      return `${colour(state[unit])} ${i * share}% ${(i + 1) * share}%`;
    });
    const bar = document.createElement("span");
    bar.className = "strip";
    bar.style.background = `linear-gradient(to right, ${stops.join(",")})`;
    bar.setAttribute("aria-hidden", "true");
    return bar;
  }

  function row(step, t) {
    const line = document.createElement("tr");
    const cells = [t, ...step.bits, step.carry, strip(step.state), step.probability.toFixed(3), step.bit];
    cells.forEach((content, i) => {
      const cell = document.createElement(i ? "td" : "th");
      if (!i) cell.scope = "row";
      cell.append(content);
      line.append(cell);
    });
    const wrong = step.bit !== step.expected;
    line.lastChild.className = wrong ? "wrong" : "right";
    if (wrong) line.lastChild.append(" wrong");
    return line;
  }

  function read(input) {
    const text = input.value.replace(/[\s_,]/g, "");
    const whole = /^(\d+|0[xX][0-9a-fA-F]+|0[bB][01]+)$/.test(text);
    const number = whole ? BigInt(text) : -1n;
    if (!whole) throw [input, `${input.labels[0].textContent}: type a whole number, such as 42, 0x2a or 0b101010.`];
    if (number.toString(2).length > MOST_BITS) {
      throw [input, `${input.labels[0].textContent}: the page shows numbers of up to ${MOST_BITS} bits.`];
    }
    return number;
  }

  function show(event) {
    if (event) event.preventDefault();
    clearInterval(timer);
    rows.replaceChildren();
    answer.textContent = problem.textContent = "";
    inputs.forEach((input) => ["aria-invalid", "aria-describedby"].forEach((name) => input.removeAttribute(name)));
    let numbers;
    try {
      numbers = inputs.map(read);
    } catch (reason) {
      if (!Array.isArray(reason)) throw reason;
      reason[0].setAttribute("aria-invalid", "true");
      reason[0].setAttribute("aria-describedby", "problem");
      reason[0].focus();
      problem.textContent = reason[1];
      return;
    }
    const steps = network.add(numbers);
    const bits = steps.reduce((total, step, t) => total + (BigInt(step.bit) << BigInt(t)), 0n);
    const said = network.signed ? BigInt.asIntN(steps.length, bits) : bits;
    const right = numbers.reduce((a, b, i) => a + BigInt(network.coefficients[i]) * b, 0n);
    let sentence = `${numbers.map((n, i) => network.written[i] + n).join("")} = ${said}`;
    sentence += said === right ? ": right." : `: wrong. It should be ${right}.`;
    const all = steps.map(row);
    let t = 0;
    function next() {
      if (t < all.length) rows.append(all[t++]);
      if (t === all.length) {
        clearInterval(timer);
        answer.textContent = sentence;
      }
    }
    if (!event || still.matches) {
      all.forEach(next);
    } else {
      timer = setInterval(next, Math.min(250, 4000 / all.length));
      next();
    }
  }

  form.addEventListener("submit", show);
  show();
})();
