"""How money comes in: references given to borrowers, bank statements, notifications, suspense."""
