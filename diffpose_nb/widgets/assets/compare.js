// Found by its class, not by an id or by currentScript: Lab and Colab insert scripts each in their own way.
for (const box of document.querySelectorAll(".dp-compare:not([data-ready])")) {
  box.dataset.ready = "loading";
  const settings = JSON.parse(box.dataset.settings),
    one = (query) => box.querySelector(query);
  const all = (query) => [...box.querySelectorAll(query)];
  const canvas = one("canvas"),
    [slider, label, output] = ["input[type=range]", ".dp-bar label", "output"].map(one);
  const [play, swap, says] = [".dp-play", ".dp-swap", ".dp-says"].map(one);
  const group = Math.random().toString(36).slice(2);
  slider.id = "dp-" + group;
  label.htmlFor = slider.id;
  const columns = canvas.width,
    rows = canvas.height,
    context = canvas.getContext("2d");
  const picture = context.createImageData(columns, rows),
    to = picture.data;
  const side = Math.max(columns, rows),
    mix = (a, b, share) => a + (b - a) * Math.min(Math.max(share, 0), 1);
  const state = { mode: settings.mode, drr: 0, playing: !matchMedia("(prefers-reduced-motion: reduce)").matches };
  let images, shows = 0,
    timer = 0,
    waiting = false;

  // Each mode: its slider, what it says, and the colour of pixel n by the slider's value.
  const modes = {
    blend: {
      name: "X-ray to DRR",
      min: 0,
      max: 100,
      step: 1,
      value: 50,
      unit: "%",
      says: "Left the X-ray, right the DRR. Between them both: the X-ray blue, the DRR orange, grey where they agree.",
      paint: (v) => ({ x, d }, n) => [mix(x[n], d[n], v / 50), mix(x[n], d[n], v / 100), mix(x[n], d[n], v / 50 - 1)]
    },
    checkerboard: {
      name: "size of a tile",
      min: 4,
      max: Math.floor(side / 2),
      step: 1,
      value: Math.round(side / 8),
      unit: "pixels",
      says: "Tiles of X-ray (a little blue) and DRR (a little orange). Lines broken at seams are misaligned.",
      paint: (v) => ({ x, d }, n) => {
        const odd = (Math.floor((n % columns) / v) + Math.floor(Math.floor(n / columns) / v)) % 2;
        return odd ? [d[n], 0.9 * d[n], 0.8 * d[n]] : [0.8 * x[n], 0.9 * x[n], x[n]];
      }
    },
    edges: {
      name: "edges of the DRR",
      min: 0,
      max: 100,
      step: 1,
      value: 35,
      unit: "%",
      says: "Edges of the DRR in orange, the strongest first, over the X-ray. They should lie on the X-ray's own.",
      paint: (v) => ({ x, e }, n) => (e[n] && e[n] > 255 * (1 - v / 100) ? settings.orange : Array(3).fill(x[n]))
    },
    flicker: {
      name: "each is shown for",
      min: 350,
      max: 2000,
      step: 50,
      value: 700,
      unit: "ms",
      says: "X-ray and DRR in turn. What jumps is misaligned.",
      paint: () => ({ x, d }, n) => Array(3).fill((shows ? d : x)[n])
    },
    difference: {
      name: "contrast",
      min: 1,
      max: 5,
      step: 0.5,
      value: 2,
      unit: "×",
      says: "White where both agree, blue where the X-ray is brighter, orange where the DRR is.",
      paint: (v) => ({ x, d }, n) => {
        const off = (v * (d[n] - x[n])) / 255,
          color = off > 0 ? settings.orange : settings.blue;
        return color.map((c) => mix(255, c, Math.abs(off)));
      }
    },
  };

  const draw = () => {
    waiting = false;
    const mode = modes[state.mode],
      source = { x: images.x, ...images.drrs[state.drr] };
    const color = mode.paint(mode.value);
    for (let n = 0; n < rows * columns; n++) {
      const seen = images.seen[n],
        [red, green, blue] = seen ? color(source, n) : settings.unseen;
      to[4 * n] = red;
      to[4 * n + 1] = green;
      to[4 * n + 2] = blue;
      to[4 * n + 3] = 255;
    }
    context.putImageData(picture, 0, 0);
    box.dataset.drawn = state.mode; // for tests
    const amount = mode.value + (mode.unit === "%" || mode.unit === "×" ? " " : " ") + mode.unit;
    output.textContent = (state.mode === "flicker" ? (shows ? "DRR, " : "X-ray, ") : "") + amount;
    slider.setAttribute("aria-valuetext", amount);
    const name = settings.names.length > 1 ? ", " + settings.names[state.drr] : "";
    const now = state.mode === "flicker" ? (shows ? ", now the DRR" : ", now the X-ray") : "";
    const how = ", " + state.mode + ", " + mode.name + " " + amount;
    canvas.setAttribute("aria-label", "X-ray and DRR" + name + how + now);
  };
  // Only the newest value is drawn, once a frame of the screen.
  const request = () => {
    if (!waiting) {
      waiting = true;
      requestAnimationFrame(draw);
    }
  };

  const turn = () => {
    shows = 1 - shows;
    request();
  };
  const beat = () => {
    clearTimeout(timer);
    if (state.mode !== "flicker" || !state.playing || !box.isConnected) return;
    timer = setTimeout(() => {
      turn();
      beat();
    }, modes.flicker.value);
  };
  const choose = () => {
    const mode = modes[state.mode],
      flicker = state.mode === "flicker";
    label.textContent = mode.name;
    Object.assign(slider, { min: mode.min, max: mode.max, step: mode.step, value: mode.value });
    says.textContent = mode.says;
    one(".dp-buttons").hidden = !flicker;
    play.textContent = state.playing ? "pause" : "play";
    beat();
    request();
  };
  slider.addEventListener("input", () => {
    modes[state.mode].value = +slider.value;
    beat();
    request();
  });
  play.addEventListener("click", () => {
    state.playing = !state.playing;
    choose();
  });
  swap.addEventListener("click", () => {
    turn();
    beat();
  });
  all(".dp-mode").forEach((radio) => {
    radio.name = "mode-" + group;
    radio.checked = radio.value === state.mode;
    radio.addEventListener("change", () => {
      state.mode = radio.value;
      choose();
    });
  });
  all("input.dp-drr").forEach((radio, n) => {
    radio.name = "drr-" + group;
    radio.checked = n === 0;
    radio.addEventListener("change", () => {
      state.drr = n;
      request();
    });
  });

  const scratch = document.createElement("canvas");
  Object.assign(scratch, { width: columns, height: rows });
  const reader = scratch.getContext("2d", { willReadFrequently: true });
  const pixels = async (image, channel) => {
    await image.decode();
    reader.clearRect(0, 0, columns, rows);
    reader.drawImage(image, 0, 0);
    return reader.getImageData(0, 0, columns, rows).data.filter((_, n) => n % 4 === channel);
  };
  (async () => {
    const x = await pixels(one(".dp-xray"), 0),
      seen = await pixels(one(".dp-xray"), 3),
      drrs = [];
    const edges = all(".dp-edges");
    for (const [n, image] of all("img.dp-drr").entries()) {
      drrs.push({ d: await pixels(image, 0), e: await pixels(edges[n], 0) });
    }
    images = { x, seen, drrs };
    one(".dp-stills").hidden = true;
    one(".dp-live").hidden = false;
    choose();
    box.dataset.ready = "yes";
  })();
}
