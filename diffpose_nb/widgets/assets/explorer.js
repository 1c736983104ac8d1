// Found by its class, not by an id or by currentScript: Lab and Colab insert scripts each in their own way.
for (const box of document.querySelectorAll(".dp-explorer:not([data-ready])")) {
  box.dataset.ready = "yes";
  const settings = JSON.parse(box.dataset.settings),
    all = (query) => [...box.querySelectorAll(query)];
  const one = (query) => box.querySelector(query),
    svg = one("svg"),
    select = one(".dp-pair"),
    says = one(".dp-here");
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const words = new DataView(bytes(settings.levels).buffer),
    levels = new Float32Array(words.byteLength / 2);
  levels.forEach((_, n) => { levels[n] = words.getUint16(2 * n, true) / 65535; });
  const colors = bytes(settings.colors);
  const m = settings.steps,
    middle = (m - 1) / 2;
  const { names, pairs, span, units, parameters } = settings, group = Math.random().toString(36).slice(2);
  const state = { loss: settings.loss, pair: settings.pair, at: [0, 0] }; // at: offsets, degrees or mm
  const X = 50,
    Y = 8,
    SIZE = 280; // where the map is, in units of the drawing
  const RIGHT = X + SIZE + 12,
    BELOW = Y + SIZE + 54,
    DEPTH = 80; // where the two cuts are
  let waiting = false,
    drawn = "";

  const level = (loss, pair, i, j) => levels[((loss * pairs.length + pair) * m + i) * m + j];
  // Linear between the offsets; i and j are fractions of a step.
  const between = (loss, pair, i, j) => {
    const a = Math.min(Math.floor(i), m - 2),
      b = Math.min(Math.floor(j), m - 2),
      s = i - a,
      t = j - b;
    const along = (row) => level(loss, pair, row, b) * (1 - t) + level(loss, pair, row, b + 1) * t;
    return along(a) * (1 - s) + along(a + 1) * s;
  };
  const place = (axis, value) => middle * (1 + value / span[axis]);
  const loss = (at) => {
    const [first, second] = pairs[state.pair], { low, high } = settings;
    const share = between(state.loss, state.pair, place(first, at[0]), place(second, at[1]));
    return low[state.loss][state.pair] + share * (high[state.loss][state.pair] - low[state.loss][state.pair]);
  };
  const paint = (canvas, pair, number, pixels, lines) => {
    canvas.width = canvas.height = pixels;
    const context = canvas.getContext("2d"),
      picture = context.createImageData(pixels, pixels),
      grid = [];
    for (let row = 0; row < pixels; row++)
      for (let column = 0; column < pixels; column++) {
        const i = (column / (pixels - 1)) * (m - 1),
          j = (1 - row / (pixels - 1)) * (m - 1); // the second goes up
        const n = row * pixels + column,
          v = (grid[n] = between(number, pair, i, j)),
          tenth = Math.floor(v * 10);
        const line = lines && ((column && Math.floor(grid[n - 1] * 10) !== tenth) ||
          (row && Math.floor(grid[n - pixels] * 10) !== tenth));
        for (let c = 0; c < 3; c++) {
          const color = colors[3 * Math.round(255 * v) + c];
          picture.data[4 * n + c] = line ? 0.55 * color + 115 : color;
        }
        picture.data[4 * n + 3] = 255;
      }
    context.putImageData(picture, 0, 0);
  };
  const lowest = () => {
    let best = [0, 0],
      least = 2;
    for (let i = 0; i < m; i++)
      for (let j = 0; j < m; j++) {
        const v = level(state.loss, state.pair, i, j);
        if (v < least) {
          least = v;
          best = [i, j];
        }
      }
    return best.map((n, k) => (n / middle - 1) * span[pairs[state.pair][k]]);
  };
  const plain = (value) => (Math.round(value * 10) / 10 + 0).toString().replace("-", "−");
  const number = (value, axis) => {
    return plain(value) + (units[axis] === "°" ? "°" : " " + units[axis]);
  };
  const px = (value, k) => X + ((value / span[pairs[state.pair][k]] + 1) / 2) * SIZE; // across
  const py = (value, k) => Y + (1 - (value / span[pairs[state.pair][k]] + 1) / 2) * SIZE; // up

  const text = (x, y, anchor, content, more = "") =>
    '<text x="' + x + '" y="' + y + '" text-anchor="' + anchor + '" ' + more + ">" + content + "</text>";
  const rect = (x, y, width, height, style) =>
    '<rect x="' + x + '" y="' + y + '" width="' + width + '" height="' + height + '" fill="none" ' + style + "/>";

  // What changes with loss and pair only; the map becomes one picture.
  const base = () => {
    const axes = pairs[state.pair],
      map = document.createElement("canvas"),
      shares = [-0.5, 0, 0.5];
    paint(map, state.pair, state.loss, SIZE, true);
    const on = ([first, second]) => [px(first, 0), py(second, 1)];
    const [tx, ty] = on([0, 0]), [lx, ly] = on(lowest());
    const [left] = on([-settings.typical[axes[0]], 0]), [, top] = on([0, settings.typical[axes[1]]]);
    const names = axes.map((n) => parameters[n] + ", " + units[n]);
    const white = 'stroke="white" stroke-width="2"',
      frame = 'stroke="currentColor" opacity="0.5"',
      base = Y + SIZE;
    return [
      '<image href="' + map.toDataURL() + '" x="' + X + '" y="' + Y + '" width="' + SIZE + '" height="' + SIZE +
      '"/>',
      ...shares.map((s) => text(px(s * span[axes[0]], 0), base + 17, "middle", plain(s * span[axes[0]]))),
      ...shares.map((s) => text(X - 5, py(s * span[axes[1]], 1) + 5, "end", plain(s * span[axes[1]]))),
      text(X + SIZE / 2, base + 36, "middle", names[0]),
      text(0, 0, "middle", names[1], 'transform="translate(13 ' + (Y + SIZE / 4) + ') rotate(-90)"'),
      rect(left, top, 2 * (tx - left), 2 * (ty - top), white + ' stroke-dasharray="6 4"'),
      '<path d="M' + (tx - 8) + " " + ty + "h16M" + tx + " " + (ty - 8) + 'v16" ' + white + "/>",
      '<path d="M' + lx + " " + (ly - 7) + 'l6 11h-12z" fill="none" ' + white + "/>",
      rect(RIGHT, Y, DEPTH, SIZE, frame), rect(X, BELOW, SIZE, DEPTH, frame),
      text(RIGHT, base + 17, "start", "0"), text(RIGHT + DEPTH, base + 17, "end", "1"),
      text(X - 5, BELOW + 12, "end", "1"), text(X - 5, BELOW + DEPTH, "end", "0"),
      '<g class="dp-cursor"></g>',
    ].join("");
  };
  const cursor = () => {
    const [first, second] = pairs[state.pair], [i, j] = [place(first, state.at[0]), place(second, state.at[1])];
    const steps = [...Array(m).keys()],
      x = px(state.at[0], 0),
      y = py(state.at[1], 1);
    const v = between(state.loss, state.pair, i, j),
      curve = 'fill="none" stroke="#3A9BD9" stroke-width="2.5"';
    const right = steps.map((k) => RIGHT + DEPTH * between(state.loss, state.pair, i, k) + " " +
      (Y + SIZE * (1 - k / (m - 1))));
    const below = steps.map((k) => X + (SIZE * k) / (m - 1) + " " +
      (BELOW + DEPTH * (1 - between(state.loss, state.pair, k, j))));
    const dot = (cx, cy) => '<circle cx="' + cx + '" cy="' + cy + '" r="5" fill="#E69F00" stroke="black"/>';
    return '<path d="M' + x + " " + Y + "V" + (BELOW + DEPTH) + "M" + X + " " + y + "H" + (RIGHT + DEPTH) +
      '" stroke="#E69F00" stroke-width="1"/><path d="M' + right.join("L") + '" ' + curve + '/><path d="M' +
      below.join("L") + '" ' + curve + "/>" + dot(RIGHT + DEPTH * v, y) + dot(x, BELOW + DEPTH * (1 - v)) +
      '<circle cx="' + x + '" cy="' + y + '" r="7" fill="none" stroke="black" stroke-width="4"/>' +
      '<circle cx="' + x + '" cy="' + y + '" r="7" fill="none" stroke="white" stroke-width="2"/>';
  };

  const draw = () => {
    waiting = false;
    const axes = pairs[state.pair],
      now = state.loss + " " + state.pair;
    if (drawn !== now) {
      svg.innerHTML = base();
      all(".dp-losses canvas").forEach((canvas, n) => paint(canvas, state.pair, n, m, false));
      drawn = now;
    }
    one(".dp-cursor").innerHTML = cursor();
    const written = state.at.map((v, k) => parameters[axes[k]] + " " + number(v, axes[k])).join(", ");
    const here = loss(state.at),
      truth = loss([0, 0]),
      least = lowest();
    const where = least.map((v, k) => parameters[axes[k]] + " " + number(v, axes[k])).join(", ");
    says.textContent = names[state.loss] + " at " + written + ": " + here.toPrecision(3) + ". At the truth " +
      truth.toPrecision(3) + "; lowest " + loss(least).toPrecision(3) + " at " + where + ".";
    svg.setAttribute("aria-label", "map of " + names[state.loss] + " over " + select.value +
      "; arrow keys move the cursor, with Shift five times as far; cursor at " + written);
    all(".dp-bar").forEach((bar, k) => {
      const [label, output, slider] = bar.children, n = axes[k];
      label.textContent = parameters[n];
      output.textContent = number(state.at[k], n);
      Object.assign(slider, { min: -span[n], max: span[n], step: settings.stride[n], value: state.at[k] });
      slider.setAttribute("aria-valuetext", number(state.at[k], n));
    });
  };
  // Only the newest place is drawn, once a frame of the screen.
  const request = () => {
    if (!waiting) {
      waiting = true;
      requestAnimationFrame(draw);
    }
  };
  const go = (at) => {
    state.at = at.map((v, k) => Math.min(Math.max(v, -span[pairs[state.pair][k]]), span[pairs[state.pair][k]]));
    request();
  };

  all(".dp-losses input").forEach((radio, n) => {
    radio.name = "loss-" + group;
    radio.checked = n === state.loss;
    radio.addEventListener("change", () => {
      state.loss = n;
      request();
    });
  });
  select.selectedIndex = state.pair;
  select.addEventListener("change", () => {
    state.pair = select.selectedIndex;
    go([0, 0]);
  });
  all(".dp-bar").forEach((bar, k) => {
    const [label, , slider] = bar.children;
    label.htmlFor = slider.id = "dp-" + group + k;
    slider.addEventListener("input", () => {
      const at = [...state.at];
      at[k] = +slider.value;
      go(at);
    });
  });
  one(".dp-truth").addEventListener("click", () => go([0, 0]));
  one(".dp-lowest").addEventListener("click", () => go(lowest()));
  svg.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] } [event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    const far = event.shiftKey ? 5 : 1;
    go(state.at.map((v, k) => v + far * way[k] * settings.stride[pairs[state.pair][k]]));
  });
  const follow = (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const axes = pairs[state.pair],
      share = [(point.x - X) / SIZE, 1 - (point.y - Y) / SIZE];
    const at = share.map((s, k) => (2 * s - 1) * span[axes[k]]);
    go(at.map((v, k) => Math.round(v / settings.stride[axes[k]]) * settings.stride[axes[k]]));
  };
  svg.addEventListener("pointerdown", (event) => {
    svg.setPointerCapture(event.pointerId);
    follow(event);
  });
  svg.addEventListener("pointermove", (event) => { if (event.buttons) follow(event); });

  one(".dp-stills").hidden = true;
  one(".dp-live").hidden = false;
  draw();
}
