"""Looks for secrets in the tree; those in the baseline were looked at, and are none.

With `--write` the baseline is made anew, of what is there now.
"""

import subprocess
import sys
from pathlib import Path

from detect_secrets import SecretsCollection
from detect_secrets.settings import default_settings

BASELINE = Path(".secrets.baseline")
NOT_OURS = (":!tests/fuzz/corpus", ":!tests/captures", f":!{BASELINE}")

listed = subprocess.run(
    ["git", "ls-files", "-z", "--", *NOT_OURS],
    capture_output=True,
    text=True,
    check=True,
)
found = SecretsCollection()
with default_settings():
    for name in filter(None, listed.stdout.split("\0")):
        found.scan_file(name)
seen = {(name, secret.secret_hash): secret for name, secret in found}
if "--write" in sys.argv:
    known = sorted(f"{name} {digest}" for name, digest in seen)
    BASELINE.write_text("\n".join(known) + "\n")
    sys.exit()
known = set(BASELINE.read_text().splitlines())
new = [each for each in seen if " ".join(each) not in known]
for name, digest in new:
    secret = seen[name, digest]
    print(f"{name}:{secret.line_number}: {secret.type}")
if new:
    print(f"{len(new)} new; if they are none: python .ci/secrets.py --write")
sys.exit(1 if new else 0)
