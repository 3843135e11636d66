"""Who is told how it went: alarms, a dashboard, and messages about what failed."""
