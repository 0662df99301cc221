"""What a credit bureau is told of the lender's loans, month by month."""
