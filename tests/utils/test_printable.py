from __future__ import annotations

from camaug.utils.printable import printable, printable_lines


def test_visible_text_is_not_changed():
    assert printable("Äpfel, 图像 7") == "Äpfel, 图像 7"


def test_control_characters_are_escaped():
    assert printable("a\x1b]0;title\x07\r\n\u202eb") == "a\\x1b]0;title\\x07\\r\\n\\u202eb"


def test_lines_are_kept():
    assert printable_lines("first\x1b\nsecond") == "first\\x1b\nsecond"
