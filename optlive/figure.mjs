// One live figure: optimizers that the reader moves by hand.
//
// Python (optlive) writes the whole figure as HTML: legend, still pictures, sliders, words and
// the data as JSON. This module draws the pictures anew, in the same boxes, so that they answer.
// Rules and problems come as JavaScript made from the Python ones; no formula of theirs is here.

// ---------------------------------------------------------------- what is computed

// Takes in JavaScript text of an object, returns the object.
const revive = (text) => new Function(`return ${text}`)();

// Takes in a figure's data. Returns it with its rules and its problem as objects. It goes first:
// a page that forbids scripts made from text, or a rule that is no JavaScript, throws here.
function revived(data) {
  const { rule, problem, task, lines = [] } = data;
  return {
    ...data,
    ...(rule && { rule: revive(rule) }),
    ...(problem && { problem: revive(problem) }),
    ...(task && { task: unpacked(task) }),
    lines: lines.map(({ rule, schedule, ...rest }) =>
      ({ ...rest, ...(rule && { rule: revive(rule) }), ...(schedule && { schedule: revive(schedule) }) })),
  };
}

// Takes in a rule, a problem, a start, a number of steps, hyper-parameters and settings.
// Returns the points visited, and at each the state, and the loss and the gradient that the next
// step sees, t = 0 ... steps. Only an online problem takes notice of the number of that step.
export function run(rule, problem, start, steps, hyper, settings) {
  let theta = [...start];
  let states = theta.map((x) => rule.init(x));
  const points = [], losses = [], gradients = [], memory = [];
  for (let t = 0; t <= steps; t++) {
    points.push(theta);
    losses.push(problem.loss(theta, settings, t + 1));
    memory.push(states);
    const at = theta.map((x, i) => rule.at(x, states[i], hyper));
    const g = problem.grad(at, settings, t + 1);
    gradients.push(g);
    const moved = theta.map((x, i) => rule.step(x, g[i], states[i], t + 1, hyper));
    theta = moved.map(([x]) => x);
    states = moved.map(([, state]) => state);
  }
  return { points, losses, gradients, memory };
}

// Takes in a run, the name of a slot, the problem and its settings. Returns the run with the slot in
// the parameters' place.
export function within({ memory, ...rest }, slot, problem, settings) {
  const points = memory.map((states) => states.map((state) => state[slot]));
  return { ...rest, memory, points, losses: points.map((point) => problem.loss(point, settings)) };
}

// Takes in the name of a quantity, the names of the coordinates and a run.
// Returns the quantity at t = 0 ... steps, NaN where it has no value; see live.signals.
export function signal(name, coordinates, { points, losses, gradients, memory }) {
  const i = coordinates.indexOf(name);
  if (i >= 0) return points.map((point) => point[i]);
  const seen = (values) => values.map((_, t) => (t ? values[t - 1] : NaN));
  const g = seen(gradients.map(([first]) => first));
  const move = points.map(([x], t) => (t ? x - points[t - 1][0] : NaN));
  switch (name) {
    case "g": return g;
    case "move": return move;
    case "rate": return move.map((x, t) => (g[t] === 0 ? NaN : -x / g[t]));
    case "loss": return seen(losses);
    default: return memory.map(([state]) => state[name]);
  }
}

// Takes in base64 and the class of a typed array. Returns that array.
const unpack = (text, Kind = Uint8Array) =>
  new Kind(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);

// Takes in a figure's task. Returns it with its numbers as typed arrays.
export function unpacked({ levels, train, test, start, batches, ...rest }) {
  const part = ({ inputs, targets }) =>
    ({ inputs: Float64Array.from(unpack(inputs), (level) => levels[level]), targets: unpack(targets) });
  return {
    ...rest, train: part(train), test: part(test),
    start: unpack(start, Float64Array), batches: unpack(batches, Uint16Array),
  };
}

// Takes in the units of a network of one hidden layer, optlab.tasks.MLP. Returns a function of the
// parameters, a part of the data and the numbers of examples, which gives their mean cross-entropy,
// and fills an array with its gradient if there is one.
function network([inputs, hidden, classes]) {
  const b1 = inputs * hidden, w2 = b1 + hidden, b2 = w2 + hidden * classes;
  const units = new Float64Array(hidden), scores = new Float64Array(classes);
  return (theta, part, rows, gradient) => {
    gradient?.fill(0);
    let sum = 0;
    for (const row of rows) {
      const first = row * inputs, target = part.targets[row];
      for (let j = 0; j < hidden; j++) units[j] = theta[b1 + j];
      for (let i = 0; i < inputs; i++) {
        const x = part.inputs[first + i];
        for (let j = 0, w = i * hidden; j < hidden; j++) units[j] += x * theta[w + j];
      }
      for (let k = 0; k < classes; k++) scores[k] = theta[b2 + k];
      for (let j = 0; j < hidden; j++) {
        units[j] = Math.max(units[j], 0);
        for (let k = 0; k < classes; k++) scores[k] += units[j] * theta[w2 + j * classes + k];
      }
      const top = Math.max(...scores), total = scores.reduce((a, s) => a + Math.exp(s - top), 0);
      sum += top + Math.log(total) - scores[target];
      if (!gradient) continue;
      for (let k = 0; k < classes; k++) {
        scores[k] = (Math.exp(scores[k] - top) / total - (k === target)) / rows.length;
        gradient[b2 + k] += scores[k];
      }
      for (let j = 0; j < hidden; j++) {
        if (!units[j]) continue;
        let back = 0;
        for (let k = 0; k < classes; k++) {
          const at = w2 + j * classes + k;
          gradient[at] += units[j] * scores[k];
          back += theta[at] * scores[k];
        }
        gradient[b1 + j] += back;
        for (let i = 0; i < inputs; i++) gradient[i * hidden + j] += part.inputs[first + i] * back;
      }
    }
    return sum / rows.length;
  };
}

// Takes in an unpacked task, a rule, its hyper-parameters and the rate of each step. Returns a
// training that is carried on step by step: `losses` on the test part so far, one each `every`
// steps and one at the end, whether it is `done`, and `step`.
export function training(task, rule, hyper, rates) {
  const { train, test, start, batches, batch, every } = task;
  const loss = network(task.units), all = Array.from(test.targets, (_, row) => row);
  const theta = start.slice(), gradient = new Float64Array(theta.length);
  const states = Array.from(theta, (x) => rule.init(x));
  const losses = [loss(theta, test, all)];
  let t = 0;
  return {
    losses,
    done: () => t === rates.length,
    step() {
      loss(theta, train, batches.subarray(t * batch, (t + 1) * batch), gradient);
      const now = { ...hyper, lr: rates[t] };
      t += 1;
      theta.forEach((x, i) => { [theta[i], states[i]] = rule.step(x, gradient[i], states[i], t, now); });
      if (t % every === 0 || t === rates.length) losses.push(loss(theta, test, all));
    },
  };
}

// Takes in numbers. Returns the ends of an axis that shows all of them that can be drawn.
export function extent(values, log) {
  const drawn = values.filter((value) => Number.isFinite(value) && (value > 0 || !log));
  if (!drawn.length) return log ? { min: 0.1, max: 1 } : { min: -1, max: 1 };
  const high = Math.max(...drawn), low = Math.max(Math.min(...drawn), log ? 1e-16 * high : -Infinity);
  if (log) {
    // At least a decade, so that a power of ten is in sight.
    const room = Math.max(1.5, Math.sqrt((11 * low) / high));
    return { min: low / room, max: high * room };
  }
  const size = Math.max(-low, high);
  // What differs by rounding alone is a constant.
  const room = high - low > 1e-9 * size ? 0.08 * (high - low) : 0.5 * size || 1;
  return { min: low - room, max: high + room };
}

// Takes in a rule of at most one slot and the curvature h of a quadratic, on which the rule is linear.
// Returns of its matrix, found by stepping the unit vectors: the rate (largest |eigenvalue|) and
// `steady`, which is negative where an eigenvalue is complex or negative.
export function response(rule, curvature, hyper) {
  const [slot] = rule.slots;
  const image = (theta, m) => {
    const state = slot ? { [slot]: m } : {};
    const g = curvature * rule.at(theta, state, hyper);
    const [next, after] = rule.step(theta, g, state, 1, hyper);
    return [next, slot ? after[slot] : 0];
  };
  const [a, c] = image(1, 0);
  const [b, d] = slot ? image(0, 1) : [0, 0];
  const trace = a + d, determinant = a * d - b * c;
  const discriminant = trace ** 2 - 4 * determinant;
  const rate = discriminant < 0
    ? Math.sqrt(determinant)
    : (Math.abs(trace) + Math.sqrt(discriminant)) / 2;
  return { rate, steady: slot ? Math.min(discriminant, determinant, trace) : trace };
}

// Returns the region of a response: the word for what the run does.
export const region = ({ rate, steady }) =>
  rate > 1 + 1e-12 ? "divergent" : steady < 0 ? "oscillating" : "monotone";

// Takes in numbers on a grid, row by row, and a level.
// Returns closed rings around the area where the numbers are <= level, in grid units
// (marching squares; outside of the grid counts as above the level).
export function rings(field, columns, rows, level) {
  // A grid one wider on every side, so that each ring is closed.
  const width = columns + 2, size = width * (rows + 2);
  const height = new Float64Array(size).fill(Infinity), inside = new Uint8Array(size);
  for (let j = 0; j < rows; j++) {
    for (let i = 0; i < columns; i++) {
      const here = (j + 1) * width + i + 1;
      height[here] = field[j * columns + i];
      inside[here] = height[here] <= level;
    }
  }
  // Where the ring crosses a side of a cell, from the end inside to the end outside.
  const point = (from, to) => {
    const part = (level - height[from]) / (height[to] - height[from]) || 0;
    const place = (k) => [(k % width) - 1, Math.floor(k / width) - 1];
    const [[x0, y0], [x1, y1]] = [place(from), place(to)];
    return [x0 + part * (x1 - x0), y0 + part * (y1 - y0)];
  };
  const next = new Map(), points = new Map();
  for (let here = 0; here < size - width; here++) {
    const corners = [here, here + 1, here + width + 1, here + width];
    const sum = inside[here] + inside[here + 1] + inside[here + width + 1] + inside[here + width];
    if (sum === 0 || sum === 4) continue;
    // Around the cell: where the ring leaves the area, it goes on to where it enters it again.
    for (let side = 0; side < 4; side++) {
      const [from, to] = [corners[side], corners[(side + 1) % 4]];
      if (!inside[from] || inside[to]) continue;
      let back = (side + 1) % 4;
      while (inside[corners[back]] || !inside[corners[(back + 1) % 4]]) back = (back + 1) % 4;
      const [out, into] = [corners[back], corners[(back + 1) % 4]];
      next.set(from * size + to, into * size + out);
      points.set(from * size + to, point(from, to));
    }
  }
  const found = [];
  for (const first of next.keys()) {
    const ring = [];
    for (let key = first; next.has(key);) {
      ring.push(points.get(key));
      const after = next.get(key);
      next.delete(key);
      key = after;
    }
    found.push(ring);
  }
  return found;
}

// ---------------------------------------------------------------- numbers in words

const raise = (power) => [...String(power)].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("");

// Three significant digits, as optlive writes them.
export function format(value) {
  if (value === null || Number.isNaN(value)) return "none";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const power = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  if (power >= -3 && power < 5) return String(Number(value.toPrecision(3))).replace("-", "−");
  const [digits, exponent] = value.toExponential(2).split("e");
  return `${String(Number(digits)).replace("-", "−")}×10${raise(Number(exponent))}`;
}

const escape = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const spread = (low, high, count) =>
  Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));

// ---------------------------------------------------------------- drawing

// Takes in an axis {min, max, log} and the pixels it runs between.
// Returns the map from values to pixels, with its inverse and its ticks [value, label].
function scale({ min, max, log }, from, to) {
  const [low, high] = log ? [Math.log10(min), Math.log10(max)] : [min, max];
  const map = (value) =>
    clamp(from + (((log ? Math.log10(value) : value) - low) / (high - low)) * (to - from), -1e4, 1e4);
  map.invert = (pixel) => {
    const u = low + ((pixel - from) / (to - from)) * (high - low);
    return log ? 10 ** u : u;
  };
  map.ticks = () => {
    const room = Math.max(2, Math.abs(to - from) / 50);
    const multiples = (step) => {
      const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
      return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
    };
    if (log) {
      const powers = multiples(Math.ceil((high - low) / room));
      const plain = low >= -3 && high < 4;
      const word = (value, p) => [value, plain ? String(Number(value.toPrecision(1))) : `10${raise(p)}`];
      // With few powers in sight, 2 and 5 times them too.
      if (plain && high - low < room / 3) {
        return [1, 2, 5].flatMap((n) => [...multiples(1), Math.ceil(low) - 1].map((p) => word(n * 10 ** p)))
          .filter(([value]) => value >= min * 0.999 && value <= max * 1.001);
      }
      return powers.map((p) => word(10 ** p, p));
    }
    const rough = (high - low) / room, power = 10 ** Math.floor(Math.log10(rough));
    return multiples(power * [1, 2, 5, 10].find((n) => n * power >= rough * 0.999))
      .map((value) => [value, String(Number(value.toPrecision(6))).replace("-", "−")]);
  };
  return map;
}

// Takes in the box that holds a still picture. Returns a plot in its place: `frame` sets the axes,
// `paint` fills a layer, and x and y map values to pixels.
function makePlot(box, id) {
  box.innerHTML = `<svg><clipPath id="${id}"><rect/></clipPath><g aria-hidden="true">` +
    `<g clip-path="url(#${id})"><g class="back"></g></g><g class="axes"></g>` +
    `<g clip-path="url(#${id})"><g class="front"></g></g></g><g class="hands"></g></svg>`;
  const svg = box.firstChild, keys = {};
  const plot = {
    id,
    svg,
    measure() {
      [plot.width, plot.height] = [box.clientWidth, box.clientHeight];
      svg.setAttribute("viewBox", `0 0 ${plot.width} ${plot.height}`);
      // The inner frame: room for tick labels and for the axes' names.
      Object.assign(plot, { left: 46, right: plot.width - 14, top: 24, bottom: plot.height - 40 });
      const [w, h] = [plot.right - plot.left, plot.bottom - plot.top];
      // Marks on the frame are seen whole.
      const room = { x: plot.left - 6, y: plot.top - 6, width: w + 12, height: h + 12 };
      for (const [name, value] of Object.entries(room)) {
        svg.querySelector("rect").setAttribute(name, Math.max(0, value));
      }
    },
    frame(x, y) {
      plot.x = scale(x, plot.left, plot.right);
      plot.y = scale(y, plot.bottom, plot.top);
      const { left, right, top, bottom } = plot;
      plot.paint("axes", JSON.stringify([x, y, plot.width, plot.height]), () =>
        plot.x.ticks().map(([value, label]) =>
          `<path class="grid" d="M${plot.x(value)},${top}V${bottom}"/>` +
          `<text x="${plot.x(value)}" y="${bottom + 16}" text-anchor="middle">${label}</text>`).join("") +
        plot.y.ticks().map(([value, label]) =>
          `<path class="grid" d="M${left},${plot.y(value)}H${right}"/>` +
          `<text x="${left - 6}" y="${plot.y(value) + 4}" text-anchor="end">${label}</text>`).join("") +
        `<text class="name" x="${(left + right) / 2}" y="${bottom + 34}" text-anchor="middle">${escape(x.label)}</text>` +
        `<text class="name" x="4" y="14">${escape(y.label)}</text>`);
    },
    // A layer is made again only when its key has changed.
    paint(layer, key, make) {
      if (keys[layer] === key) return;
      keys[layer] = key;
      svg.querySelector(`.${layer}`).innerHTML = make();
    },
  };
  plot.measure();
  return plot;
}

// Pixel path through values; it breaks where a value is missing.
function line(plot, xs, ys) {
  let pen = "M";
  return xs.map((x, i) => {
    const here = Number.isFinite(ys[i]) && Number.isFinite(x);
    const command = here ? `${pen}${plot.x(x).toFixed(1)},${plot.y(ys[i]).toFixed(1)}` : "";
    pen = here ? "L" : "M";
    return command;
  }).join("");
}

// The line's mark at each of the values; `shape` is a path that begins where the pen is.
const marks = (plot, shape, xs, ys) =>
  xs.map((x, i) => (Number.isFinite(ys[i]) ? `${line(plot, [x], [ys[i]])}${shape}` : "")).join("");

// Takes in values of a line at t = 0 ... and the step chosen. Returns its drawing, faint after it.
// At step 0 nothing is drawn but the start: the reader is asked what will come.
function trace(plot, { shape, big }, k, xs, ys, step) {
  const every = Math.ceil((xs.length - 1) / 40);
  const some = xs.map((_, t) => t).filter((t) => t % every === 0 && t < step);
  const to_come = step ? line(plot, xs.slice(step), ys.slice(step)) : "";
  return `<g class="s${k}"><path class="line faint" d="${to_come}"/>` +
    `<path class="line" d="${line(plot, xs.slice(0, step + 1), ys.slice(0, step + 1))}"/>` +
    `<path class="mark" d="${marks(plot, shape, some.map((t) => xs[t]), some.map((t) => ys[t]))}"/>` +
    `<path class="mark big" d="${marks(plot, big, [xs[step]], [ys[step]])}"/></g>`;
}

// An arrow between two points in pixels, nothing if it is too short to be seen.
function arrow(name, [x0, y0], [x1, y1]) {
  const length = Math.hypot(x1 - x0, y1 - y0);
  if (!(length > 3)) return "";
  const [u, v] = [(x1 - x0) / length, (y1 - y0) / length], head = Math.min(10, length * 0.6);
  const [bx, by] = [x1 - head * u, y1 - head * v], half = head * 0.45;
  return `<g class="arrow ${name}"><path class="shaft" d="M${x0},${y0}L${bx},${by}"/>` +
    `<path class="head" d="M${x1},${y1}L${bx - half * v},${by + half * u}L${bx + half * v},${by - half * u}Z"/></g>`;
}

// Takes in numbers on a square grid that fills the plot, and a level. Returns, in pixels, the rings
// around the area where they are <= level; `area` is the path of such rings.
const outlines = (plot, field, count, level) => rings(field, count, count, level).map((ring) =>
  ring.map(([i, j]) => [
    plot.left + (i / (count - 1)) * (plot.right - plot.left),
    plot.bottom - (j / (count - 1)) * (plot.bottom - plot.top),
  ]));
const area = (found) =>
  found.map((ring) => `M${ring.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L")}Z`).join("");

// A point that is dragged, or moved by the arrow keys (Shift: ten times as far; Home: back).
// Takes in the plot, its name, and functions: `get` its place in values, `set` to move it there,
// `reset`, and `say` its place in words; `upright` if it moves up and down alone. Returns a function
// that puts it where `get` says.
function hand(plot, name, { get, set, reset, say, upright = false }) {
  const layer = plot.svg.querySelector(".hands");
  layer.insertAdjacentHTML("beforeend",
    `<g class="hand" role="slider" tabindex="0" aria-label="${escape(name)}" ` +
    `aria-orientation="${upright ? "vertical" : "horizontal"}"><circle class="reach" r="23"/>` +
    `<circle class="focus" r="13"/><circle class="knob" r="8"/><circle class="dot" r="2.5"/></g>`);
  const g = layer.lastChild;
  const move = (px, py) => set(
    plot.x.invert(clamp(px, plot.left, plot.right)),
    plot.y.invert(clamp(py, plot.top, plot.bottom)),
  );
  const pixel = () => { const [x, y] = get(); return [plot.x(x), plot.y(y)]; };
  let grip = null;
  g.addEventListener("pointerdown", (event) => {
    // Only the main button or the first finger: others open a menu, paste, or zoom.
    if (event.button !== 0 || !event.isPrimary) return;
    g.setPointerCapture(event.pointerId);
    const [x, y] = pixel();
    grip = { id: event.pointerId, x: x - event.clientX, y: y - event.clientY };
  });
  g.addEventListener("pointermove", (event) => {
    if (grip?.id === event.pointerId) move(event.clientX + grip.x, event.clientY + grip.y);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    g.addEventListener(end, (event) => { if (grip?.id === event.pointerId) grip = null; });
  }
  g.addEventListener("keydown", (event) => {
    const [left, right] = upright ? [[0, 1], [0, -1]] : [[-1, 0], [1, 0]];
    const way = { ArrowLeft: left, ArrowRight: right, ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way && event.key !== "Home") return;
    event.preventDefault();
    if (!way) return reset();
    const far = (event.shiftKey ? 0.1 : 0.01) * (plot.right - plot.left);
    const [x, y] = pixel();
    move(x + far * way[0], y + far * way[1]);
  });
  return () => {
    const [x, y] = pixel();
    g.setAttribute("transform", `translate(${x},${y})`);
    const [low, high, now] = upright
      ? [plot.y.invert(plot.bottom), plot.y.invert(plot.top), get()[1]]
      : [plot.x.invert(plot.left), plot.x.invert(plot.right), get()[0]];
    for (const [key, value] of Object.entries({ valuemin: low, valuemax: high, valuenow: now })) {
      g.setAttribute(`aria-${key}`, Number(value.toPrecision(3)));
    }
    g.setAttribute("aria-valuetext", say());
  };
}

// A value as exact as the eye and the sentence need it: a thousandth of the axis.
const tidy = (value, extent) => {
  const unit = 10 ** Math.floor(Math.log10(extent / 500));
  return Number((Math.round(value / unit) * unit).toPrecision(12));
};

// ---------------------------------------------------------------- the map

// The problem's settings and a line's hyper-parameters, as the sliders have them.
const settingsOf = ({ problem }, state) =>
  Object.fromEntries(Object.entries(problem.settings).map(([n, v]) => [n, state[n] ?? v]));
const hyperOf = ({ rule, hyper }, state) => ({ ...rule.hyper, ...state, ...hyper });

// Takes in a figure's data and the state. Returns a loss far above anything in the window: a run
// that comes there has left for good.
function horizon({ problem, window }, state) {
  const corner = window.map(([low]) => low), settings = settingsOf({ problem }, state);
  return 1000 * Math.max(problem.loss(state.start, settings), problem.loss(corner, settings));
}

// Takes in a line's label, its losses, what is too far and the step chosen. Returns its fate in words.
function fate(label, losses, far, step) {
  const gone = losses.findIndex((loss) => !(loss <= far));
  return `${label}: ` + (gone >= 0 ? `diverges at step ${gone}` : `loss ${format(losses[step])} at step ${step}`);
}

// The loss of a problem in a window, with the start as a hand. Takes in the plot, the figure's
// data, the state and `change`. Returns a function that draws it: it takes in the name of the
// vertical axis, a key for what lies on top, and `paint`, which makes that from the function
// that gives a run's height at each step.
function ground(plot, data, state, change) {
  const { problem, window } = data;
  const flat = state.start.length === 1;
  const first = [...state.start];
  const settings = () => settingsOf(data, state);
  const place = hand(plot, `start, on ${problem.name}`, {
    get: () => (flat ? [state.start[0], problem.loss(state.start, settings())] : state.start),
    set: (x, y) => {
      const extent = window[0][1] - window[0][0];
      state.start = (flat ? [x] : [x, y]).map((value) => tidy(value, extent));
      change();
    },
    reset: () => { state.start = [...first]; change(); },
    say: () => state.start.map((value, i) => `${data.coordinates[i]} = ${format(value)}`).join(", "),
  });

  // Axes: the window, widened so that one unit is as long along x as along y.
  function frame(title) {
    const [[x0, x1], [y0, y1] = [0, 0]] = window;
    if (flat) {
      const heights = spread(x0, x1, 201).map((x) => problem.loss([x], settings()));
      const [low, high] = [Math.min(...heights), Math.max(...heights)];
      plot.frame({ min: x0, max: x1, label: data.coordinates[0] },
        { min: low - 0.06 * (high - low), max: high, label: title });
      return heights;
    }
    const unit = Math.max((x1 - x0) / (plot.right - plot.left), (y1 - y0) / (plot.bottom - plot.top));
    const around = (a, b, pixels) => [(a + b - unit * pixels) / 2, (a + b + unit * pixels) / 2];
    const [left, right] = around(x0, x1, plot.right - plot.left);
    const [low, high] = around(y0, y1, plot.bottom - plot.top);
    plot.frame({ min: left, max: right, label: data.coordinates[0] }, { min: low, max: high, label: title });
  }

  function back(heights) {
    const key = JSON.stringify([settings(), plot.width, plot.height]);
    if (flat) {
      const xs = spread(...window[0], 201);
      return plot.paint("back", key, () => `<path class="curve" d="${line(plot, xs, heights)}"/>`);
    }
    plot.paint("back", key, () => {
      const count = 65;
      const xs = spread(plot.x.invert(plot.left), plot.x.invert(plot.right), count);
      const ys = spread(plot.y.invert(plot.bottom), plot.y.invert(plot.top), count);
      const now = settings(), field = ys.flatMap((y) => xs.map((x) => problem.loss([x, y], now)));
      const sorted = Float64Array.from(field).sort();
      return spread(0.5, 9.5, 10).reverse().map((i) => {
        const level = sorted[Math.floor((i / 10) ** 1.5 * (sorted.length - 1))];
        return `<path class="level" d="${area(outlines(plot, field, count, level))}"/>`;
      }).join("");
    });
  }

  // A run's line on the map.
  const path = (look, k, { points, losses }) =>
    trace(plot, look, k, points.map(([x]) => x), flat ? losses : points.map(([, y]) => y), state.step);

  return (title, front) => {
    back(frame(title));
    plot.paint("front", JSON.stringify([state, plot.width]), () => {
      const [x, y = problem.loss([x], settings())] = problem.minimum;
      return `<path class="goal" d="${marks(plot, "m-5,0h10m-5,-5v10", [x], [y])}"/>${front(path)}`;
    });
    place();
  };
}

// ---------------------------------------------------------------- the views
// Each takes in the data, the plots, the state that sliders, switches and hands change, `change`,
// to call after a change, and the figure. It returns a function that draws the state and returns
// the lines of words.

const views = { paths, signals, switches, plane, curves, studio };

function paths(data, plots, state, change) {
  const { problem, lines } = data;
  const flat = state.start.length === 1;
  const maps = (data.lookahead ? plots : plots.slice(0, 1)).map((plot) => ground(plot, data, state, change));

  // The step that leaves the point at the chosen t, in its two parts: what it would be with no
  // gradient, and what the gradient adds; and the point where that gradient is taken.
  function parts(plot, line, { points, memory }) {
    const { rule } = line, hyper = hyperOf(line, state);
    const theta = points[state.step], states = memory[state.step];
    const at = theta.map((x, i) => rule.at(x, states[i], hyper));
    const g = problem.grad(at, settingsOf(data, state));
    const to = (gradient) => theta.map((x, i) => rule.step(x, gradient[i], states[i], state.step + 1, hyper)[0]);
    const pixel = ([x, y]) => [plot.x(x), plot.y(y)];
    const [here, coast, end, look] = [theta, to(theta.map(() => 0)), to(g), at].map(pixel);
    return arrow("momentum", here, coast) + arrow("gradient", coast, end) +
      `<circle class="look" cx="${look[0]}" cy="${look[1]}" r="6"/>`;
  }

  return () => {
    const settings = settingsOf(data, state);
    const runs = lines.map((l) => {
      const one = run(l.rule, problem, state.start, data.steps, hyperOf(l, state), settings);
      return l.slot ? within(one, l.slot, problem, settings) : one;
    });
    const far = horizon(data, state);
    if (data.lookahead) {
      maps.forEach((map, k) => map(lines[k].label, (path) =>
        path({ ...lines[k], big: "" }, k, runs[k]) + parts(plots[k], lines[k], runs[k])));
    } else {
      maps[0](flat ? "loss" : data.coordinates[1], (path) => runs.map((r, k) => path(lines[k], k, r)).join(""));
      const plot = plots[1];
      const kept = runs.map(({ losses }) => losses).filter((losses) => losses.every((loss) => loss <= far));
      const first = runs[0].losses[0];
      const high = Math.max(...kept.flat(), kept.length < runs.length ? 100 * first : first) || 1;
      const low = Math.max(Math.min(high / 100, ...kept.flat().filter((loss) => loss > 0)), high * 1e-16);
      plot.frame({ min: 0, max: data.steps, label: "step" },
        { min: low / 1.5, max: high * 1.5, log: true, label: "loss" });
      overSteps(plot, data, state, runs.map(({ losses }) => losses.map((loss) => Math.max(loss, 1e-300))));
    }
    return runs.map(({ losses }, k) => fate(lines[k].label, losses, far, state.step));
  };
}

// Draws each line's values over the steps, with the step chosen.
function overSteps(plot, data, state, values) {
  const ts = spread(0, data.steps, data.steps + 1);
  plot.paint("front", JSON.stringify([state, plot.width]), () =>
    `<path class="now" d="M${plot.x(state.step)},${plot.top}V${plot.bottom}"/>` +
    values.map((ys, k) => trace(plot, data.lines[k], k, ts, ys, state.step)).join(""));
}

function signals(data, plots, state) {
  return () => {
    const runs = data.lines.map((l) =>
      run(l.rule, data.problem, data.start, data.steps, hyperOf(l, state), settingsOf(data, state)));
    const shown = data.show.map(({ name }) => runs.map((r) => signal(name, data.coordinates, r)));
    plots.forEach((plot, n) => {
      const { label, log } = data.show[n];
      plot.frame({ min: 0, max: data.steps, label: "step" }, { ...extent(shown[n].flat(), log), log, label });
      overSteps(plot, data, state, shown[n].map((ys) => ys.map((y) => (y > 0 || !log ? y : NaN))));
    });
    return data.lines.map(({ label }, k) => {
      const values = data.show.map(({ word }, n) => `${word} ${format(shown[n][k][state.step])}`);
      return `${label}: ${values.join(", ")} at step ${state.step}`;
    });
  };
}

function switches(data, [plot], state, change, root) {
  const map = ground(plot, data, state, change);
  const formulas = [...root.querySelectorAll(".formula")];
  return () => {
    const now = data.lines[state.on], before = data.lines[state.before];
    formulas.forEach((formula, k) => formula.classList.toggle("off", k !== state.on));
    // What the last switch brought.
    [...formulas[state.on].querySelectorAll("li")].forEach((row, n) =>
      row.classList.toggle("new", !before.equations.includes(now.equations[n])));
    const here = run(now.rule, data.problem, state.start, data.steps, hyperOf(now, state), settingsOf(data, state));
    map(state.start.length === 1 ? "loss" : data.coordinates[1], (path) => path(now, 0, here));
    return [fate(now.label, here.losses, horizon(data, state), state.step)];
  };
}

function plane(data, [plot, side], state, change) {
  const { rule, x, y } = data;
  const first = [state[x.name], state[y.name]];
  const curvatures = (values) => (values.kappa ? [1, values.kappa] : [values.curvature]);
  // The slowest curvature decides the rate, and one that oscillates is enough to oscillate.
  const judge = (values) => {
    const each = curvatures(values).map((h) => response(rule, h, values));
    return each.reduce((a, b) => ({ rate: Math.max(a.rate, b.rate), steady: Math.min(a.steady, b.steady) }));
  };
  const inWords = () =>
    `${x.symbol} = ${format(state[x.name])}, ${y.symbol} = ${format(state[y.name])}`;
  const place = hand(plot, `${x.label} and ${y.label}`, {
    get: () => [state[x.name], state[y.name]],
    set: (px, py) => {
      state[x.name] = tidy(px, x.max - x.min);
      state[y.name] = tidy(py, y.max - y.min);
      change();
    },
    reset: () => { [state[x.name], state[y.name]] = first; change(); },
    say: inWords,
  });

  function regions() {
    const count = 81;
    const xs = spread(x.min, x.max, count), ys = spread(y.min, y.max, count);
    const values = { ...state };
    const answers = ys.flatMap((py) => xs.map((px) => {
      [values[x.name], values[y.name]] = [px, py];
      return judge(values);
    }));
    const inside = (field, level) => outlines(plot, field, count, level);
    const rates = answers.map((a) => a.rate);
    const bent = answers.map((a) => Math.max(a.rate - 1, -a.steady));
    const labels = [[plot.x(first[0]), plot.y(first[1])]];
    const write = (kind, text, px, py) => {
      labels.push([px, py]);
      return `<text class="${kind}" x="${px}" y="${py + 4}" text-anchor="middle">${text}</text>`;
    };
    const name = (word) => {
      const taken = [(first[0] - x.min) / (x.max - x.min), (first[1] - y.min) / (y.max - y.min)];
      const spot = roomiest(answers.map((a) => region(a) === word), count, plot, word.length * 8, 18,
        taken.map((part) => part * (count - 1)));
      return spot ? write("region", word, plot.x(xs[spot[0]]), plot.y(ys[spot[1]])) : "";
    };
    const names = ["monotone", "oscillating", "divergent"].map(name).join("");
    // The number of a rate stands on its line, where it is farthest from everything else.
    const levels = data.rates.map((rate) => inside(rates, rate));
    const numbers = levels.map((level, k) => {
      const spots = level.flat(), others = levels.filter((l) => l !== level).flat(2).filter((_, n) => n % 4 === 0);
      const room = ([px, py]) => Math.min(px - plot.left, plot.right - px, py - plot.top, plot.bottom - py,
        ...others.concat(labels.map(([qx, qy]) => [(px + qx) / 2, qy])).map(([qx, qy]) => Math.hypot(px - qx, py - qy)));
      const rooms = spots.map(room), best = Math.max(...rooms);
      return best > 8 ? write("number", format(data.rates[k]), ...spots[rooms.indexOf(best)]) : "";
    }).join("");
    const all = `M${plot.left},${plot.top}H${plot.right}V${plot.bottom}H${plot.left}Z`;
    const hatched = (word, d) => `<path class="${word}" d="${d}"/><path style="fill:url(#${plot.id}-${word})" d="${d}"/>`;
    const pattern = (word, d) =>
      `<pattern id="${plot.id}-${word}" width="8" height="8" patternUnits="userSpaceOnUse"><path class="hatch" d="${d}"/></pattern>`;
    return pattern("divergent", "M0,0L8,8M8,0L0,8") + pattern("oscillating", "M0,4H8") +
      hatched("divergent", all) + hatched("oscillating", area(inside(rates, 1 + 1e-12))) +
      `<path class="monotone" d="${area(inside(bent, 0))}"/>` +
      levels.map((level) => `<path class="rate" d="${area(level)}"/>`).join("") + names + numbers;
  }

  return () => {
    plot.frame(x, y);
    const others = Object.entries(state).filter(([name]) => name !== x.name && name !== y.name);
    plot.paint("back", JSON.stringify([others, plot.width, plot.height]), regions);
    place();
    const ts = spread(0, data.steps, data.steps + 1);
    const runs = curvatures(state).map((h) => {
      const bowl = { loss: ([theta]) => (h * theta ** 2) / 2, grad: ([theta]) => [h * theta] };
      return run(rule, bowl, [1], data.steps, state);
    });
    side.frame({ min: 0, max: data.steps, label: "step t" }, { min: -1.5, max: 1.5, label: "θ" });
    side.paint("front", JSON.stringify([state, side.width]), () =>
      `<path class="now" d="M${side.left},${side.y(0)}H${side.right}"/>` +
      runs.map(({ points }, k) => trace(side, data.lines[k], k, ts, points.map(([theta]) => theta), data.steps)).join(""));
    const answer = judge(state);
    return [`${inWords()}: ${region(answer)}, rate ${format(answer.rate)}`];
  };
}

// Takes in which cells of a square grid belong to a region, the size of a label in pixels and a
// cell that is taken. Returns the cell [i, j] around which the label has most room, nothing if it
// does not fit.
function roomiest(member, count, plot, width, height, taken) {
  const across = (plot.right - plot.left) / (count - 1), down = (plot.bottom - plot.top) / (count - 1);
  const cells = [], others = [taken];
  for (let j = -3; j <= count + 2; j += 3) {
    for (let i = -3; i <= count + 2; i += 3) {
      const own = i >= 0 && j >= 0 && i < count && j < count && member[j * count + i];
      (own ? cells : others).push([clamp(i, -1, count), clamp(j, -1, count)]);
    }
  }
  let best = 1.1, spot = null;
  for (const [i, j] of cells) {
    let room = Infinity;
    for (const [p, q] of others) {
      room = Math.min(room, Math.max((2 * across * Math.abs(p - i)) / width, (2 * down * Math.abs(q - j)) / height));
      if (room <= best) break;
    }
    if (room > best) [best, spot] = [room, [i, j]];
  }
  return spot;
}

function curves(data, [plot], state) {
  return () => {
    plot.frame(data.x, data.y);
    const chosen = data.lines.map((l) => l.runs[state[l.choice] ?? 0]);
    plot.paint("front", JSON.stringify([state, plot.width]), () => chosen.map(({ median, low, high }, k) => {
      const { shape, big } = data.lines[k], xs = data.steps;
      const sampled = xs.map((_, i) => i).filter((i) => data.points || i % Math.ceil(xs.length / 12) === 0);
      const pick = (list) => sampled.map((i) => list[i]);
      const back = low && (data.points
        ? `<path class="whisker" d="${xs.map((x, i) => line(plot, [x, x], [low[i], high[i]])).join("")}"/>`
        : `<path class="band" d="${line(plot, [...xs, ...[...xs].reverse()], [...high, ...[...low].reverse()])}Z"/>`);
      return `<g class="s${k}">${back ?? ""}<path class="line" d="${line(plot, xs, median)}"/>` +
        `<path class="mark" d="${marks(plot, data.points ? big : shape, pick(xs), pick(median))}"/></g>`;
    }).join(""));
    return [data.header, ...chosen.map(({ summary }) => summary)];
  };
}

// Numbers at some places, and between them on straight lines.
const between = (places, values, x) => {
  const k = clamp(places.findLastIndex((place) => place <= x), 0, places.length - 2);
  const part = (x - places[k]) / (places[k + 1] - places[k]);
  return values[k] + part * (values[k + 1] - values[k]);
};

// Trains anew, in small pieces between two pictures, each line whose rates have changed. How the
// lines end at the start setting, Python knows.
function studio(data, [rates, losses], state, change) {
  const { task, rule, lines, places, steps } = data;
  const ts = spread(0, steps - 1, steps), records = ts.filter((t) => t % task.every === 0).concat(steps);
  const first = [...state.knots];
  const hands = places.map((place, k) => hand(rates, `rate at step ${format(place)}`, {
    upright: true,
    get: () => [place, state.knots[k]],
    set: (_, y) => { state.knots[k] = tidy(clamp(y, 0, data.top), data.top); change(); },
    reset: () => { state.knots[k] = first[k]; change(); },
    say: () => format(state.knots[k]),
  }));
  const rateOf = ({ schedule, own }) => {
    const values = schedule && { ...schedule.hyper, ...state, ...own };
    return ts.map((t) => (schedule ? schedule.rate(t, values) : between(places, state.knots, t)));
  };
  const now = lines.map(() => ({})), known = [];
  let waiting = false;

  function work() {
    waiting = false;
    const until = performance.now() + 20;
    for (const { run } of now) while (!run.done() && performance.now() < until) run.step();
    change();
  }

  return () => {
    const setting = Object.fromEntries(Object.entries(rule.hyper).map(([n, v]) => [n, state[n] ?? v]));
    lines.forEach((one, k) => {
      const each = rateOf(one), key = JSON.stringify([each, setting]);
      known[k] ??= { key, each, run: { losses: one.losses.map((x) => x ?? NaN), done: () => true } };
      if (now[k].key === key) return;
      now[k] = key === known[k].key ? known[k] : { key, each, run: training(task, rule, setting, each) };
    });
    if (!waiting && now.some(({ run }) => !run.done())) {
      waiting = true;
      requestAnimationFrame(work);
    }
    const draw = (plot, xs, values) => lines.map(({ shape }, k) => {
      const ys = values(now[k]), shown = xs.slice(0, ys.length);
      const some = shown.map((_, i) => i).filter((i) => i % Math.ceil(xs.length / 12) === 0);
      return `<g class="s${k}"><path class="line" d="${line(plot, shown, ys)}"/>` +
        `<path class="mark" d="${marks(plot, shape, some.map((i) => xs[i]), some.map((i) => ys[i]))}"/></g>`;
    }).join("");
    const key = JSON.stringify([state, rates.width, now.map(({ run }) => run.losses.length)]);
    rates.frame({ min: 0, max: steps, label: "step" }, { min: 0, max: data.top, label: "learning rate" });
    rates.paint("front", key, () => draw(rates, ts, ({ each }) => each));
    losses.frame({ min: 0, max: steps, label: "step" }, { ...data.y, log: true, label: "test loss" });
    losses.paint("front", key, () => draw(losses, records, ({ run }) => run.losses));
    hands.forEach((place) => place());
    return lines.map(({ label }, k) => `${label}: ` + ending(now[k].run, steps));
  };
}

// How a training stands, in words.
function ending({ losses, done }, steps) {
  const last = losses[losses.length - 1];
  if (!done()) return "training";
  return last <= 10 * losses[0] ? `test loss ${format(last)} at step ${steps}` : "diverges";
}

// ---------------------------------------------------------------- the figure

// Position of a slider -> value, and back. A logarithmic one has the positions 0 to 200.
const atPosition = ({ min, max, log }, position) =>
  log ? Number((min * (max / min) ** (position / 200)).toPrecision(3)) : Number(position);
const toPosition = ({ min, max, log }, value) =>
  log ? (200 * Math.log(value / min)) / Math.log(max / min) : value;

// Mounts a figure. Takes in `el`, the figure or what will hold it, and in a live notebook the
// `model` with the figure's HTML. Returns what to call when the figure is taken away.
function render({ model, el }) {
  if (model) el.innerHTML = model.get("html");
  const root = model ? el.firstElementChild : el;
  if (root.dataset.live) return;
  root.dataset.live = "waking";
  // What Python wrote, in case that anything goes wrong.
  const written = [...root.children].map((part) => [part, part.cloneNode(true)]);
  let stop = () => {};
  const fail = (error) => {
    stop();
    const what = root.dataset.live === "ready" ? "stopped" : "could not be started";
    root.dataset.live = "failed";
    for (const [part, still] of written) part.replaceWith(still);
    root.querySelector("[role=status]").insertAdjacentHTML("beforeend",
      `<span>This figure ${what}, so here is its still picture.</span>`);
    console.error("optlive:", error);
  };
  try {
    stop = mount(root, fail);
  } catch (error) {
    fail(error);
  }
  return () => stop();
}

// Takes in a figure as Python wrote it and what to call with an error that comes later. Returns
// what to call when the figure is taken away.
function mount(root, fail) {
  const data = revived(JSON.parse(root.querySelector("script").textContent));
  const state = structuredClone(data.state);
  const words = root.querySelector("[role=status]");
  const id = `live-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
  const boxes = [...root.querySelectorAll(".panel")];
  const plots = boxes.map((box, k) => makePlot(box, `${id}-${k}`));

  const sliders = [...root.querySelectorAll(".control")].map((box, k) => {
    const control = data.controls[k], input = box.querySelector("input");
    input.disabled = false;
    input.addEventListener("input", () => {
      state[control.name] = atPosition(control, input.value);
      update();
    });
    return () => {
      const value = state[control.name];
      const text = control.values ? control.values[value] : format(value);
      input.value = toPosition(control, value);
      input.setAttribute("aria-valuetext", text);
      box.querySelector("output").textContent = text;
    };
  });

  // The number of the combination has the bit k where term k is on.
  const switched = [...root.querySelectorAll(".switches input")].map((input, k) => {
    input.disabled = false;
    input.addEventListener("change", () => {
      state.before = state.on;
      state.on ^= 1 << k;
      update();
    });
    return () => { input.checked = state.on & (1 << k); };
  });

  const draw = views[data.view](data, plots, state, () => update(), root);
  function update() {
    try {
      for (const show of [...sliders, ...switched]) show();
      const said = draw();
      [...words.children].forEach((line, k) => {
        if (line.textContent !== said[k]) line.textContent = said[k];
      });
      root.dataset.live = "ready";
    } catch (error) {
      fail(error);
    }
  }

  const reset = root.querySelector("button");
  if (reset) {
    reset.disabled = false;
    reset.addEventListener("click", () => {
      Object.assign(state, structuredClone(data.state));
      update();
    });
  }

  // A notebook's own use of these keys would take the focus away.
  root.addEventListener("keydown", (event) => {
    if (/^(Arrow|Page|Home|End)/.test(event.key)) event.stopPropagation();
  });

  const sizes = new ResizeObserver(() => {
    for (const plot of plots) plot.measure();
    if (plots.every((plot) => plot.width)) update();
  });
  boxes.forEach((box) => sizes.observe(box));
  return () => sizes.disconnect();
}

export default { render };
