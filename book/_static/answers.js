// Checks an answer to an exercise in the page, as exercises.check does in a notebook: the same numbers and sentences.
for (const form of document.querySelectorAll("form.answer")) {
  const bytes = Uint8Array.from(atob(form.dataset.exercise), (letter) => letter.charCodeAt(0));
  const exercise = JSON.parse(new TextDecoder().decode(bytes));
  const field = form.querySelector("input"),
    says = form.querySelector("[role=status]");

  const close = (number, other, tolerance) =>
    Math.abs(number - other) <= tolerance * Math.max(Math.abs(number), Math.abs(other));

  // A number as people write it: with a comma, a minus from a book, spaces between thousands, or its unit behind it.
  const read = (text) => {
    const plain = text.replace(/[\s\u00a0\u202f]/g, "").replace(/[\u2212\u2013]/g, "-");
    const unit = exercise.unit.replace(/\s/g, "");
    const alone = unit && plain.endsWith(unit) ? plain.slice(0, -unit.length) : plain;
    if (/^[+-]?[1-9]\d{0,2}(,\d{3})+$/.test(alone)) return "comma";
    const number = alone.replace(",", ".");
    return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(number) ? Number(number) : "words";
  };

  const verdict = (number) => {
    if (number === "comma") return [false, "Not yet: is that comma a decimal point? Write a point, or leave it out."];
    if (number === "words") return [false, "Not yet: a single number is expected, such as 12.5."];
    if (close(number, exercise.answer, exercise.tolerance)) return [true, exercise.right];
    const mistake = exercise.mistakes.find((one) => close(number, one.answer, one.tolerance));
    if (mistake) return [false, "Not yet. " + mistake.hint];
    return [false, "Not yet: it is not " + Number(number.toPrecision(4)) + (" " + exercise.unit).trimEnd() + "."];
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const [right, message] = verdict(read(field.value));
    form.classList.toggle("right", right);
    form.classList.toggle("wrong", !right);
    says.textContent = message;
  });
  form.hidden = false;
}
