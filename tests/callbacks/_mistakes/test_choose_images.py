"""Choice of the validation images that are explained."""

from __future__ import annotations

from camaug.callbacks._mistakes.choose_images import Candidate, choose_images


def candidates(numbers, first=0.0) -> list[Candidate]:
    """Return candidates in falling order."""
    return [Candidate(number, first - place, (0, place)) for place, number in enumerate(numbers)]


def numbers_of(chosen) -> list[int]:
    return [image.number for image in chosen]


def test_each_list_gets_its_share_of_the_budget():
    lists = [candidates(range(start, start + 16)) for start in (0, 100, 200, 300)]
    chosen = choose_images(lists, 16)
    shares = [sum(start <= number < start + 100 for number in numbers_of(chosen)) for start in (0, 100, 200, 300)]
    assert shares == [6, 3, 3, 4]
    assert numbers_of(chosen)[:6] == [0, 1, 2, 3, 4, 5]


def test_what_a_list_leaves_goes_to_the_others():
    chosen = choose_images([candidates([1, 2]), [], candidates(range(20, 36)), candidates(range(40, 56))], 16)
    assert len(chosen) == 16
    assert {1, 2} <= set(numbers_of(chosen))


def test_an_image_of_several_lists_counts_once_and_has_all_scores():
    chosen = choose_images([candidates([5], 0.9), candidates([5], 0.8), candidates([5, 6], -0.1), []], 4)
    assert numbers_of(chosen) == [5, 6]
    assert chosen[0].scores == {"wrong": 0.9, "forgotten": 0.8, "uncertain": -0.1}


def test_images_of_all_processes_are_ordered_by_their_scores():
    wrong = [Candidate(0, 0.5, (0, 0)), Candidate(1, 0.9, (1, 0)), Candidate(2, 0.7, (0, 1))]
    chosen = choose_images([wrong, [], [], []], 2)
    assert [(image.number, image.source) for image in chosen] == [(1, (1, 0)), (2, (0, 1))]


def test_an_image_that_two_processes_have_counts_once():
    wrong = [Candidate(3, 0.5, (0, 0)), Candidate(3, 0.5, (1, 0))]
    assert numbers_of(choose_images([wrong, [], [], []], 16)) == [3]


def test_the_budget_is_never_exceeded():
    lists = [candidates(range(start, start + 16)) for start in (0, 100, 200, 300)]
    for budget in range(1, 20):
        assert len(choose_images(lists, budget)) == budget
