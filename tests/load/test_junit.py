"""JUnit's XML, as CI reads it."""

from xml.etree import ElementTree as ET

from bridge.load.junit import junit
from tests.load.made import a_report, a_tally


def test_each_promise_is_a_case() -> None:
    report = a_report(
        a_tally(late_s=0.02),
        fail_if=["underruns > 3", "calls < 1", "barge_in_p50_ms > 1"],
    )
    suite = ET.fromstring(junit(report))
    failures = {
        case.get("name"): [each.get("message") for each in case.findall("failure")]
        for case in suite.findall("testcase")
    }
    assert suite.get("failures") == "3"
    assert suite.get("tests") == "4"
    assert failures["not underruns > 3"] == ["4"]
    assert failures["not calls < 1"] == []
    assert failures["not barge_in_p50_ms > 1"] == ["not measured"]
    assert "20.0 ms late" in str(failures["the run is reliable"])
