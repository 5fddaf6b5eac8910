"""Moments as the history has them: UTC, YYYY-MM-DDTHH:MM:SS. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta


def earlier(moment: str, days: int) -> str:
    """So many days before; empty where that is no moment."""
    try:
        return (datetime.fromisoformat(moment) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S")
    except (ValueError, OverflowError):
        return ""
