"""Each student has numbers of their own, and every set of numbers has one right answer."""

import itertools

import pytest

from diffpose_nb import exercises

STUDENTS = [f"student{number}" for number in range(60)]
every_variant = pytest.mark.parametrize("name", exercises.VARIANTS)


def sets_of_numbers(name):
    choices = exercises.VARIANTS[name]
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]


@every_variant
def test_with_any_numbers_right_is_right_and_mistakes_are_named(name):
    for given in sets_of_numbers(name):
        exercise = exercises.EXERCISES[name](**given)
        assert exercises.check(name, exercise.answer, given).right
        for mistake in exercise.mistakes:
            verdict = exercises.check(name, mistake.answer, given)
            assert not verdict.right and mistake.hint in repr(verdict), given


@every_variant
def test_the_book_keeps_its_numbers(name):
    """Another student's answer is most often wrong in the book, and with the neighbour's numbers."""
    answers = [exercises.EXERCISES[name](**given).answer for given in sets_of_numbers(name)]
    book = exercises.EXERCISES[name]().answer
    assert sum(not exercises.check(name, answer).right for answer in answers) >= len(answers) - len(answers) // 4 - 1
    assert exercises.check(name, book).right


@every_variant
def test_students_share_out_the_numbers(name):
    drawn = [exercises.given(name, student) for student in STUDENTS]
    for quantity, values in exercises.VARIANTS[name].items():
        counts = [sum(each[quantity] == value for each in drawn) for value in values]
        assert min(counts) > 0 and max(counts) < 0.8 * len(STUDENTS)


def test_the_same_student_has_the_same_numbers():
    first, again = (exercises.given("04-source-height", name) for name in ("Ada  Lovelace", " ada lovelace"))
    assert first == again == {"primary": 41, "secondary": 21, "sod": 690}  # on every computer, in every year


def test_who_has_no_name_or_asks_for_no_variant_is_told():
    with pytest.raises(ValueError, match="user name"):
        exercises.given("04-source-height", "  ")
    with pytest.raises(ValueError, match=r"'00-depth' has no variants.*04-source-height"):
        exercises.given("00-depth", "ada")
