import pytest

from plait.contracts.errors import GenerationError
from plait.generators.canary import Canary


class _Engine:
    def __init__(self):
        self.songs, self.voice = 0, "sane"

    def sing(self):
        self.songs += 1
        if self.voice == "dead":
            raise RuntimeError("no voice")
        return self.voice


@pytest.fixture
def engine():
    return _Engine()


@pytest.fixture
def canary(engine):
    return Canary(engine.sing, "generator tiny", "restart it")


def _fail(canary, **settings):
    with canary.watching(**settings):
        raise ValueError("this request")


def test_it_sings_once_at_first_use_and_not_at_every_request(canary, engine):
    for _ in range(3):
        with canary.watching():
            pass
    assert engine.songs == 1


def test_a_failed_request_on_a_sane_engine_is_that_requests_fault_alone(canary, engine):
    with pytest.raises(ValueError, match="this request"):
        _fail(canary)
    assert engine.songs == 2
    with canary.watching():
        pass


@pytest.mark.parametrize("voice", ["other", "dead"])
def test_an_engine_that_is_no_longer_itself_is_refused_until_restarted(canary, engine, voice):
    with canary.watching():
        pass
    engine.voice = voice
    with pytest.raises(GenerationError, match=r"generator tiny: the engine failed \(this request\).*Fix: restart it"):
        _fail(canary)
    engine.voice = "sane"
    with pytest.raises(GenerationError, match="no longer answers"), canary.watching():
        raise AssertionError("the engine ran")


def test_an_engine_that_cannot_sing_at_first_says_why(canary, engine):
    engine.voice = "dead"
    with pytest.raises(RuntimeError, match="no voice"), canary.watching():
        pass


def test_what_says_nothing_about_the_engine_does_not_ask_it(canary, engine):
    with pytest.raises(ValueError, match="this request"):
        _fail(canary, harmless=(ValueError,))
    assert engine.songs == 1
