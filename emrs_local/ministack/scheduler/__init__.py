"""EventBridge Scheduler: schedules that fire as on AWS, with their role, retries, dead-letter queue and window.

ministack 1.5.33 keeps schedules and answers the API. It looks every ten seconds and knows no role, time zone, retry
policy, dead-letter queue, context attributes, flexible windows and universal targets: the clock and the deliveries are
this room's. `expressions` knows when, `clock` looks, `delivery` tries until the retry policy says no more, `targets`
calls, `requests` refuses, and `fire` fires one now.
"""

# Where a schedule is fired now, which AWS has nothing for.
FIRE_SERVICE, FIRE_PATH = "emrs-local", "/fire"
