"""What a loan is: facts, decisions and arithmetic, without any I/O."""
