-- migrate:up

SET ROLE cartera_app;

-- What the books are made of, before any chart of accounts: amounts by what happened (projection:
-- accounting). Posting rules turn them into entries, so that a changed rule needs no rebuild.

-- Loans that are booked alike; the number is given in the order of the log.
CREATE TABLE read.accounting_groups (
    group_no  integer  PRIMARY KEY,
    currency  text     NOT NULL,
    branch    text     NOT NULL,
    product   text     NOT NULL
);

-- Where each loan stands for the books. `owed` (on the accounts) and `aside` (interest kept off them
-- while accrual is suspended) are as of `version`, the loan's last change of stage or suspension, or
-- its last movement while suspended: what accrued since is added up from the log when it is needed.
CREATE TABLE read.accounting_loans (
    loan_id    uuid      PRIMARY KEY,
    loan_no    text      NOT NULL,
    group_no   integer   NOT NULL,
    stage      smallint  NOT NULL,
    suspended  boolean   NOT NULL,
    version    integer   NOT NULL,
    standing   jsonb     NOT NULL
);

CREATE INDEX ON read.accounting_loans (loan_no);

-- Each change of stage or suspension: how a loan stood after that position. Before its first, a loan
-- is in stage 1 and its interest is income.
CREATE TABLE read.accounting_stages (
    loan_id    uuid      NOT NULL,
    position   bigint    NOT NULL,
    stage      smallint  NOT NULL,
    suspended  boolean   NOT NULL,
    PRIMARY KEY (loan_id, position)
);

-- What the events mean that depend on how the loan stood: moves between stages, and movements while
-- accrual is suspended. All other events say themselves what they mean.
CREATE TABLE read.accounting_moves (
    loan_id       uuid      NOT NULL,
    position      bigint    NOT NULL,
    line          smallint  NOT NULL,
    effective_on  date      NOT NULL,
    stage         smallint  NOT NULL,
    kind          text      NOT NULL,
    component     text      NOT NULL,
    amount        bigint    NOT NULL,
    PRIMARY KEY (loan_id, position, line)
);
CREATE INDEX ON read.accounting_moves (position);

-- A day's amounts, in minor units. `posted_on` is the value date, or the first open day where the
-- period of the value date was closed before the event came. `added` are amounts in the sense of
-- their kind, `taken` those against it (a correction downwards, a reversal), both positive.
-- The events are found between the two positions.
CREATE TABLE read.accounting_facts (
    posted_on       date      NOT NULL,
    effective_on    date      NOT NULL,
    group_no        integer   NOT NULL,
    stage           smallint  NOT NULL,
    kind            text      NOT NULL,
    component       text      NOT NULL,
    added           bigint    NOT NULL,
    taken           bigint    NOT NULL,
    first_position  bigint    NOT NULL,
    last_position   bigint    NOT NULL,
    PRIMARY KEY (posted_on, effective_on, group_no, stage, kind, component)
);

RESET ROLE;

-- migrate:down
