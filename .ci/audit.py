"""Audits the installed packages against known advisories, and says how many it could.

pip-audit passes over what its sources do not know, in silence: without a network that
is everything. Here that is said, and with `AUDIT_NEEDED=1` it is a failure.
"""

import json
import os
import subprocess
import sys

found = subprocess.run(
    [
        *(sys.executable, "-m", "pip_audit", "--format=json"),
        *("--progress-spinner=off", "--skip-editable"),
    ],
    capture_output=True,
    text=True,
    check=False,
)
try:
    packages = json.loads(found.stdout)["dependencies"]
except (ValueError, KeyError):
    packages = []
audited = [each for each in packages if "vulns" in each]
bad = [each for each in audited if each["vulns"]]
for package in bad:
    for vulnerability in package["vulns"]:
        fixed = ", ".join(vulnerability["fix_versions"]) or "none yet"
        print(
            f"{package['name']} {package['version']}: {vulnerability['id']}, "
            f"fixed in {fixed}"
        )
print(f"audited {len(audited)} of {len(packages)} packages, {len(bad)} have advisories")
if not audited:
    print("NOT AUDITED: no source of advisories was reached", file=sys.stderr)
    print(found.stderr.strip()[-300:], file=sys.stderr)
sys.exit(1 if bad or (os.environ.get("AUDIT_NEEDED") and not audited) else 0)
