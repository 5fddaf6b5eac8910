"""What each page says: functions of the questions that they ask. Pure, but for today's date where it counts."""
