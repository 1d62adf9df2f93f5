"""The ledger's tables, as numbered migrations. A number once released is never edited."""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE rentals (
        intent_id TEXT PRIMARY KEY, tenant TEXT NOT NULL, account TEXT NOT NULL,
        principal TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
        request_key TEXT NOT NULL, digest TEXT NOT NULL, label TEXT NOT NULL,
        usd_per_hour INTEGER NOT NULL, disk_usd_per_hour INTEGER NOT NULL,
        created_us INTEGER NOT NULL, lease_ends_us INTEGER NOT NULL, on_end TEXT NOT NULL,
        asked INTEGER NOT NULL, task TEXT NOT NULL, max_cost INTEGER, offer_id INTEGER,
        machine_id INTEGER, target_id INTEGER, running INTEGER NOT NULL, ever_ran INTEGER NOT NULL,
        touched INTEGER NOT NULL, sent_us INTEGER, settled_us INTEGER, ended_us INTEGER,
        outcome TEXT NOT NULL, details TEXT NOT NULL
    ) STRICT;
    CREATE INDEX rentals_by_intent ON rentals (principal, request_key, digest);
    CREATE INDEX rentals_by_target ON rentals (kind, target_id);
    CREATE TABLE segments (
        segment_id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, account TEXT NOT NULL,
        intent_id TEXT NOT NULL REFERENCES rentals (intent_id), kind TEXT NOT NULL,
        rate INTEGER NOT NULL, fixed INTEGER NOT NULL, from_us INTEGER NOT NULL,
        until_us INTEGER, closed_us INTEGER
    ) STRICT;
    CREATE INDEX segments_by_intent ON segments (intent_id);
    CREATE TABLE charged (
        tenant TEXT NOT NULL, account TEXT NOT NULL, source TEXT NOT NULL, day TEXT NOT NULL,
        micros INTEGER NOT NULL, PRIMARY KEY (source, day)
    ) STRICT;
    CREATE TABLE plans (
        plan_id TEXT PRIMARY KEY, tenant TEXT NOT NULL, account TEXT NOT NULL, code TEXT NOT NULL,
        principal TEXT NOT NULL, tool TEXT NOT NULL, key TEXT NOT NULL, arguments TEXT NOT NULL,
        snapshot TEXT NOT NULL, question TEXT NOT NULL, form TEXT NOT NULL, digits TEXT NOT NULL,
        level TEXT NOT NULL, policy_digest TEXT NOT NULL, state TEXT NOT NULL,
        created_us INTEGER NOT NULL, expires_us INTEGER NOT NULL, changed_us INTEGER NOT NULL,
        outcome TEXT NOT NULL, approved INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX plans_by_key ON plans (principal, key, created_us);
    CREATE TABLE quotes (
        offer_id INTEGER NOT NULL, rental TEXT NOT NULL, tenant TEXT NOT NULL,
        account TEXT NOT NULL, disk_gb REAL NOT NULL, usd_per_hour INTEGER NOT NULL,
        storage_usd_per_gb_month REAL NOT NULL, shown_us INTEGER NOT NULL,
        PRIMARY KEY (offer_id, rental)
    ) STRICT;
    CREATE TABLE budgets (
        task TEXT PRIMARY KEY, tenant TEXT NOT NULL, account TEXT NOT NULL, cap INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE audit (
        seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, account TEXT NOT NULL,
        at_us INTEGER NOT NULL, principal TEXT NOT NULL, phase TEXT NOT NULL, tool TEXT NOT NULL,
        verdict TEXT NOT NULL, subject TEXT NOT NULL, digest TEXT NOT NULL,
        policy_digest TEXT NOT NULL, detail TEXT NOT NULL, previous TEXT NOT NULL,
        chain TEXT NOT NULL
    ) STRICT;
    """,
    """
    CREATE TABLE notices (
        notice_key TEXT PRIMARY KEY, tenant TEXT NOT NULL, account TEXT NOT NULL,
        kind TEXT NOT NULL, at_us INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE freezes (
        freeze_id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, account TEXT NOT NULL,
        at_us INTEGER NOT NULL, who TEXT NOT NULL, lifted_us INTEGER
    ) STRICT;
    """,
    """
    CREATE TABLE jobs (
        job_id TEXT PRIMARY KEY, tenant TEXT NOT NULL, account TEXT NOT NULL,
        principal TEXT NOT NULL, phase TEXT NOT NULL, approved INTEGER NOT NULL,
        stop_asked INTEGER NOT NULL, instance_id INTEGER, spec TEXT NOT NULL, facts TEXT NOT NULL,
        sealed TEXT NOT NULL, created_us INTEGER NOT NULL, changed_us INTEGER NOT NULL,
        ended_us INTEGER, owner TEXT NOT NULL, beat_us INTEGER NOT NULL, said TEXT NOT NULL
    ) STRICT;
    CREATE INDEX jobs_by_time ON jobs (created_us);
    """,
    """
    CREATE TABLE outbox (
        notice_key TEXT PRIMARY KEY, tenant TEXT NOT NULL, account TEXT NOT NULL,
        kind TEXT NOT NULL, text TEXT NOT NULL, instance_id INTEGER, made_us INTEGER NOT NULL,
        taken_us INTEGER NOT NULL, tries INTEGER NOT NULL
    ) STRICT;
    """,
    """
    ALTER TABLE plans ADD COLUMN misses INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE plans ADD COLUMN silence TEXT NOT NULL DEFAULT '';
    """,
    """
    CREATE TABLE compacted (done INTEGER NOT NULL) STRICT;
    """,
    """
    CREATE INDEX IF NOT EXISTS rentals_by_state ON rentals (state, created_us);
    CREATE INDEX IF NOT EXISTS rentals_by_end ON rentals (ended_us);
    CREATE INDEX IF NOT EXISTS rentals_by_task ON rentals (task) WHERE task <> '';
    CREATE INDEX IF NOT EXISTS rentals_of_key ON rentals (principal, request_key, ended_us);
    CREATE INDEX IF NOT EXISTS charged_by_day ON charged (day);
    CREATE INDEX IF NOT EXISTS plans_by_state ON plans (state, created_us);
    """,
    """
    ALTER TABLE charged ADD COLUMN as_of_us INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE charge_readings (
        tenant TEXT NOT NULL, account TEXT NOT NULL, tried_us INTEGER NOT NULL,
        read_us INTEGER NOT NULL
    ) STRICT;
    ALTER TABLE jobs ADD COLUMN task TEXT NOT NULL DEFAULT '';
    ALTER TABLE rentals ADD COLUMN job_id TEXT NOT NULL DEFAULT '';
    UPDATE rentals SET job_id = SUBSTR(task, 5)
        WHERE task LIKE 'job %' AND SUBSTR(task, 5) IN (SELECT job_id FROM jobs);
    CREATE INDEX rentals_by_job ON rentals (job_id) WHERE job_id <> '';
    """,
)
