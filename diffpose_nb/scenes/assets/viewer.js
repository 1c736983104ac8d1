window.global = window; // where the viewer puts its render window
let current = 0,
  actors = null,
  renderer = null;
const still = document.getElementById("still"),
  names = document.getElementById("names"),
  lines = document.getElementById("lines"),
  views = document.getElementById("views");
const minus = (a, b) => a.map((v, i) => v - b[i]),
  dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0),
  unit = (a) => a.map((v) => v / Math.hypot(...a)),
  cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const slope = Math.tan(settings.viewAngle * Math.PI / 360);
let camera = settings.camera; // position, focus, up: of the scene, or of the still

function show() {
  still.src = "data:image/jpeg;base64," + settings.stills[current];
  if (actors) {
    settings.steps.forEach((step, n) => step.forEach((k) => actors[k].setVisibility(n === current)));
    window.renderWindow.render();
  }
  place();
}
addEventListener("message", (event) => {
  const step = event.data && event.data.step;
  if (Number.isInteger(step) && settings.steps[step]) {
    current = step;
    show();
  }
});

// The wheel scrolls the page; with Ctrl, or two fingers, it moves nearer.
addEventListener("wheel", (event) => { if (!event.ctrlKey) event.stopImmediatePropagation(); }, true);

// Right, up and backwards of a viewer.
function axes({ position, focus, up }) {
  const back = unit(minus(position, focus)),
    right = unit(cross(up, back));
  return [right, cross(back, right), back];
}

// Pixels of a point. The still is a square in the middle; the scene fills the height, or a narrow page's width.
function project(point) {
  const [x, y, z] = axes(camera).map((axis) => dot(minus(point, camera.position), axis));
  const scale = Math.min(innerWidth, innerHeight) / 2 / slope / -z;
  return [innerWidth / 2 + scale * x, innerHeight / 2 - scale * y];
}

// Names stand on their points or beside them. Each takes the first free place around its point.
function place() {
  const taken = views.hidden ? [] : [...views.children].map((one) => one.getBoundingClientRect());
  const free = (box) => box.left >= 0 && box.top >= 0 && box.right <= innerWidth && box.bottom <= innerHeight - 20 &&
    taken.every((o) => box.right < o.left || box.left > o.right || box.bottom < o.top || box.top > o.bottom);
  let drawn = "";
  for (const span of names.children) {
    const label = settings.labels[span.dataset.n];
    span.hidden = label.step !== null && label.step !== current;
    if (span.hidden) continue;
    const [x, y] = project(label.point), { offsetWidth: w, offsetHeight: h } = span;
    const around = label.beside ? [] : [
      [x, y]
    ];
    for (const far of [20, 40, 64, 92, 130])
      for (const turn of [-0.25, 0.25, -0.75, 0.75, 0, 1, -0.5, 0.5]) {
        const across = Math.cos(turn * Math.PI),
          down = Math.sin(turn * Math.PI);
        around.push([x + (far + w / 2) * across, y + (far + h / 2) * down]);
      }
    const boxes = around.map(([a, b]) => ({ left: a - w / 2, right: a + w / 2, top: b - h / 2, bottom: b + h / 2 }));
    const box = boxes.find(free);
    span.style.visibility = box ? "visible" : "hidden";
    if (!box) continue;
    taken.push(box);
    span.style.transform = `translate(${box.left}px, ${box.top}px)`;
    const near = [Math.min(Math.max(x, box.left), box.right), Math.min(Math.max(y, box.top), box.bottom)];
    if (Math.hypot(near[0] - x, near[1] - y) > 8) {
      drawn += `<line x1="${x}" y1="${y}" x2="${near[0]}" y2="${near[1]}"></line>`;
    }
  }
  lines.innerHTML = drawn;
}

// The viewer goes to a direction, as far away as it takes to see everything.
function look(towards, up) {
  const turned = axes({ position: towards, focus: [0, 0, 0], up });
  const flat = settings.corners.map((corner) => turned.map((axis) => dot(corner, axis)));
  const middle = [0, 1, 2].map((i) => (Math.min(...flat.map((p) => p[i])) + Math.max(...flat.map((p) => p[i]))) / 2);
  const wide = innerWidth / Math.min(innerWidth, innerHeight),
    high = innerHeight / Math.min(innerWidth, innerHeight);
  const far = Math.max(...flat.map((p) => p[2] - middle[2] +
    Math.max(Math.abs(p[0] - middle[0]) / wide, Math.abs(p[1] - middle[1]) / high) / slope / 0.94));
  const focus = [0, 1, 2].map((i) => turned.reduce((sum, axis, k) => sum + axis[i] * middle[k], 0));
  const one = renderer.getActiveCamera();
  one.set({ focalPoint: focus, position: focus.map((v, i) => v + far * turned[2][i]), viewUp: turned[1] });
  one.modified();
  renderer.resetCameraClippingRange();
  window.renderWindow.render();
}

function button(name, towards, up) {
  const one = document.createElement("button");
  one.type = "button";
  one.textContent = name;
  one.addEventListener("click", () => look(towards, up));
  views.append(one);
}

// Light or dark, as the page around this one, whose theme may change.
function follow() {
  let root;
  try { root = parent.document.documentElement; } catch { return; }
  const paint = () => {
    const dark = root.dataset.theme === "dark" || parent.document.body.dataset.jpThemeLight === "false";
    document.documentElement.classList.toggle("dark", dark);
    if (!renderer) return;
    renderer.setBackground(...(dark ? [0.078, 0.094, 0.118] : [1, 1, 1]));
    for (const k of settings.dark) actors[k].getProperty().setColor(...(dark ? [0.8, 0.8, 0.8] : [0.2, 0.2, 0.2]));
    window.renderWindow.render();
  };
  new MutationObserver(paint).observe(root, { attributes: true, attributeFilter: ["data-theme"] });
  new MutationObserver(paint).observe(parent.document.body, { attributes: true });
  paint();
  return paint;
}

function loadDataSet() {
  const paint = follow();
  if (!document.createElement("canvas").getContext("webgl2")) {
    document.getElementById("hint").textContent = "a still: this browser shows no 3D";
    // Else the viewer, left without a scene, would ask for a file.
    try { OfflineLocalView.load(document.createElement("div"), {}); } catch {}
    return;
  }
  OfflineLocalView.load(document.querySelector(".content"), { base64Str: settings.scene });
  const wait = setInterval(() => {
    const renderers = window.renderWindow ? window.renderWindow.getRenderers() : []; // the viewer's own, and ours
    renderer = renderers.find((one) => one.getActors().length >= settings.actors);
    if (!renderer) return;
    clearInterval(wait);
    actors = renderer.getActors();
    const one = renderer.getActiveCamera();
    one.setViewAngle(settings.viewAngle);
    const resized = () => one.setUseHorizontalViewAngle(innerWidth < innerHeight);
    addEventListener("resize", () => {
      resized();
      place();
    });
    resized();
    let soon = 0;
    one.onModified(() => {
      camera = { position: one.getPosition(), focus: one.getFocalPoint(), up: one.getViewUp() };
      cancelAnimationFrame(soon);
      soon = requestAnimationFrame(place);
    });
    for (const [name, [towards, up]] of Object.entries(settings.views)) button(name, towards, up);
    const first = settings.camera;
    button("reset", minus(first.position, first.focus), first.up);
    views.hidden = false;
    if (paint) paint();
    look(minus(first.position, first.focus), first.up);
    show();
    setTimeout(() => {
      show();
      still.hidden = true;
      still.style.display = "none";
      document.getElementById("hint").textContent = "drag to turn, Ctrl + wheel or pinch to move nearer";
      document.body.dataset.ready = "yes";
    }, 300);
  }, 50);
}
settings.labels.forEach((label, n) => {
  const span = document.createElement("span");
  span.textContent = label.text;
  span.style.setProperty("--own", label.color);
  span.dataset.n = n;
  names.append(span);
});
addEventListener("resize", place);
show();
