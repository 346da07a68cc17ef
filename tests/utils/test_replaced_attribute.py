from __future__ import annotations

import math
from contextlib import ExitStack

import pytest
from torch import nn

from camaug.utils.replaced_attribute import replaced_attribute


class Owner:
    kind = "class"

    def __init__(self) -> None:
        self._size = 1

    @staticmethod
    def make() -> str:
        return "made"

    @property
    def size(self) -> int:
        return self._size

    @size.setter
    def size(self, value: int) -> None:
        self._size = value


def test_an_instance_attribute_is_restored():
    owner, own = Owner(), object()
    owner.kind = own
    with replaced_attribute(owner, "kind", "other"):
        assert owner.kind == "other"
    assert vars(owner)["kind"] is own


def test_a_class_attribute_is_inherited_again():
    owner = Owner()
    with replaced_attribute(owner, "kind", "other"):
        assert (owner.kind, Owner.kind) == ("other", "class")
    assert "kind" not in vars(owner)


def test_a_missing_attribute_is_removed_again():
    owner = Owner()
    with replaced_attribute(owner, "new", None):
        assert owner.new is None
    assert not hasattr(owner, "new")


def test_a_static_method_stays_static():
    with replaced_attribute(Owner, "make", staticmethod(lambda: "other")):
        assert Owner().make() == "other"
    assert isinstance(vars(Owner)["make"], staticmethod)
    assert Owner().make() == "made"


def test_an_inherited_attribute_of_a_class_is_inherited_again():
    class Heir(Owner):
        pass

    with replaced_attribute(Heir, "kind", "other"):
        assert (Heir.kind, Owner.kind) == ("other", "class")
    assert "kind" not in vars(Heir)


def test_a_property_is_set_through_its_setter():
    owner = Owner()
    with replaced_attribute(owner, "size", 5):
        assert owner._size == 5
    assert owner._size == 1
    assert "size" not in vars(owner)


def test_a_function_of_an_imported_module():
    with replaced_attribute(math, "floor", lambda value: "floor"):
        assert math.floor(1.5) == "floor"
    assert math.floor(1.5) == 1


def test_a_module_does_not_register_the_value():
    model = nn.Linear(2, 2)
    with replaced_attribute(model, "helper", nn.ReLU()):
        assert [name for name, _ in model.named_children()] == []
    assert not hasattr(model, "helper")


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_replacements_may_end_in_any_order(order, own):
    owner = Owner()
    if own:
        owner.kind = "own"
    stacks = [ExitStack() for _ in range(3)]
    for number, stack in enumerate(stacks):
        stack.enter_context(replaced_attribute(owner, "kind", number))
    remaining = [0, 1, 2]
    for number in order:
        stacks[number].close()
        remaining.remove(number)
        assert owner.kind == (remaining[-1] if remaining else "own" if own else "class")
    assert vars(owner).get("kind", "absent") == ("own" if own else "absent")


def test_an_error_restores_the_attribute():
    owner = Owner()
    with pytest.raises(ZeroDivisionError), replaced_attribute(owner, "kind", "other"):
        raise ZeroDivisionError
    assert owner.kind == "class"


def test_an_attribute_that_cannot_be_set_changes_nothing():
    class Sealed:
        __slots__ = ("a",)

    owner = Sealed()
    with pytest.raises(AttributeError), replaced_attribute(owner, "b", 1):
        pytest.fail("is not entered")
    with replaced_attribute(owner, "a", 1):
        assert owner.a == 1
    assert not hasattr(owner, "a")
