"""The log itself: is every event in its place, whole, and of the order that it names?"""

from collections.abc import Iterator
from typing import Any

from psycopg import Connection

from projections.verify.finding import Finding


def check(connection: Connection[Any]) -> Iterator[Finding]:
    """Order, columns and orders; what was taken out shows in what is left."""
    for message, query in _CHECKS:
        for loan_id, position, *figures in connection.execute(query):
            yield Finding("log", message.format(*figures), loan_id, position)


_CHECKS = (
    (
        "version {} follows version {}, position {} position {}",
        """
        SELECT loan_id, position, version, before, position, earlier
        FROM (SELECT loan_id, position, version, lag(version, 1, 0) OVER told AS before,
                     lag(position, 1, 0::bigint) OVER told AS earlier
              FROM ledger.events WINDOW told AS (PARTITION BY loan_id ORDER BY version)) AS event
        WHERE version <> before + 1 OR position <= earlier
        ORDER BY position
        """,
    ),
    (
        "{} more events of its append should follow version {}",
        """
        SELECT loan_id, position, more, version
        FROM (SELECT loan_id, position, version, more, command_id,
                     lead(more) OVER told AS then_more, lead(command_id) OVER told AS then_command
              FROM ledger.events WINDOW told AS (PARTITION BY loan_id ORDER BY version)) AS event
        WHERE more > 0 AND (then_more IS DISTINCT FROM more - 1
                            OR then_command IS DISTINCT FROM command_id)
        ORDER BY position
        """,
    ),
    (
        "the row says {} on {}, the event {} on {}",
        """
        SELECT loan_id, position, type, effective_on, state ->> 'type', state ->> 'effective_on'
        FROM ledger.events
        WHERE state ->> 'type' IS DISTINCT FROM type
           OR state ->> 'effective_on' IS DISTINCT FROM effective_on::text
        ORDER BY position
        """,
    ),
    (
        "version {} is not of the order {} that it names: {}",
        """
        SELECT event.loan_id, event.position, event.version, event.command_id,
               CASE WHEN given.id IS NULL THEN 'there is none'
                    WHEN given.recorded_at <> event.recorded_at THEN 'recorded at another time'
                    ELSE 'its loan or versions are others' END
        FROM ledger.events AS event
        LEFT JOIN ledger.commands AS given ON given.id = event.command_id
        WHERE given.id IS NULL OR given.recorded_at <> event.recorded_at
           OR given.loan_id <> event.loan_id
           OR event.version NOT BETWEEN given.version - given.appended + 1 AND given.version
        ORDER BY event.position
        """,
    ),
    (
        "the order {} ({}) added {} events, there are {}",
        """
        SELECT given.loan_id, NULL, given.id, given.name, given.appended, coalesce(found.events, 0)
        FROM ledger.commands AS given
        LEFT JOIN (SELECT command_id, count(*) AS events FROM ledger.events GROUP BY 1) AS found
               ON found.command_id = given.id
        WHERE given.appended <> coalesce(found.events, 0)
        """,
    ),
    (
        "a state row, but no event",
        """
        SELECT loan_id, NULL FROM ledger.loan_state AS kept
        WHERE NOT EXISTS (SELECT FROM ledger.events AS event WHERE event.loan_id = kept.loan_id)
        """,
    ),
)
