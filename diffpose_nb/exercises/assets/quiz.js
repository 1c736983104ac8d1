// Found by its class, not by an id or by currentScript: Lab and Colab insert scripts each in their own way.
for (const box of document.querySelectorAll(".dp-quiz:not([data-ready])")) {
  box.dataset.ready = "yes";
  for (const question of box.querySelectorAll("fieldset")) {
    const folded = question.querySelector("details");
    const reasons = [...folded.querySelectorAll("li")];
    question.querySelectorAll(".dp-choices li").forEach((choice, n) => {
      const button = document.createElement("button"),
        text = document.createElement("span"),
        says = document.createElement("div"),
        mark = document.createElement("span");
      button.type = "button";
      text.append(...choice.childNodes); // one thing, or the button would set its words apart
      button.append(text);
      mark.className = "dp-mark";
      mark.setAttribute("aria-hidden", "true");
      button.append(mark);
      // A live region is read out when its text appears, so it has to be there before.
      says.className = "dp-says";
      says.setAttribute("role", "status");
      choice.append(button, says);
      button.addEventListener("click", () => {
        const right = reasons[n].classList.contains("dp-right");
        choice.className = right ? "dp-right" : "dp-wrong";
        mark.textContent = right ? "✓" : "✗";
        says.innerHTML = reasons[n].innerHTML;
      });
    });
    folded.remove();
  }
}
