# SPDX-License-Identifier: MIT
"""check_sarif.py FILE: does it have what SARIF 2.1.0 and the services that read it insist on?"""
import json
import re
import sys

log = json.load(open(sys.argv[1]))
assert log["version"] == "2.1.0", "version"
assert log["$schema"].endswith("sarif-2.1.0.json"), "$schema"
(run,) = log["runs"]
driver = run["tool"]["driver"]
assert driver["name"] == "gorgon", "tool"
rules = [rule["id"] for rule in driver["rules"]]
assert rules == ["leaked", "deadlocked", "stuck", "lingering", "failed"], "rules"


def check_location(location):
    place = location.get("physicalLocation")
    if place:
        uri = place["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9._~/:@%+-]+", uri), "uri " + uri
        assert uri.startswith("file:///") or place["artifactLocation"]["uriBaseId"] == "SRCROOT", "base of " + uri
        assert place.get("region", {"startLine": 1})["startLine"] > 0, "line"
    return place


assert run["results"], "results"
for result in run["results"]:
    assert rules[result["ruleIndex"]] == result["ruleId"], "ruleIndex"
    assert result["level"] in ("error", "warning", "note"), "level"
    assert result["message"]["text"], "message"
    assert all(check_location(at) for at in result["locations"]) and len(result["locations"]) == 1, "locations"
    ids = [at["id"] for at in result["relatedLocations"]]
    assert len(set(ids)) == len(ids) > 0, "ids of related locations"
    for at in result["relatedLocations"]:
        check_location(at)
    for stack in result["stacks"]:
        assert stack["frames"], "frames"
        for frame in stack["frames"]:
            check_location(frame["location"])
    assert all(re.fullmatch("[0-9a-f]{16}", f) for f in result["partialFingerprints"].values()), "fingerprints"
    assert result["occurrenceCount"] > 0, "occurrenceCount"
assert any(result["occurrenceCount"] > 1 for result in run["results"]), "a group"
assert sum(result["ruleId"] == "deadlocked" for result in run["results"]) == 3, "deadlocks"
