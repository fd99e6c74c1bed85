"""What every page of a load report says, whatever the report."""

from collections.abc import Mapping
from string import Template

__all__ = ["EXPLANATIONS", "PAGE"]

STYLE = """
:root { color-scheme: light dark;
  --paper: #ffffff; --card: #f5f7f9; --line: #dde2e8; --ink: #1b2330; --muted: #626b79;
  --grid: #e1e5ea; --good: #1c7a46; --good-wash: #e6f4ec; --bad: #c62f2b;
  --bad-wash: #fcebea; --alive: #b3cbe0; --series-1: #2167b1; --series-2: #c8641b;
  --series-3: #2e8b67; --series-4: #7a4fb0; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #12161c; --card: #1a2029; --line: #2d3541; --ink: #e7ebf0; --muted: #98a2b1;
  --grid: #28303b; --good: #5cc98d; --good-wash: #15291f; --bad: #ff756c;
  --bad-wash: #331b1c; --alive: #35516d; --series-1: #69aef2; --series-2: #f19a58;
  --series-3: #5cc4a0; --series-4: #b493e8; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 28px 24px 60px; max-width: 1160px; color: var(--ink);
  background: var(--paper); font: 15px/1.5 system-ui, "Segoe UI", "Helvetica Neue",
  Arial, "DejaVu Sans", sans-serif; }
h1 { font-size: 23px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 40px 0 10px; padding-top: 14px;
  border-top: 1px solid var(--line); }
h3 { font-size: 14px; margin: 0 0 2px; }
h3 small, .facts, .none { color: var(--muted); font-weight: normal; }
.facts { margin: 0 0 18px; font-size: 14px; }
.verdicts { display: grid; gap: 12px; margin-bottom: 14px;
  grid-template-columns: repeat(auto-fit, minmax(330px, 1fr)); }
.verdict { padding: 12px 16px; border-radius: 6px; background: var(--card);
  border-left: 5px solid var(--muted); }
.verdict.good { border-color: var(--good); background: var(--good-wash); }
.verdict.bad { border-color: var(--bad); background: var(--bad-wash); }
.verdict strong { font-size: 17px; }
.good > strong, td.good { color: var(--good); }
.bad > strong, td.bad, .tile.bad b { color: var(--bad); }
.verdict ul { margin: 4px 0 0; padding-left: 20px; }
.verdict table { margin-top: 4px; }
.groups { display: grid; gap: 8px; align-items: center;
  grid-template-columns: 96px 1fr; }
.groups h3 { color: var(--muted); }
.tiles { display: grid; gap: 8px;
  grid-template-columns: repeat(auto-fill, minmax(170px, 1fr)); }
.tile { padding: 9px 12px; border-radius: 6px; background: var(--card); }
.tile span { display: block; color: var(--muted); font-size: 12.5px; }
.tile b { font-size: 21px; font-weight: 600; font-variant-numeric: tabular-nums; }
.tile b small { font-size: 13px; font-weight: normal; color: var(--muted); }
.pairs { display: grid; gap: 22px 28px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); }
figure { margin: 0 0 14px; overflow-x: auto; }
svg { display: block; width: 100%; height: auto; }
.histories svg { min-width: 760px; }
svg text { font-family: inherit !important; font-variant-numeric: tabular-nums; }
svg * { stroke-linejoin: round; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; }
th, td { padding: 4px 14px 4px 0; text-align: left; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
th { color: var(--muted); font-weight: 600; font-size: 12.5px; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
tr:last-child td { border-bottom: 0; }
details { margin: 12px 0; }
summary { cursor: pointer; color: var(--muted); }
pre { padding: 12px 16px; border-radius: 6px; background: var(--card);
  white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px; }
dl { display: grid; grid-template-columns: minmax(120px, 190px) 1fr; gap: 6px 20px;
  margin: 0; font-size: 14px; }
dt { font-weight: 600; }
dd { margin: 0; color: var(--muted); }
@media print { details { display: none; } figure, .tile { break-inside: avoid; } }
"""

PAGE = Template(
    f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>{STYLE}</style>
</head>
<body>
$body
</body>
</html>
"""
)

EXPLANATIONS: Mapping[str, str] = {
    "Reliable": "The callers kept their time. If they did not, what was measured is "
    "partly their own lateness, and no other figure here should be trusted.",
    "Threshold": "A condition under which the run fails, given before it began.",
    "Round trip": "From a frame leaving us to the same audio being back, found by "
    "correlation. A lead or cushion in the far end's queue is not in it.",
    "Mouth to ear": "From a sound being said to it being heard: 20 ms to fill a frame, "
    "the round trip, and all that was queued before it at the far end.",
    "Response": "From the last audible sample of a caller's speech to the first "
    "audible one they heard. An answer that never came counts with the time waited.",
    "Barge-in": "From the first audible sample of an interruption to the bot's last.",
    "Connect, first audio": "From dialling to an open stream, and on to first audio.",
    "Underrun": "The far end's queue ran dry, and no checkpoint had said that it "
    "would: the listener heard a hole. Its length is the time until audio came again, "
    "and none is too long to count.",
    "Lost, repeated, out of order": "Frames of the measuring tones, each recognized by "
    "its frequency in what came back.",
    "Own lateness": "How long after its due time a caller's frame left.",
    "CPU": "Cores kept busy: 1.0 is one core, whatever the machine has.",
    "Percentile curve": "Read it from the right: at 99.9 stands what one in a thousand "
    "exceeded. Each nine has the same width; a curve ends where one sample is left.",
    "Stream by stream": "A row a stream, the first on top. An underrun has its true "
    "length, but is never thinner than a thousandth of the run; of one stream the "
    "first thousand are drawn.",
}
"""What each figure means, for the foot of the page."""
