"""Puts what is corrected of the Data Catalog in ministack's place."""

from __future__ import annotations

from emrs_local.ministack.glue.partitions import correct_partitions
from emrs_local.ministack.glue.permissions import authorize_as_glue_does
from emrs_local.ministack.glue.stored import store_as_glue_does


def correct_glue() -> None:
    """Correct ministack's Data Catalog."""
    correct_partitions()
    authorize_as_glue_does()
    store_as_glue_does()
