import doctest

import pytest

import coin_edu


def examples(name):
    """The lines of code in the docstring of a public name; of what can have none, in that of its class."""
    thing = getattr(coin_edu, name)
    text = coin_edu.Recipe.__doc__ if name == "RECIPES" else thing.__doc__
    return doctest.DocTestParser().get_examples(text or "")


@pytest.mark.parametrize("name", coin_edu.__all__)
def test_every_public_name_has_an_example_that_runs(name):
    found = examples(name)
    assert found, f"coin_edu.{name}: an example is missing from its docstring"
    assert any(name in example.source for example in found), f"no example of coin_edu.{name} uses it"
    assert not any(doctest.SKIP in example.options for example in found)
