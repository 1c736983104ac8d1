// The registration by hand: an X-ray under the DRR, the error in mm, and the steps of the algorithm, recorded.
globalThis.diffposeCArm ??= {};
diffposeCArm.task ??= async (data) => ({ ...data, xray: await diffposeCArm.inflate(data.packed), scaled: {} });

// Called at every new picture of the element.
diffposeCArm.compare ??= (carm, integrals, pixels) => {
  const { geometry, picture } = diffposeCArm, { task } = carm;
  const mm = (v) => v.toFixed(v < 0.95 ? 2 : 1) + " mm";
  task.scaled[pixels] ??= picture.scaled(task.xray, pixels);
  picture.overlay(carm.canvas, integrals, task.scaled[pixels], carm.shows);
  carm.error = geometry.mtre(geometry.matrix(carm.pose), task.truth, task.landmarks);
  if (!carm.playing && carm.moved) carm.best = Math.min(carm.best ?? Infinity, carm.error);
  carm.find(".dp-error").textContent = mm(carm.error) + " off";
  const first = "The header's pose. Every edge is doubled: move the C-arm until the picture is grey.";
  const hand = "By hand, the best so far: " + mm(carm.best ?? 0) + ". The algorithm ends at " + mm(task.last) + ".";
  const played = "The algorithm, rendering " + (carm.step + 1) + " of " + task.steps.length + ".";
  carm.find(".dp-says").textContent = carm.playing ? played : carm.best === undefined ? first : hand;
};

diffposeCArm.register ??= (carm) => {
  const { task } = carm, { geometry, picture } = diffposeCArm, count = task.steps.length;
  const group = Math.random().toString(36).slice(2);
  const as = (step) => Object.fromEntries(task.names.map((name, n) => [name, step[n]]));
  const last = geometry.pose({ ...carm.view, ...as(task.steps.at(-1)) });
  task.last = geometry.mtre(geometry.matrix(last), task.truth, task.landmarks);
  carm.shows = "both";
  const pill = (name) => `<label class="dp-pill">
    <input type="radio" name="show-${group}" value="${name}"${name === "both" ? " checked" : ""}>${name}</label>`;
  const says = carm.find(".dp-says"),
    buttons = carm.find(".dp-buttons");
  says.insertAdjacentHTML("beforebegin", `<output class="dp-error"></output>
    <fieldset><legend>show</legend>${["both", "X-ray", "DRR"].map(pill).join("")}</fieldset>`);
  says.after(buttons);
  buttons.insertAdjacentHTML("afterbegin", `<button type="button" class="dp-play">let the algorithm do it</button>`);
  buttons.insertAdjacentHTML("afterend", `<div class="dp-bar dp-steps" hidden>
    <label for="steps-${group}">the algorithm's rendering</label><output aria-hidden="true"></output>
    <input type="range" id="steps-${group}" min="1" max="${count}" step="1" value="1"></div>`);
  const bar = carm.find(".dp-steps"),
    [, output, slider] = bar.children;
  // Until the CT is here, the X-ray alone.
  picture.overlay(carm.canvas, null, picture.scaled(task.xray, carm.settings.pixels), "X-ray");
  for (const input of carm.live.querySelectorAll("fieldset input")) {
    input.addEventListener("change", () => {
      carm.shows = input.value;
      carm.request();
    });
  }
  let timer = 0;
  const stand = (n) => {
    Object.assign(carm, { step: n, playing: true });
    bar.hidden = false;
    slider.value = n + 1;
    output.textContent = n + 1 + " of " + count;
    carm.go(as(task.steps[n]), "the algorithm");
  };
  // Every step is one of the algorithm's own; the first and the second are shown longer.
  const beat = (n) => {
    stand(n);
    if (n + 1 < count) timer = setTimeout(() => beat(n + 1), n < 2 ? 900 : 350);
  };
  // Who asks for less motion sees the end at once, and can go through the steps with the slider.
  carm.find(".dp-play").addEventListener("click", () => {
    clearTimeout(timer);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) stand(count - 1);
    else beat(0);
  });
  slider.addEventListener("input", () => {
    clearTimeout(timer);
    stand(slider.value - 1);
  });
  // Whatever the reader moves takes over from the algorithm.
  carm.addEventListener("carm-moved", ({ detail: by }) => {
    if (by === "the algorithm") return;
    clearTimeout(timer);
    carm.playing = false;
    carm.moved = by === "the reader";
  });
};
