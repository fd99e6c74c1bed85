"""A report as JUnit's XML: a test case for each promise, for CI to show."""

from xml.etree import ElementTree as ET

from bridge.load.report import Report

__all__ = ["junit"]


def junit(report: Report) -> str:
    """Write it: reliability is one case, each threshold another."""
    cases = [("the run is reliable", "; ".join(report.unreliable_because))]
    for checked in report.thresholds:
        value = "not measured" if checked.value is None else f"{checked.value:.12g}"
        cases.append((f"not {checked.text}", value if checked.failed else ""))
    failures = sum(bool(problem) for _, problem in cases)
    suite = ET.Element(
        "testsuite",
        name=f"mpc-bridge load {report.url}",
        tests=str(len(cases)),
        failures=str(failures),
        time=f"{report.lasted_s:.3f}",
        timestamp=report.began_at.removesuffix("Z"),
    )
    properties = ET.SubElement(suite, "properties")
    for figure, number in report.figures.items():
        ET.SubElement(properties, "property", name=figure, value=f"{number:.12g}")
    for name, problem in cases:
        test = ET.SubElement(suite, "testcase", classname="load", name=name)
        if problem:
            ET.SubElement(test, "failure", message=problem)
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"
