"""Questions and exercises answered in a browser: by mouse, by keys, on a phone, without scripts, in Lab."""

import sys
from pathlib import Path

import pytest
from in_lab import errors

from diffpose_nb import exercises

BOOK = Path(__file__).parents[2] / "book"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
FRAME = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Page</title><body>{}</body></html>'
# What the page says to each answer, without the mouse and the keys, which other tests use.
CHECKED = """(typed) => typed.map((answer) => {
  document.querySelector("input").value = answer;
  [...document.querySelectorAll("button")].find((one) => one.innerText === "Check").click();
  return document.querySelector("[role=status]").innerText;
})"""
NUMBERS = ["10,5", "10.5 mm", "\N{MINUS SIGN}3", "1 000", "2e3", ".5"]
AS_TYPED = [10.5, 10.5, -3, 1000, 2000, 0.5]


@pytest.fixture(scope="module")
def field():
    sys.path.insert(0, str(BOOK / "_ext"))
    import answers

    return answers.field


@pytest.fixture(scope="module")
def tab(open_page):
    """One for all tests: to open a tab takes longer than what most of them do in it."""
    return open_page()


@pytest.fixture
def shown(tab, tmp_path):
    """Opens a page with the given body, on a wide screen."""

    def shown(body):
        path = tmp_path / "page.html"
        path.write_text(FRAME.format(body), encoding="utf-8")
        tab.complaints.clear()
        tab.set_viewport_size(DESKTOP)
        tab.goto(path.as_uri())
        return tab

    return shown


@pytest.fixture
def form(shown, field):
    """Opens a page with the field of an exercise."""
    script = (BOOK / "_static" / "answers.js").read_text(encoding="utf-8")

    def form(name):
        raw = field(name, "some.ipynb").removeprefix("```{raw} html\n").removesuffix("\n```")
        return shown(f"{raw}<script>{script}</script>")

    return form


def test_each_answer_says_at_once_why(shown):
    page = shown(exercises.quiz("03").data)
    for question, block in zip(exercises.questions("03"), page.locator("fieldset").all(), strict=True):
        for choice, item in zip(question.choices, block.locator(".dp-choices li").all(), strict=True):
            said = item.get_by_role("status")
            assert not said.inner_text()
            item.get_by_role("button").click()
            assert said.inner_text().startswith("Right." if choice.right else "Not this one.")
            assert choice.why.replace("`", "").replace("*", "").split(".")[0] in said.inner_text()
            assert ("✓" if choice.right else "✗") in item.get_by_role("button").inner_text()
    assert not page.locator("details").count(), "what was folded is not there twice"
    assert not page.complaints


def test_keys_answer_a_question(shown):
    page = shown(exercises.quiz("00").data)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    said = page.locator("fieldset").first.get_by_role("status")
    assert said.nth(0).inner_text() and said.nth(1).inner_text() and not said.nth(2).inner_text()
    ring = page.locator("button:focus").evaluate("(button) => getComputedStyle(button).outlineWidth")
    assert float(ring.removesuffix("px")) >= 2, "the focus is seen"


@pytest.mark.parametrize("number", sorted(exercises.quizzes._all()))
def test_a_question_fits_a_phone(shown, number):
    page = shown(exercises.quiz(number).data)
    page.set_viewport_size(PHONE)
    for button in page.locator(".dp-quiz button").all():
        assert button.bounding_box()["height"] >= 36, "as large as a finger"
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_letters_are_those_of_the_page(shown):
    page = shown(f'<div style="color: rgb(1, 2, 3); background: black">{exercises.quiz("03").data}</div>')
    colours = page.locator(".dp-quiz :is(legend, button, .dp-goal)").evaluate_all(
        "(all) => all.map((one) => getComputedStyle(one).color)"
    )
    assert set(colours) == {"rgb(1, 2, 3)"}


def test_without_scripts_answers_unfold(browser, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(FRAME.format(exercises.quiz("03").data), encoding="utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    folded = page.locator("details").first
    assert page.locator(".dp-choices li").first.is_visible()
    assert not folded.locator("li").first.is_visible()
    folded.locator("summary").click()
    assert folded.locator("li").first.is_visible()
    context.close()


def test_a_field_says_what_check_says(form):
    """For the right answer, each usual mistake, and something else, of all exercises."""
    for name, make in exercises.EXERCISES.items():
        exercise, page = make(), form(name)
        numbers = [exercise.answer, *(mistake.answer for mistake in exercise.mistakes), 987654.0]
        all_said = page.evaluate(CHECKED, [repr(float(number)) for number in numbers])
        for number, said in zip(numbers, all_said, strict=True):
            expected = exercises.check(name, number)
            if number == 987654.0:
                assert said == f"Not yet: it is not 987700 {exercise.unit}".rstrip() + "."
            else:
                assert said == expected.message.strip()
        assert not page.complaints


@pytest.mark.parametrize(("typed", "number"), [*zip(NUMBERS, AS_TYPED, strict=True)])
def test_numbers_as_people_write_them(form, typed, number):
    page = form("00-depth")
    page.get_by_role("textbox").fill(typed)
    page.get_by_role("textbox").press("Enter")
    assert f"it is not {number:g} mm" in page.get_by_role("status").inner_text()


@pytest.mark.parametrize(
    ("typed", "said"), [("", "a single number"), ("seven", "a single number"), ("12,500", "decimal point")]
)
def test_what_is_no_number_is_not_yet(form, typed, said):
    page = form("00-depth")
    page.get_by_role("textbox").fill(typed)
    page.get_by_role("button", name="Check").click()
    assert page.get_by_role("status").inner_text().startswith("Not yet")
    assert said in page.get_by_role("status").inner_text()


def test_keys_answer_in_lab(open_notebook):
    """Enter presses the button; elsewhere in command mode it would begin to edit the cell."""
    notebook = open_notebook("notebooks/questions.ipynb", 'from diffpose_nb import exercises\n\nexercises.quiz("03")')
    assert not errors(notebook.run_all())
    first = notebook.page.locator(".dp-quiz li").first
    first.get_by_role("button").focus()
    notebook.page.keyboard.press("Enter")
    assert first.get_by_role("status").inner_text()
    assert first.get_by_role("button").evaluate("(button) => button === document.activeElement")
    assert not notebook.page.locator(".jp-Notebook.jp-mod-editMode").count()
    assert not notebook.page.complaints
