"""kill -9 of binbus, of the source and of the replica, at random, under load: nothing is lost, doubled or half served."""

import random

import pytest

from compare import assert_same_bytes, assert_same_tables
from load import Load, crash_safe_kinds
from watcher import SOAK, Watcher

KILLS = 100 if SOAK else 12

@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_kills_at_random(lab, name):
    source, replica = lab.server(name), lab.server(name, "--relay-log-recovery=ON")
    binbus = lab.binbus(source)
    replica.follow(binbus)
    dice = random.Random(20_250_101)
    victims = [binbus, source, replica] * (KILLS // 3) + [binbus] * (KILLS % 3)
    dice.shuffle(victims)
    with Watcher(binbus, source.binlogs()[0]) as watcher:
        with Load(source, crash_safe_kinds(name), threads=3) as load:
            for victim in victims:
                load.wait_commits(dice.randrange(1, 60))
                victim.kill9()
                if victim is not source:  # the other two have to catch up then
                    load.wait_commits(dice.randrange(30))
                victim.start()
                if victim is replica:
                    replica.mend_relay_logs()
            load.wait_commits(50)
        watcher.wait_for(source)
        replica.wait_for(source, cut_xa=True)
    load.assert_nothing_lost(source)
    load.assert_nothing_lost(replica)
    assert_same_tables(source, replica)
    assert_same_bytes(source, binbus)
    watcher.assert_same_bytes(binbus)
    assert watcher.connects > KILLS // 3, "the watcher was not cut off by the kills"
