"""The write side: the event store, the commands and the servers under them."""
