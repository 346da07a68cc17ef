"""Parser of a command whose errors are one sentence."""

from __future__ import annotations

import pytest

from camaug.utils.command_parser import CommandParser


@pytest.fixture
def parser(monkeypatch):
    monkeypatch.setattr("sys.argv", ["camaug"])
    parser = CommandParser("compare", "Train.", "--config FILE")
    parser.add_argument("--config", required=True)
    parser.add_argument("--seeds", type=int)
    return parser


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--config=a", "--sedes=1"], "unknown argument '--sedes', did you mean '--seeds'?"),
        ([], "--config is needed; example: camaug compare --config FILE"),
        (["--config=a", "--seeds=x"], "argument --seeds: invalid int value: 'x'"),
    ],
)
def test_an_error_is_one_sentence_and_where_the_arguments_are_listed(arguments, sentence, parser, capsys):
    with pytest.raises(SystemExit) as ended:
        parser.parse_with_rest(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"error: {sentence}\n(camaug compare --help lists the arguments)\n"


def test_other_arguments_are_returned(parser):
    options, rest = parser.parse_with_rest(["--config=a", "--data.root", "x", "--seed_everything=1"])
    assert options.config == "a"
    assert rest == ["--data.root", "x", "--seed_everything=1"]
