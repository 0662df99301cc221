"""What borrowers receive: statements of account, schedules, quotes, receipts and letters."""
