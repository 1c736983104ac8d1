// Found by its class, not by an id or by currentScript: Lab and Colab insert scripts each in their own way.
for (const box of document.querySelectorAll(".dp-picker:not([data-ready])")) {
  box.dataset.ready = "yes";
  const figures = [...box.querySelectorAll("figure")],
    groups = [...box.querySelectorAll("fieldset")];
  const salt = Math.random().toString(36).slice(2);
  const show = () => {
    const wanted = JSON.stringify(groups.map((group) => group.querySelector("input:checked").value));
    figures.forEach((figure) => {
      figure.hidden = JSON.stringify(JSON.parse(figure.dataset.choice)) !== wanted;
    });
  };
  groups.forEach((group, n) => {
    group.querySelectorAll("input").forEach((input) => {
      const first = input.defaultChecked;
      input.name = "dp-picker-" + salt + "-" + n; // one name a group, and another in every widget of the page
      input.checked = first;
      input.addEventListener("change", show);
    });
    group.hidden = group.querySelectorAll("input").length < 2;
  });
  box.querySelector(".dp-live").hidden = false;
  show();
}
