"""The report as a page: one file that opens anywhere, with charts.

* `document`: the page, from top to bottom
* `verdicts`, `tables`: its words and numbers
* `charts`, `lives`, `drawing`: its pictures, drawn by matplotlib as SVG
* `reading`, `template`: how a report is read, and what every page has
"""

from bridge.load.page.document import page

__all__ = ["page"]
