"""What does each neutral account come to at the end of a day, by value date?"""

TRIAL_BALANCE = """
    SELECT groups.currency, accounts.account, accounts.code, accounts.name, accounts.kind,
           sum(side.debit)::bigint AS debit, sum(side.credit)::bigint AS credit
    FROM (
        SELECT group_no, kind, replace(component, 'suspended_', '') AS component,
               sum(added) AS added, sum(taken) AS taken
        FROM read.accounting_facts WHERE effective_on <= %s GROUP BY 1, 2, 3
    ) AS facts
    JOIN read.accounting_groups AS groups ON groups.group_no = facts.group_no
    JOIN read.journal_rules AS rule ON (rule.kind, rule.component) = (facts.kind, facts.component)
    CROSS JOIN LATERAL (VALUES (rule.debit, facts.added, facts.taken),
                               (rule.credit, facts.taken, facts.added))
        AS side (account, debit, credit)
    JOIN read.accounts AS accounts ON accounts.account = side.account
    GROUP BY groups.currency, accounts.account, accounts.code, accounts.name, accounts.kind
    ORDER BY groups.currency, accounts.code
"""
"""`read.journal_totals` up to a date, which is bound; added up before accounts are looked up."""
