"""Maxwell's own test cases: SQL, and the messages that Maxwell gives for it, word for word as JSON.

What cannot be equal is left out, the same four members as Maxwell's own test leaves out: ts, xid, xoffset, commit. Its test looks for
the expected messages among those that came; here the list must be equal, in order, with nothing between. `gtid = false` makes the
other members Maxwell's defaults.
"""

import json

import pytest

from servers import REPOSITORY
from test_sinks import lines_of, sink, wait_delivered

CASES = REPOSITORY.parent / "shared/acceptance/maxwell/cases.json"
NEVER_EQUAL = ("ts", "xid", "xoffset", "commit")

# Options of Maxwell's that a case is run with there, as keys of ours.
RULES = [
    # Expects names of columns in small letters, from a Maxwell that made them so.
    {"match": "case_db.test_case", "rename_columns": {"ID": "id", "BAR_FIELD": "bar_field"}},
    # A script that drops rows, as far as a condition can say it.
    {"match": "test.test_table", "where": "NOT (a IS NOT NULL AND a LIKE '%xyzzy%')"},
]
# Cases of which a script changes values. There are no scripts here: {case: {column or member that it sets}}; all else must be equal.
SCRIPTED = {"test_javascript_filters": {"a", "query"}, "test_javascript_filters_rich_values": {"a", "b"}}


def cases():
    if not CASES.exists():
        pytest.skip(f"{CASES} is not there")
    return [case for case in json.loads(CASES.read_text()) if not case["needs_maxwell_bootstrap"]]


def run(source, cursor, case):
    with_query = any("query" in step.get("expect", ()) for step in case["steps"])
    cursor.execute(f"SET binlog_{'annotate_row' if source.is_mariadb else 'rows_query_log'}_events = {int(with_query)}")
    for step in case["steps"]:
        if not step.get("sql", "#").startswith("#"):
            cursor.execute(step["sql"])


def compared(message, case):
    """What of a message must be equal."""
    message = {key: value for key, value in message.items() if key not in NEVER_EQUAL}
    scripted = SCRIPTED.get(case, ())
    for part in (message, message["data"]):
        for key in scripted & part.keys():
            part[key] = "as the script says"
    return message


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_cases_of_maxwell(lab, name):
    all_cases = cases()
    source = lab.server(name)
    binbus = lab.binbus(source, sinks=[sink(gtid=False, sql_text=True, table=RULES)])
    cursor = source.connect().cursor()
    cursor.execute("SET sql_mode = ''")
    cursor.execute("CREATE DATABASE IF NOT EXISTS test")
    cursor.execute("CREATE TABLE test.the_end (name VARCHAR(100))")
    for case in all_cases:
        run(source, cursor, case)
        cursor.execute("INSERT INTO test.the_end VALUES (%s)", (case["name"],))
    wait_delivered(binbus, source)

    got = {}
    messages = []
    for message in lines_of(binbus):
        if message["table"] == "the_end":
            got[message["data"]["name"]], messages = messages, []
        else:
            messages.append(message)
    wrong = {}
    for case in all_cases:
        ours = [compared(message, case["name"]) for message in got[case["name"]]]
        theirs = [compared(step["expect"], case["name"]) for step in case["steps"] if "expect" in step]
        if ours != theirs:
            wrong[case["name"]] = (ours, theirs)
    print(f"{name}: {len(all_cases) - len(wrong)} of {len(all_cases)} cases equal, {len(SCRIPTED)} of them but for what a script sets")
    assert not wrong
