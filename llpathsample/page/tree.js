// An interactive disconnectivity graph on a canvas. No libraries, no requests.
// lossTree(element, data) builds it inside `element`; `data` is what llpathsample/treepage.py writes.
function lossTree(root, data) {
  "use strict";
  const INK = "#1a1a1a", QUIET = "#6e6e6e", ACCENT = "#d55e00";
  const LEFT = 78, RIGHT = 14, TOP = 12, BOTTOM = data.along ? 44 : 20;
  const BUCKETS = 64;  // colours of a scale
  const REACH = 14;  // pixels from the pointer to the branch that it means

  function unpacked(text, Type) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return new Type(bytes.buffer);
  }
  const leaves = data.leaves;
  const parent = unpacked(data.parent, Int32Array);
  const x = unpacked(data.x, Float64Array);
  const loss = unpacked(data.loss, Float64Array);
  const shoulder = unpacked(data.shoulder, Float64Array);  // of node `leaves + i` at i
  const minimum = unpacked(data.minimum, Int32Array);
  const nodes = parent.length;
  const properties = data.properties.map((p) => ({
    ...p, values: unpacked(p.values, p.kind === "classes" ? Int32Array : Float32Array),
  }));
  const leafOf = new Map();
  for (let i = 0; i < leaves; i++) leafOf.set(minimum[i], i);
  const byX = Int32Array.from({length: leaves}, (_, i) => i).sort((a, b) => x[a] - x[b] || a - b);
  const elbow = new Float64Array(nodes);
  for (let i = 0; i < nodes; i++) {
    elbow[i] = parent[i] < 0 ? data.top : Math.max(shoulder[parent[i] - leaves], loss[i]);
  }

  // --- the elements ---------------------------------------------------------------------------
  function made(tag, name, inside, text) {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text !== undefined) element.textContent = text;
    if (inside) inside.appendChild(element);
    return element;
  }
  root.textContent = "";
  root.classList.add("loss-tree");
  const bar = made("div", "loss-tree-bar", root);
  const colourLabel = made("label", "", bar, "colour ");
  const choice = made("select", "", colourLabel);
  made("option", "", choice, "none").value = "";
  for (const p of properties) made("option", "", choice, p.label).value = p.name;
  choice.value = data.colour || "";
  const searchLabel = made("label", "", bar, "minimum ");
  const search = made("input", "", searchLabel);
  search.type = "text";
  search.inputMode = "numeric";
  search.size = 8;
  search.setAttribute("aria-label", "id of a minimum to find");
  for (const [text, title, action] of [
    ["+", "zoom in", () => zoom(2, 2)], ["\u2212", "zoom out", () => zoom(0.5, 0.5)], ["all", "show all", reset],
  ]) {
    const button = made("button", "", bar, text);
    button.type = "button";
    button.title = title;
    button.addEventListener("click", action);
  }
  const message = made("span", "loss-tree-message", bar);
  const legend = made("div", "loss-tree-legend", root);
  const stage = made("div", "loss-tree-stage", root);
  const canvas = made("canvas", "", stage);
  const overlay = made("canvas", "", stage);
  const tip = made("div", "loss-tree-tip", stage);
  tip.hidden = true;
  tip.setAttribute("role", "status");
  overlay.tabIndex = 0;
  overlay.setAttribute("role", "img");
  overlay.setAttribute("aria-label", "disconnectivity graph of " + leaves + " minima");
  made("div", "loss-tree-help", root,
    "Point at a branch to see its minimum, click to keep it. Drag to move; wheel to zoom, with shift only sideways, "
    + "with alt only upwards; double click to zoom in. By keys: arrows, +, \u2212, 0 for all, Escape to keep nothing.");

  // --- the view -------------------------------------------------------------------------------
  let lowX = Infinity, highX = -Infinity, low = Infinity;
  for (let i = 0; i < nodes; i++) {
    lowX = Math.min(lowX, x[i]);
    highX = Math.max(highX, x[i]);
    low = Math.min(low, loss[i]);
  }
  const sideX = 0.02 * (highX - lowX) + (data.along ? 0.04 * Math.abs(highX || 1) * (highX === lowX) : 0.5);
  const whole = {x0: lowX - sideX, x1: highX + sideX, y0: low - 0.05 * (data.top - low), y1: data.top};
  let view = {...whole};
  let width = 0, height = 0, ratio = 1, waiting = false, drawn = 0;
  let pinned = -1, hovered = -1;
  const toX = (value) => LEFT + (value - view.x0) / (view.x1 - view.x0) * (width - LEFT - RIGHT);
  const toY = (value) => TOP + (view.y1 - value) / (view.y1 - view.y0) * (height - TOP - BOTTOM);
  const fromX = (px) => view.x0 + (px - LEFT) / (width - LEFT - RIGHT) * (view.x1 - view.x0);
  const fromY = (py) => view.y1 - (py - TOP) / (height - TOP - BOTTOM) * (view.y1 - view.y0);

  function zoom(factorX, factorY, atX = (LEFT + width - RIGHT) / 2, atY = (TOP + height - BOTTOM) / 2) {
    const cx = fromX(atX), cy = fromY(atY);
    const spanX = (view.x1 - view.x0) / factorX, spanY = (view.y1 - view.y0) / factorY;
    if (spanX > 4 * (whole.x1 - whole.x0) || spanY > 4 * (whole.y1 - whole.y0)) return;
    if (spanX < 1e-9 * (whole.x1 - whole.x0) || spanY < 1e-12 * (whole.y1 - whole.y0)) return;
    const shareX = (cx - view.x0) / (view.x1 - view.x0), shareY = (cy - view.y0) / (view.y1 - view.y0);
    view.x0 = cx - shareX * spanX;
    view.x1 = view.x0 + spanX;
    view.y0 = cy - shareY * spanY;
    view.y1 = view.y0 + spanY;
    later();
  }
  function reset() {
    view = {...whole};
    later();
  }
  function later() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  }

  // --- colours --------------------------------------------------------------------------------
  let palette = [INK], bucket = new Uint16Array(nodes);
  function mixed(stops, share) {
    const place = share * (stops.length - 1), first = Math.min(Math.floor(place), stops.length - 2), part = place - first;
    const channel = (k) => {
      const a = parseInt(stops[first].slice(k, k + 2), 16), b = parseInt(stops[first + 1].slice(k, k + 2), 16);
      return Math.round(a + part * (b - a)).toString(16).padStart(2, "0");
    };
    return "#" + channel(1) + channel(3) + channel(5);
  }
  function recolour() {
    const p = properties.find((candidate) => candidate.name === choice.value);
    palette = [INK];
    bucket = new Uint16Array(nodes);
    legend.textContent = "";
    if (p && p.kind === "classes") colourClasses(p);
    else if (p) colourScale(p);
    later();
  }
  // The share of a scale below a value, as matplotlib's LogNorm and SymLogNorm place it.
  function shareOf({low, high, log, linear, diverging}) {
    if (low === high) return () => 0.5;
    if (!log) return (value) => (value - low) / (high - low);
    if (!diverging) return (value) => value > low ? Math.log(value / low) / Math.log(high / low) : 0;
    const bent = (value) => value <= linear ? value / linear * 10 / 9 : 10 / 9 + Math.log10(value / linear);
    return (value) => 0.5 + 0.5 * Math.sign(value) * bent(Math.abs(value)) / bent(high);
  }
  function colourScale(p) {
    if (!p.scale) return;
    const share = shareOf(p.scale);
    const stops = p.scale.diverging ? data.scales.diverging : data.scales.rising;
    for (let b = 0; b < BUCKETS; b++) palette.push(mixed(stops, b / (BUCKETS - 1)));
    const total = new Float64Array(nodes), size = new Float64Array(nodes);
    for (let i = 0; i < leaves; i++) {
      total[i] = p.values[i];
      size[i] = 1;
    }
    for (let i = 0; i < nodes; i++) {
      const mean = total[i] / size[i];
      const place = Math.min(Math.max(share(mean), 0), 1);
      bucket[i] = Number.isFinite(mean) ? 1 + Math.round(place * (BUCKETS - 1)) : 0;
      if (parent[i] >= 0) {
        total[parent[i]] += total[i];
        size[parent[i]] += size[i];
      }
    }
    const low = (p.scale.below ? "\u2264 " : "") + shown(p.scale.low, 4);
    made("span", "", legend, p.label + "  " + low + " ");
    made("span", "loss-tree-scale", legend).style.background = "linear-gradient(to right," + stops.join(",") + ")";
    made("span", "", legend, " " + shown(p.scale.high, 4) + (p.scale.log ? " (logarithmic)" : ""));
  }
  function colourClasses(p) {
    const shared = new Int32Array(nodes).fill(-2);
    for (let i = 0; i < leaves; i++) shared[i] = p.values[i];
    for (let i = 0; i < nodes; i++) {
      const above = parent[i];
      if (above >= 0) shared[above] = shared[above] === -2 || shared[above] === shared[i] ? shared[i] : -1;
    }
    const place = new Map();
    for (const [number, colour, name] of p.classes) {
      palette.push(colour);
      place.set(number, palette.length - 1);
      made("span", "loss-tree-swatch", legend).style.background = colour;
      made("span", "", legend, name + "  ");
    }
    const [others, grey] = p.others;
    palette.push(grey);
    if (others) {
      made("span", "loss-tree-swatch", legend).style.background = grey;
      made("span", "", legend, others + " more");
    }
    for (let i = 0; i < nodes; i++) bucket[i] = shared[i] < 0 ? 0 : place.get(shared[i]) || palette.length - 1;
  }
  function shown(value, digits = 7) {
    if (!Number.isFinite(value)) return "none";
    const text = Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(digits)));
    return text.replaceAll("-", "\u2212");
  }

  // --- drawing --------------------------------------------------------------------------------
  function sized(target) {
    target.width = Math.round(width * ratio);
    target.height = Math.round(height * ratio);
    target.style.width = width + "px";
    target.style.height = height + "px";
  }
  function resize() {
    width = stage.clientWidth;
    height = stage.clientHeight;
    ratio = window.devicePixelRatio || 1;
    sized(canvas);
    sized(overlay);
    later();
  }
  function draw() {
    if (!width || !height) return;
    const g = canvas.getContext("2d");
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);
    g.save();
    g.beginPath();
    g.rect(LEFT - 2, 0, width - LEFT - RIGHT + 4, height - BOTTOM + 8);
    g.clip();
    const first = firstAt(view.x0), last = firstAt(view.x1);
    const crowded = last - first > 1.5 * (width - LEFT - RIGHT);
    g.lineWidth = Math.min(Math.max(14 / Math.sqrt(last - first + 100), crowded ? 0.6 : 0.8), 1.6);
    drawLines(g, crowded);
    g.restore();
    if (crowded) paintFalls(g);
    drawAxes(g);
    drawMarks();
    drawn += 1;
  }
  function firstAt(value) {
    let a = 0, b = leaves;
    while (a < b) {
      const middle = (a + b) >> 1;
      if (x[byX[middle]] < value) a = middle + 1; else b = middle;
    }
    return a;
  }
  function drawLines(g, crowded) {
    const paths = new Map();
    const seen = new Set();
    const left = LEFT - 2, right = width - RIGHT + 2;
    for (let i = nodes - 1; i >= 0; i--) {
      const above = parent[i];
      const sx = toX(x[i]), px = above < 0 ? sx : toX(x[above]);
      if (Math.max(sx, px) < left || Math.min(sx, px) > right) continue;
      const py = toY(above < 0 ? data.top : loss[above]), ey = toY(elbow[i]), sy = toY(loss[i]);
      if (sy < -2 || py > height + 2) continue;
      // What of the sloping part is in view; of lines that look alike one is enough.
      const slope = px === sx ? 0 : (ey - py) / (sx - px);
      const ax = Math.min(Math.max(px, left), right), bx = Math.min(Math.max(sx, left), right);
      const ay = py + slope * (ax - px), by = px === sx ? ey : py + slope * (bx - px);
      const key = (rounded(ax) * 8192 + rounded(ay)) * 67108864 + rounded(bx) * 8192 + rounded(by);
      let path = paths.get(bucket[i]);
      if (!path) paths.set(bucket[i], path = new Path2D());
      const falls = !(crowded && i < leaves) && sx >= left && sx <= right;
      if (px !== sx && seen.has(key)) {
        if (falls) path.moveTo(sx, clamped(ey));
      } else {
        seen.add(key);
        path.moveTo(ax, clamped(ay));
        path.lineTo(bx, clamped(by));
      }
      if (falls) path.lineTo(sx, clamped(sy));
    }
    for (const [number, path] of [...paths].sort((a, b) => a[0] - b[0])) {
      g.strokeStyle = palette[number];
      g.stroke(path);
    }
  }
  const rounded = (value) => Math.round(Math.min(Math.max(value, -1000), 7000)) + 1000;
  // Far outside of the canvas nothing is seen of the difference, and large numbers lose their digits.
  const clamped = (y) => Math.min(Math.max(y, -1e5), 1e5);
  // Leaves more than there are pixels: the longest first, so that of every leaf the end is seen that no shorter one hides.
  function paintFalls(g) {
    const w = canvas.width, h = canvas.height;
    const scratch = document.createElement("canvas");
    scratch.width = w;
    scratch.height = h;
    const image = new ImageData(w, h), pixels = new Uint32Array(image.data.buffer);
    const codes = palette.map((c) => (0xff << 24 | parseInt(c.slice(5, 7), 16) << 16
      | parseInt(c.slice(3, 5), 16) << 8 | parseInt(c.slice(1, 3), 16)) >>> 0);
    const bottom = Math.round((height - BOTTOM + 6) * ratio), left = LEFT * ratio, right = (width - RIGHT) * ratio;
    for (let i = 0; i < leaves; i++) {
      const column = Math.round(toX(x[i]) * ratio);
      if (column < left || column > right || column >= w) continue;
      const from = Math.max(0, Math.round(toY(elbow[i]) * ratio)), to = Math.min(bottom, Math.round(toY(loss[i]) * ratio));
      for (let row = from; row < to; row++) pixels[row * w + column] = codes[bucket[i]];
    }
    scratch.getContext("2d").putImageData(image, 0, 0);
    g.drawImage(scratch, 0, 0, width, height);
  }
  function ticks(a, b, number) {
    const rough = (b - a) / number, power = Math.pow(10, Math.floor(Math.log10(rough)));
    const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough) || 10 * power;
    const found = [];
    for (let k = Math.ceil(a / step); k <= Math.floor(b / step + 1e-9); k++) found.push(k * step);
    const size = Math.max(...found.map(Math.abs), step);
    const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9) + (Math.abs(step / power - 2.5) < 1e-9 ? 1 : 0));
    const text = (v) => size >= 1e6 || size < 1e-3
      ? v.toExponential(Math.max(0, Math.ceil(Math.log10(size / step)) + 1)) : v.toFixed(Math.min(digits, 20));
    return found.map((value) => [value, text(value).replace("-", "\u2212")]);
  }
  function drawAxes(g) {
    g.fillStyle = g.strokeStyle = INK;
    g.lineWidth = 1;
    g.font = "12px system-ui, sans-serif";
    g.beginPath();
    g.moveTo(LEFT - 8.5, TOP);
    g.lineTo(LEFT - 8.5, height - BOTTOM);
    g.textAlign = "right";
    g.textBaseline = "middle";
    for (const [value, text] of ticks(view.y0, view.y1, Math.max(2, height / 90))) {
      const y = Math.round(toY(value)) + 0.5;
      g.moveTo(LEFT - 13, y);
      g.lineTo(LEFT - 8, y);
      g.fillText(text, LEFT - 16, y);
    }
    if (data.along) {
      g.moveTo(LEFT, height - BOTTOM + 6.5);
      g.lineTo(width - RIGHT, height - BOTTOM + 6.5);
      g.textAlign = "center";
      for (const [value, text] of ticks(view.x0, view.x1, Math.max(2, width / 140))) {
        const px = Math.round(toX(value)) + 0.5;
        g.moveTo(px, height - BOTTOM + 6);
        g.lineTo(px, height - BOTTOM + 11);
        g.fillText(text, px, height - BOTTOM + 19);
      }
      g.fillText(data.along, (LEFT + width - RIGHT) / 2, height - 8);
    }
    g.stroke();
    g.save();
    g.translate(12, (TOP + height - BOTTOM) / 2);
    g.rotate(-Math.PI / 2);
    g.textAlign = "center";
    g.fillText("loss", 0, 0);
    g.restore();
  }
  function drawMarks() {
    const g = overlay.getContext("2d");
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);
    const leaf = pinned >= 0 ? pinned : hovered;
    tip.hidden = leaf < 0;
    if (leaf < 0) return;
    g.save();
    g.beginPath();
    g.rect(LEFT - 4, 0, width - LEFT - RIGHT + 8, height - BOTTOM + 8);
    g.clip();
    g.strokeStyle = g.fillStyle = ACCENT;
    g.lineWidth = 1.6;
    g.beginPath();
    g.moveTo(toX(x[leaf]), clamped(toY(loss[leaf])));
    for (let i = leaf; i >= 0; i = parent[i]) {
      g.lineTo(toX(x[i]), clamped(toY(elbow[i])));
      if (parent[i] >= 0) g.lineTo(toX(x[parent[i]]), clamped(toY(loss[parent[i]])));
    }
    g.stroke();
    g.beginPath();
    g.arc(toX(x[leaf]), clamped(toY(loss[leaf])), 3.5, 0, 2 * Math.PI);
    g.fill();
    g.restore();
    describe(leaf);
  }
  function describe(leaf) {
    tip.textContent = "";
    made("b", "", tip, "minimum " + minimum[leaf]);
    const table = made("table", "", tip);
    const line = (name, value) => {
      const row = made("tr", "", table);
      made("th", "", row, name);
      made("td", "", row, value);
    };
    line("loss", String(loss[leaf]));
    for (const p of properties) {
      if (p.name === "loss") continue;
      const value = p.values[leaf];
      line(p.label, p.kind === "classes" ? (value < 0 ? "none" : p.names[value] || String(value)) : shown(value));
    }
    const px = toX(x[leaf]), py = toY(loss[leaf]);
    const inside = (value, size, most) => Math.min(Math.max(value, 4), Math.max(4, most - size - 4));
    const besides = px + 16 + tip.offsetWidth < width ? px + 16 : px - 16 - tip.offsetWidth;
    tip.style.left = inside(besides, tip.offsetWidth, width) + "px";
    tip.style.top = inside(py - tip.offsetHeight / 2, tip.offsetHeight, height) + "px";
  }

  // --- pointing, moving, finding ----------------------------------------------------------------
  function nearest(px, py) {
    let best = -1, least = Infinity;
    const reach = REACH * (view.x1 - view.x0) / (width - LEFT - RIGHT);
    const at = fromX(px), first = firstAt(at - reach), end = firstAt(at + reach);
    for (let k = first; k < end; k++) {
      const leaf = byX[k];
      const sy = toY(loss[leaf]), ey = toY(elbow[leaf]);
      const distance = Math.hypot(toX(x[leaf]) - px, py > sy ? py - sy : py < ey ? ey - py : 0);
      // Of those that the pointer is on, the one that ends nearest.
      const score = distance <= REACH ? Math.max(distance, 1) * 1e4 + Math.abs(sy - py) : Infinity;
      if (score < least) {
        least = score;
        best = leaf;
      }
    }
    return best;
  }
  let grip = null;
  function place(event) {
    const box = overlay.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }
  overlay.addEventListener("pointerdown", (event) => {
    const [px, py] = place(event);
    grip = {px, py, view: {...view}, moved: false};
    overlay.setPointerCapture(event.pointerId);
  });
  overlay.addEventListener("pointermove", (event) => {
    const [px, py] = place(event);
    if (!grip) {
      const leaf = nearest(px, py);
      if (leaf !== hovered) {
        hovered = leaf;
        drawMarks();
      }
      return;
    }
    if (Math.hypot(px - grip.px, py - grip.py) > 3) grip.moved = true;
    if (!grip.moved) return;
    const dx = (px - grip.px) / (width - LEFT - RIGHT) * (grip.view.x1 - grip.view.x0);
    const dy = (py - grip.py) / (height - TOP - BOTTOM) * (grip.view.y1 - grip.view.y0);
    view = {x0: grip.view.x0 - dx, x1: grip.view.x1 - dx, y0: grip.view.y0 + dy, y1: grip.view.y1 + dy};
    later();
  });
  overlay.addEventListener("pointerup", (event) => {
    const [px, py] = place(event);
    if (grip && !grip.moved) {
      pinned = nearest(px, py);
      drawMarks();
    }
    grip = null;
  });
  overlay.addEventListener("pointercancel", () => { grip = null; });
  overlay.addEventListener("pointerleave", () => {
    hovered = -1;
    drawMarks();
  });
  overlay.addEventListener("dblclick", (event) => zoom(2, 2, ...place(event)));
  overlay.addEventListener("wheel", (event) => {
    event.preventDefault();
    const turned = Math.abs(event.deltaY) > Math.abs(event.deltaX) ? event.deltaY : event.deltaX;
    const factor = Math.exp(-Math.min(Math.max(turned, -300), 300) * 0.002);
    zoom(event.altKey ? 1 : factor, event.shiftKey ? 1 : factor, ...place(event));
  }, {passive: false});
  const shift = (x, y) => {
    const dx = x * (view.x1 - view.x0) / 8, dy = y * (view.y1 - view.y0) / 8;
    view = {x0: view.x0 + dx, x1: view.x1 + dx, y0: view.y0 + dy, y1: view.y1 + dy};
    later();
  };
  const byKey = {
    ArrowLeft: () => shift(-1, 0), ArrowRight: () => shift(1, 0), ArrowUp: () => shift(0, 1), ArrowDown: () => shift(0, -1),
    "+": () => zoom(2, 2), "=": () => zoom(2, 2), "-": () => zoom(0.5, 0.5), 0: reset, Escape: () => find(""),
  };
  overlay.addEventListener("keydown", (event) => {
    const action = event.ctrlKey || event.metaKey || event.altKey ? undefined : byKey[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
  search.addEventListener("change", () => find(search.value.trim()));
  function find(text) {
    message.textContent = "";
    pinned = -1;
    if (text !== "") {
      const leaf = /^[0-9]+$/.test(text) ? leafOf.get(Number(text)) : undefined;
      if (leaf === undefined) message.textContent = "minimum " + text + " is not drawn";
      else pinned = leaf;
    }
    if (pinned >= 0) {
      const spanX = view.x1 - view.x0, spanY = view.y1 - view.y0;
      if (x[pinned] < view.x0 || x[pinned] > view.x1) {
        view.x0 = x[pinned] - spanX / 2;
        view.x1 = view.x0 + spanX;
      }
      if (loss[pinned] < view.y0 || loss[pinned] > view.y1) {
        view.y0 = loss[pinned] - spanY / 4;
        view.y1 = view.y0 + spanY;
      }
    }
    later();
  }
  choice.addEventListener("change", recolour);
  new ResizeObserver(resize).observe(stage);
  resize();
  recolour();
  return {
    find,
    zoom,
    reset,
    place: (id) => [toX(x[leafOf.get(id)]), toY(loss[leafOf.get(id)])],
    state: () => ({view: {...view}, pinned: pinned < 0 ? null : minimum[pinned], drawn, waiting}),
    colour: (id) => palette[bucket[leafOf.get(id)]],
  };
}
