"""The load harness: many callers at a stream server, and a report to be believed.

* `plan`, `caller_plan`, `thresholds`: what is to be done, what must not come out
* `arrivals`, `script`, `sounds`: when calls begin, what callers do, what they say
* `opening`, `socket`, `beat`, `sending`, `form`, `receiving`, `caller`: one call
* `outgoing`, `incoming`, `loan`: frames of all calls at once, where C is compiled
* `playout`, `audible`, `ear`, `marks`, `order`: what is heard, and what is missing
* `record`, `figures`, `seconds`, `worker`: notes of one stream, of a second, a process
* `processes`, `on_ray`, `watch`, `runner`: workers, the server's meters, all together
* `catalogue`, `report`, `compare`, `junit`, `page`: what came out, in several forms
* `capacity`: how many calls a server carries
"""

from bridge.load.caller_plan import CallerPlan, Trouble
from bridge.load.plan import Constant, Plan, Poisson, Ramp, Steps
from bridge.load.report import Report
from bridge.load.runner import run
from bridge.load.thresholds import Threshold

__all__ = [
    "CallerPlan",
    "Constant",
    "Plan",
    "Poisson",
    "Ramp",
    "Report",
    "Steps",
    "Threshold",
    "Trouble",
    "run",
]
