"""`python -m workers`: one worker process; run as many as there is work for."""

from workers.main import work

if __name__ == "__main__":
    work()
