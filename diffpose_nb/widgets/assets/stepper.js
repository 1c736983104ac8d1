// Found by its class, not by an id or by currentScript: Lab and Colab insert scripts each in their own way.
for (const box of document.querySelectorAll(".dp-stepper:not([data-ready])")) {
  box.dataset.ready = "yes";
  const bar = box.querySelector(".dp-bar"),
    range = box.querySelector("input");
  const [back, forth] = bar.querySelectorAll("button"), count = box.querySelector("output");
  const figures = [...box.querySelectorAll("figure")],
    frame = box.querySelector("iframe");
  const show = (step) => {
    const n = Math.min(Math.max(step, 1), figures.length);
    figures.forEach((figure, k) => { figure.hidden = k + 1 !== n; });
    range.value = n;
    range.setAttribute("aria-valuetext", figures[n - 1].querySelector("b").textContent);
    count.textContent = n + " / " + figures.length;
    back.disabled = n === 1;
    forth.disabled = n === figures.length;
    if (frame && frame.contentWindow) frame.contentWindow.postMessage({ step: n - 1 }, "*");
  };
  range.addEventListener("input", () => show(+range.value));
  back.addEventListener("click", () => show(+range.value - 1));
  forth.addEventListener("click", () => show(+range.value + 1));
  box.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 } [event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    show(+range.value + way);
  });
  if (frame) frame.addEventListener("load", () => show(+range.value));
  bar.hidden = false;
  show(1);
}
