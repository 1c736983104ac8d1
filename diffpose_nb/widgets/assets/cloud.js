// Found by its class, not by an id or by currentScript: Lab and Colab insert scripts each in their own way.
for (const box of document.querySelectorAll(".dp-cloud:not([data-ready])")) {
  box.dataset.ready = "yes";
  const set = JSON.parse(box.dataset.settings),
    canvas = box.querySelector("canvas"),
    context = canvas.getContext("2d"),
    axes = [...box.querySelectorAll(".dp-axis")],
    says = box.querySelector(".dp-said");
  const state = { turn: -0.6, tilt: 0.35 }; // where the viewer is, radians
  const radians = (degrees) => (degrees * Math.PI) / 180;
  const add = (a, b, s) => a.map((value, n) => value + s * b[n]);
  const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  const unit = (a) => {
    const length = Math.hypot(...a);
    return a.map((value) => value / length);
  };
  // As diffpose_nb.train.PoseRange.pose: the C-arm turns about the isocentre, the image rolls, the camera moves.
  // World axes: right, front, head. Angles: DICOM's, so that primary 90 puts the detector at the patient's left.
  const pose = (offsets) => {
    const alpha = radians(set.view[0] + offsets[0]),
      beta = radians(set.view[1] + offsets[1]),
      roll = radians(offsets[2]);
    const depth = [-Math.sin(alpha) * Math.cos(beta), Math.cos(alpha) * Math.cos(beta), Math.sin(beta)];
    const down = [-Math.sin(alpha) * Math.sin(beta), Math.cos(alpha) * Math.sin(beta), -Math.cos(beta)];
    const right = cross(down, depth);
    const x = add(right.map((v) => v * Math.cos(roll)), down, Math.sin(roll)),
      y = add(down.map((v) => v * Math.cos(roll)), right, -Math.sin(roll));
    let source = add(set.centre, depth, -set.sod);
    source = add(add(add(source, x, offsets[3]), y, offsets[4]), depth, -offsets[5]);
    return { source, x, y, depth };
  };
  const middle = pose([0, 0, 0, 0, 0, 0]).depth.map((v) => (v * (set.sid - 2 * set.sod)) / 2); // of source and detector
  const half = () => axes.map((axis, n) => (set.half[n] * +axis.querySelector("input").value) / set.levels);
  const seen = (point) => {
    const c = Math.cos(state.turn),
      s = Math.sin(state.turn),
      [a, b, h] = add(add(point, set.centre, -1), middle, -1);
    const across = c * a - s * b,
      away = s * a + c * b;
    const up = h * Math.cos(state.tilt) + away * Math.sin(state.tilt);
    return [canvas.width / 2 + 0.44 * across, canvas.height / 2 - 0.44 * up];
  };
  const stroke = (points, color, width, closed) => {
    context.beginPath();
    points.forEach((point, n) => context[n ? "lineTo" : "moveTo"](...seen(point)));
    if (closed) context.closePath();
    context.strokeStyle = color;
    context.lineWidth = width;
    context.stroke();
  };
  const patient = () => {
    const [a, b, h] = [170, 110, set.field];
    for (const z of [-h, 0, h]) {
      const ring = [];
      for (let k = 0; k < 48; k++) {
        const t = (k * Math.PI) / 24;
        ring.push(add(set.centre, [a * Math.cos(t), b * Math.sin(t), z], 1));
      }
      stroke(ring, "#777777", 1.6, true);
    }
    for (const t of [0, 0.5, 1, 1.5]) {
      const side = [a * Math.cos(t * Math.PI), b * Math.sin(t * Math.PI)];
      stroke([-h, h].map((z) => add(set.centre, [...side, z], 1)), "#777777", 1.6, false);
    }
    context.fillStyle = "#333333";
    context.font = "600 22px sans-serif";
    const letters = {
      R: [a + 45, 0, 0],
      L: [-a - 45, 0, 0],
      A: [0, b + 45, 0],
      P: [0, -b - 45, 0],
      H: [0, 0, h +
        45
      ]
    };
    for (const [letter, place] of Object.entries(letters)) {
      const [x, y] = seen(add(set.centre, place, 1));
      context.fillText(letter, x - 8, y + 8);
    }
  };
  const camera = (offsets, strong) => {
    const { source, x, y, depth } = pose(offsets),
      middle = add(source, depth, set.sid);
    const corners = [
        [-1, -1],
        [1, -1],
        [1, 1],
        [-1, 1]
      ]
      .map(([i, j]) => add(add(middle, x, (i * set.size[0]) / 2), y, (j * set.size[1]) / 2));
    context.globalAlpha = strong ? 1 : 0.28;
    const color = strong ? set.colors[1] : set.colors[0];
    stroke(corners, color, strong ? 3 : 1, true);
    if (!strong) stroke([source, middle], color, 0.6, false);
    else corners.forEach((corner) => stroke([source, corner], color, 1.4, false));
    context.globalAlpha = strong ? 1 : 0.75;
    context.beginPath();
    context.arc(...seen(source), strong ? 7 : 3.5, 0, 2 * Math.PI);
    context.fillStyle = color;
    context.fill();
    context.globalAlpha = 1;
  };
  const draw = () => {
    const now = half();
    context.clearRect(0, 0, canvas.width, canvas.height);
    patient();
    set.shares.forEach((row) => camera(row.map((share, n) => share * now[n]), false));
    camera([0, 0, 0, 0, 0, 0], true);
    const words = now.map((value, n) => set.names[n] + " ±" + +value.toFixed(1) + " " + set.units[n]);
    says.textContent = set.shares.length + " cameras: blue dots are sources, blue frames detectors; " +
      "orange the nominal view. Drag to turn.";
    canvas.setAttribute("aria-label", "Cameras around a patient drawn from " + words.join(", "));
    axes.forEach((axis, n) => {
      axis.querySelector("output").textContent = "±" + +now[n].toFixed(1) + (set.units[n] === "°" ? "" : " ") +
        set.units[n];
      const level = axis.querySelector("input").value;
      axis.querySelectorAll("figure").forEach((figure) => { figure.hidden = figure.dataset.level !== level; });
    });
  };
  axes.forEach((axis) => axis.querySelector("input").addEventListener("input", draw));
  let from = null;
  canvas.addEventListener("pointerdown", (event) => {
    from = [event.clientX, event.clientY];
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!from) return;
    state.turn += (event.clientX - from[0]) / 150;
    state.tilt = Math.max(-1.4, Math.min(1.4, state.tilt + (event.clientY - from[1]) / 200));
    from = [event.clientX, event.clientY];
    draw();
  });
  canvas.addEventListener("pointerup", () => { from = null; });
  canvas.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] } [event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    state.turn += 0.15 * way[0];
    state.tilt = Math.max(-1.4, Math.min(1.4, state.tilt + 0.1 * way[1]));
    draw();
  });
  box.querySelector(".dp-live").hidden = false;
  draw();
}
