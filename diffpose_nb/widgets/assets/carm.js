// <dp-carm>: a C-arm that a reader moves, and the DRR that follows, in a page without a kernel. What the page shows
// without it, a still, is inside the element and stays where there is no WebGL2.
diffposeCArm.works ??= () => {
  const context = document.createElement("canvas").getContext("webgl2");
  context?.getExtension("WEBGL_lose_context")?.loseContext(); // a page may have few of them
  return context !== null && "DecompressionStream" in globalThis;
};
diffposeCArm.page ??= (sliders, views, group) => {
  const turns = sliders.some(([name]) => name === "primary"),
    shifts = sliders.some(([name]) => name === "left");
  const bar = ([name, text, low, high, step]) => `<div class="dp-bar">
    <label for="${group + name}">${text}</label><output aria-hidden="true"></output>
    <input type="range" id="${group + name}" name="${name}" min="${low}" max="${high}" step="${step}"></div>`;
  const letter = (at) => `<span class="dp-letter dp-${at}" aria-hidden="true"></span>`;
  const go = (name) => `<button type="button" class="dp-go">${name}</button>`;
  const hint = (turns ? "Drag the picture: the detector follows, to the patient's left or right, head or feet. " :
      "") +
    (shifts ? "With two fingers, or with Shift, the drag shifts the patient." : "");
  return `<div class="dp-stage"><div class="dp-screen"><div class="dp-picture${turns ? " dp-turns" : ""}">
    <canvas ${turns ? 'tabindex="0" ' : ""}role="img" width="256" height="256"></canvas>
    ${["left", "right", "top", "bottom"].map(letter).join("")}</div><p class="dp-hint">${hint}</p></div>
    <div class="dp-side"><p class="dp-says">One moment: a small CT is on its way, 1 MB.</p>${sliders.map(bar).join("")}
    <div class="dp-buttons">${[...Object.keys(views), "start again"].map(go).join("")}</div></div>
    <div class="dp-drawings"></div></div><p class="dp-credit"></p>`;
};

if (!customElements.get("dp-carm")) customElements.define("dp-carm", class extends HTMLElement {
  async connectedCallback() {
    if (this.settings) return;
    this.settings = JSON.parse(this.dataset.settings);
    const still = this.querySelector(".dp-still");
    try {
      if (!diffposeCArm.works()) throw new Error("this browser has no WebGL2");
      still.hidden = true;
      this.build();
      await this.nearby();
      await this.load();
      this.show();
      this.dataset.ready = "yes";
    } catch (reason) {
      this.dataset.ready = "still";
      this.dataset.reason = reason.message;
      still.hidden = false;
      this.live?.remove();
    }
  }

  // In the part that is alive: the still may be a widget with bars and buttons of its own.
  find(query) {
    return this.live.querySelector(query);
  }

  // Files are asked for when the reader comes near.
  nearby() {
    return new Promise((resolve) => {
      const watch = new IntersectionObserver((seen) => {
        if (!seen.some((one) => one.isIntersecting)) return;
        watch.disconnect();
        resolve();
      }, { rootMargin: "600px" });
      watch.observe(this);
    });
  }

  async load() {
    if (this.settings.registration) {
      this.task = await diffposeCArm.load("registration").then(diffposeCArm.task);
      Object.assign(this.view, this.task.start, { sid: this.task.sid, sod: this.task.sod });
      diffposeCArm.register(this);
    }
    this.home = { ...this.view };
    this.ct = await diffposeCArm.load("ct");
    this.render = await diffposeCArm.shared();
    if (!this.render) throw new Error("the graphics card refused the shader");
    this.find(".dp-credit").textContent = this.ct.credit;
  }

  build() {
    const { sliders, start, views } = this.settings,
      live = this.live = document.createElement("div");
    live.className = "dp-live";
    live.innerHTML = diffposeCArm.page(sliders, views, "carm-" + Math.random().toString(36).slice(2));
    this.append(live);
    this.view = { turn: 0, left: 0, front: 0, head: 0, ...start };
    this.canvas = this.find("canvas");
    for (const input of this.live.querySelectorAll(".dp-bar input")) {
      input.addEventListener("input", () => this.go(Object.fromEntries([
        [input.name, +input.value]
      ])));
    }
    for (const button of this.live.querySelectorAll(".dp-go")) {
      button.addEventListener("click", () => this.go(views[button.textContent] ?? this.home, "a button"));
    }
    if (this.find(".dp-turns")) this.listen();
  }

  // A drag, two fingers, or keys on the picture.
  listen() {
    const { canvas } = this, { reach } = this.settings, down = new Map();
    const move = (x, y, shift) => shift ? this.push(x, y) : this.turn(x, y);
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      down.set(event.pointerId, event);
    });
    canvas.addEventListener("pointermove", (event) => {
      const last = down.get(event.pointerId);
      if (!last) return;
      down.set(event.pointerId, event);
      // Fractions of the picture's width; each of two fingers moves it by half.
      const width = canvas.clientWidth * down.size;
      const [x, y] = [event.clientX - last.clientX, event.clientY - last.clientY];
      move(x / width, y / width, event.shiftKey || down.size > 1);
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, (event) => down.delete(event.pointerId));
    }
    // A finger that scrolls the page shall not be caught: up and down belong to the page until the picture is touched
    // or dragged to the side, and again after a touch elsewhere.
    canvas.addEventListener("pointerup", () => canvas.classList.add("dp-awake"));
    document.addEventListener("pointerdown", (event) => {
      if (!this.contains(event.target)) canvas.classList.remove("dp-awake");
    });
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    canvas.addEventListener("keydown", (event) => {
      const way = ways[event.key];
      if (!way) return;
      event.preventDefault();
      move(way[0] / reach, way[1] / reach, event.shiftKey);
    });
  }

  // The detector follows the finger: to the right is to the patient's left, up is to the head.
  turn(x, y) {
    const { reach } = this.settings, { primary, secondary } = this.view;
    this.go({ primary: primary + x * reach, secondary: secondary - y * reach });
  }

  // The patient follows the finger; the isocentre goes the other way. At the isocentre the picture is smaller, by
  // SOD/SID.
  push(x, y) {
    const { u, v } = diffposeCArm.geometry.pose(this.view), { sid, sod, left, front, head } = this.view;
    const mm = (this.field * sod) / sid,
      by = u.map((_, k) => -mm * (x * u[k] + y * v[k]));
    this.go({ left: left - by[0], front: front + by[1], head: head + by[2] });
  }

  // Side of the detector, mm.
  get field() {
    return this.task?.field ?? this.settings.field;
  }

  // To another view. The reader stays within what the sliders allow, and what has no slider stays as it is.
  go(change, by = "the reader") {
    if (by !== "the reader") Object.assign(this.view, change);
    else {
      for (const [name, , low, high] of this.settings.sliders) {
        if (name in change) this.view[name] = Math.min(Math.max(change[name], low), high);
      }
    }
    // A key counts from where the slider stands, so the slider cannot wait for the next picture.
    for (const input of this.live.querySelectorAll(".dp-bar input[name]")) input.value = this.view[input.name];
    this.dispatchEvent(new CustomEvent("carm-moved", { detail: by }));
    this.request();
  }

  // Only the newest view is drawn, once a frame of the screen; small, if the graphics card is slow, and whole at rest.
  request() {
    if (!this.render) return;
    const { pixels } = this.settings;
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.show(), 200);
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.show(this.took > 33 ? pixels / 2 : pixels);
    });
  }

  show(pixels = this.settings.pixels) {
    const { geometry, picture, drawing } = diffposeCArm, began = performance.now();
    const pose = geometry.pose(this.view),
      integrals = this.render(pose, this.view.sid, this.field, pixels);
    if (!integrals) return; // the graphics card is not there at the moment
    Object.assign(this, { pose, integrals });
    if (this.task) diffposeCArm.compare(this, integrals, pixels);
    else picture.greys(this.canvas, integrals);
    const ways = { left: pose.u, right: pose.u, top: pose.v, bottom: pose.v };
    for (const [at, way] of Object.entries(ways)) {
      const sign = at === "left" || at === "top" ? -1 : 1;
      this.find(".dp-" + at).textContent = geometry.letters(way.map((x) => sign * x));
    }
    this.find(".dp-drawings").innerHTML = drawing(this.view, pose, this.field, this.ct.outline);
    this.tell();
    if (pixels === this.settings.pixels) {
      this.took = performance.now() - began;
      clearTimeout(this.rest);
    }
    this.shown = (this.shown ?? 0) + 1;
  }

  tell() {
    const { geometry } = diffposeCArm, says = this.find(".dp-says");
    const digits = this.settings.sliders.some(([, , , , step]) => step < 1) ? 1 : 0;
    const angles = geometry.words(this.view, digits);
    if (!this.task) says.textContent = angles + "; " + geometry.magnified(this.view);
    const error = this.task ? ", " + this.find(".dp-error").textContent : "";
    const keys = this.find(".dp-turns") ? "; arrow keys turn the C-arm, with Shift they shift the patient" : "";
    this.canvas.setAttribute("aria-label", "DRR of the chest, " + angles + error + keys);
    for (const bar of this.live.querySelectorAll(".dp-bar:not(.dp-steps)")) {
      const [, output, input] = bar.children, value = this.view[input.name];
      input.value = value;
      output.textContent = value.toFixed(digits).replace("-", "−").replace(/^−(0(\.0)?)$/, "$1");
      input.setAttribute("aria-valuetext", output.textContent);
    }
  }
});
