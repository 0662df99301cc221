-- migrate:up

SET ROLE cartera_app;

-- The agreement of a loan takes four fifths of its header and hardly ever changes, while every
-- payment writes the header anew: it stands beside it (projection: loans). Books of their own that
-- were made before keep theirs in the header, and are made again to be read.
CREATE TABLE read.loan_terms (
    loan_id  uuid   PRIMARY KEY,
    terms    jsonb  NOT NULL
);
INSERT INTO read.loan_terms SELECT loan_id, terms FROM read.loans;
ALTER TABLE read.loans DROP COLUMN terms;

RESET ROLE;

-- migrate:down
