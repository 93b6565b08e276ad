"""What tests of faults ask of binbus: its state, and that what it says names the mend."""

import json

from process import wait_until


def stream_status(binbus, stream=0):
    return binbus.status()["streams"][stream]


def wait_state(binbus, state, code, *words, seconds=90):
    """Waits until the stream is in `state` for the reason `code`; each of `words` must be in what it tells the operator.

    state: one, or several of which any will do.
    """
    states = (state,) if isinstance(state, str) else state
    seen = {}

    def there():
        seen.update(stream_status(binbus))
        return seen["state"] in states and seen["error_code"] == code

    wait_until(there, f"{binbus} is {' or '.join(states)} because of {code}", seconds,
               lambda: json.dumps(seen, indent=1) + "\n" + binbus.log()[-3000:])
    assert_says(seen["reason"], *words)
    assert_says(binbus.log(), *words)
    return seen


def wait_streaming(binbus, seconds=90):
    wait_until(lambda: stream_status(binbus)["state"] == "streaming", f"{binbus} streams", seconds, lambda: binbus.log()[-3000:])


def assert_says(text, *words):
    missing = [word for word in words if word not in text]
    assert not missing, f"not said: {missing}\nbut: {text[-3000:]}"


def wait_served(binbus, source, seconds=90):
    """Waits until what `source` has written by now is durable in binbus and visible to readers; returns the place.

    Asks the source each time: MariaDB writes on by itself for a while after a rotation.
    """
    def at_its_end():
        end = dict(zip(("file", "offset"), source.position()))
        return end if stream_status(binbus)["position"] == end else None

    return wait_until(at_its_end, f"{binbus} serves all of {source}", seconds,
                      lambda: f"{source.position()}\n{json.dumps(stream_status(binbus), indent=1)}\n{binbus.log()[-3000:]}")
