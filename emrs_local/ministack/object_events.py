"""S3's events on the event bus, as S3 writes them.

S3 User Guide, "EventBridge event message structure".
"""

from __future__ import annotations

import contextvars
import json
from typing import Any

_version_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("version_id", default=None)


def correct_object_events() -> None:
    """Write the time without fractions, and an object's version.

    ministack 1.5.33 writes milliseconds and leaves the version out.
    """
    from ministack.services import eventbridge, s3

    original_fire, original_dispatch = s3._fire_s3_event, eventbridge._dispatch_event

    def fire(*arguments: Any, version_id: str | None = None, **options: Any) -> None:
        token = _version_id.set(version_id)
        try:
            original_fire(*arguments, version_id=version_id, **options)
        finally:
            _version_id.reset(token)

    def dispatch(event: dict[str, Any], view: Any = None) -> None:
        if event.get("Source") == "aws.s3" and view is None:
            detail = json.loads(event["Detail"])
            if _version_id.get():
                detail["object"]["version-id"] = _version_id.get()
            time = f"{event['Time'].partition('.')[0].removesuffix('Z')}Z"
            event = {**event, "Detail": json.dumps(detail), "Time": time}
        original_dispatch(event, view)

    s3._fire_s3_event, eventbridge._dispatch_event = fire, dispatch
