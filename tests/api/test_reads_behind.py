"""A question that waits for reads which nobody brings up."""

from tests.api.harness import served

LOAN = "query($no: String!, $at: BigInt) { loan(loanNo: $no, atLeast: $at) { loanNo } }"


def test_reads_that_stay_behind_are_told_of_after_the_wait(database):
    with served(
        database.model_copy(update={"graphql_wait_seconds": 0.05}), api_catch_up=False
    ) as client:
        number = client.running()
        position = client.pay(number, "10.00", "2026-02-15").json()["position"]
        [error] = client.try_ask(LOAN, no=number, at=position)["errors"]
        told = error["extensions"]
        assert (told["code"], told["position"] < position) == ("reads-behind", True)
