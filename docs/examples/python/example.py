"""Who is to be called today, and what does the first of them owe? Run it with a key that may read:

CARTERA_TOKEN=... python example.py
"""

import os

from cartera_client import CarteraClient


def main() -> None:
    """Print the morning list, a page at a time, and one loan's open instalments."""
    headers = {"Authorization": f"Bearer {os.environ['CARTERA_TOKEN']}"}
    url = os.environ.get("CARTERA_URL", "http://127.0.0.1:8400/graphql")
    with CarteraClient(url=url, headers=headers) as client:
        page = client.morning_list().loans
        print(f"{page.total_count} loans are past due")
        for loan in page.nodes:
            owed = loan.balances.owed.total.amount if loan.balances else "?"
            print(f"{loan.loan_no:>12} {loan.days_past_due:>4} days {owed:>14}")
        if page.nodes:
            first = client.loan_in_full(page.nodes[0].loan_no).loan
            assert first is not None
            for line in first.schedule:
                if line.settled_on is None:
                    print(f"{line.number:>4} due {line.due_on} left {line.left.amount:>12}")


if __name__ == "__main__":
    main()
