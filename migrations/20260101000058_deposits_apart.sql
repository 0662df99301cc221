-- migrate:up

-- Security deposits have facts of their own. The neutral accounts have one account for all money that
-- is kept for borrowers: the pairs are those of overpayments.
SET ROLE cartera_app;
INSERT INTO read.journal_rules (kind, component, debit, credit)
SELECT kind, 'security_deposit', debit, credit FROM read.journal_rules
WHERE component = 'overpaid'
  AND kind IN ('payment', 'reversal', 'payment_correction', 'refund', 'chargeback')
UNION ALL
SELECT 'deposit_application', component, debit, credit FROM read.journal_rules
WHERE kind = 'application';
RESET ROLE;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
