window.global = window; // where the viewer puts its render window
let current = 0,
  actors = null;
const still = document.getElementById("still");

function show() {
  still.src = "data:image/jpeg;base64," + settings.stills[current];
  if (!actors) return;
  settings.steps.forEach((step, n) => step.forEach((k) => actors[k].setVisibility(n === current)));
  window.renderWindow.render();
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

// Letters keep facing the viewer: a turn from the axes they were made in to those of the camera, about their middle.
function turnLabels(camera) {
  const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  const back = camera.getDirectionOfProjection().map((v) => -v),
    norm = (a) => a.map((v) => v / Math.hypot(...a));
  const right = norm(cross(camera.getViewUp(), back)),
    now = [right, cross(back, right), back],
    old = settings.axes;
  const turn = [0, 1, 2].map((i) => [0, 1, 2].map((j) => now.reduce((sum, axis, k) => sum + axis[i] * old[k][j], 0)));
  for (const [index, ...p] of settings.labels) {
    const t = turn.map((row, i) => p[i] - row[0] * p[0] - row[1] * p[1] - row[2] * p[2]);
    actors[index].setUserMatrix([0, 1, 2].flatMap((j) => [turn[0][j], turn[1][j], turn[2][j], 0]).concat(t, 1));
  }
}

function loadDataSet() {
  if (!document.createElement("canvas").getContext("webgl2")) {
    document.getElementById("hint").textContent = "a still: this browser shows no 3D";
    // Else the viewer, left without a scene, would ask for a file.
    try { OfflineLocalView.load(document.createElement("div"), {}); } catch {}
    return;
  }
  OfflineLocalView.load(document.querySelector(".content"), { base64Str: settings.scene });
  const wait = setInterval(() => {
    const renderers = window.renderWindow ? window.renderWindow.getRenderers() : []; // the viewer's own, and ours
    const renderer = renderers.find((one) => one.getActors().length >= settings.actors);
    if (!renderer) return;
    clearInterval(wait);
    actors = renderer.getActors();
    const camera = renderer.getActiveCamera();
    camera.setViewAngle(settings.viewAngle);
    renderer.resetCameraClippingRange();
    camera.onModified(() => turnLabels(camera));
    turnLabels(camera);
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
show();
