BEGIN TRANSACTION;
CREATE TABLE account_addresses (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	address TEXT NOT NULL, 
	person TEXT NOT NULL, 
	CONSTRAINT pk_account_addresses PRIMARY KEY (id), 
	CONSTRAINT fk_account_addresses_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE, 
	CONSTRAINT uq_account_addresses_address UNIQUE (address)
);
CREATE TABLE account_domains (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	domain TEXT NOT NULL, 
	CONSTRAINT pk_account_domains PRIMARY KEY (id), 
	CONSTRAINT fk_account_domains_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE, 
	CONSTRAINT uq_account_domains_domain UNIQUE (domain)
);
CREATE TABLE account_key_players (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	address TEXT NOT NULL, 
	person TEXT NOT NULL, 
	CONSTRAINT pk_account_key_players PRIMARY KEY (id), 
	CONSTRAINT fk_account_key_players_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE TABLE accounts (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	folded TEXT NOT NULL, 
	type VARCHAR(16) NOT NULL, 
	owner TEXT, 
	CONSTRAINT pk_accounts PRIMARY KEY (id), 
	CONSTRAINT uq_accounts_folded UNIQUE (folded)
);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE calendars (
	id INTEGER NOT NULL, 
	connection_id INTEGER NOT NULL, 
	external_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	cursor TEXT, 
	fingerprint TEXT, 
	held TEXT, 
	CONSTRAINT pk_calendars PRIMARY KEY (id), 
	CONSTRAINT uq_calendars_connection_id_external_id UNIQUE (connection_id, external_id), 
	CONSTRAINT fk_calendars_connection_id FOREIGN KEY(connection_id) REFERENCES connections (id) ON DELETE CASCADE
);
INSERT INTO "calendars" VALUES(1,1,'primary','Calendar of the rep','cursor 1','question',NULL);
CREATE TABLE connections (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	provider TEXT NOT NULL, 
	mailbox TEXT NOT NULL, 
	settings TEXT NOT NULL, 
	connected_at VARCHAR(32) NOT NULL, 
	place TEXT NOT NULL, 
	shares TEXT, 
	roster TEXT, 
	CONSTRAINT pk_connections PRIMARY KEY (id), 
	CONSTRAINT uq_connections_name UNIQUE (name)
);
INSERT INTO "connections" VALUES(1,'google:rep','google','rep@ours.example','{"zone": "UTC"}','2026-03-02 08:00:00.000000+00:00','',NULL,NULL);
CREATE TABLE deal_absences (
	id INTEGER NOT NULL, 
	deal_id INTEGER NOT NULL, 
	start_at VARCHAR(32) NOT NULL, 
	end_at VARCHAR(32), 
	CONSTRAINT pk_deal_absences PRIMARY KEY (id), 
	CONSTRAINT fk_deal_absences_deal_id FOREIGN KEY(deal_id) REFERENCES deals (id) ON DELETE CASCADE
);
CREATE TABLE deal_imports (
	id INTEGER NOT NULL, 
	taken_at VARCHAR(32) NOT NULL, 
	source TEXT NOT NULL, 
	deals INTEGER NOT NULL, 
	CONSTRAINT pk_deal_imports PRIMARY KEY (id)
);
INSERT INTO "deal_imports" VALUES(1,'2026-03-02 08:00:00.000000+00:00','crm',1);
CREATE TABLE deal_snapshots (
	id INTEGER NOT NULL, 
	deal_id INTEGER NOT NULL, 
	taken_at VARCHAR(32) NOT NULL, 
	name TEXT NOT NULL, 
	account TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	domains TEXT NOT NULL, 
	contacts TEXT NOT NULL, 
	amount TEXT, 
	currency VARCHAR(3), 
	stage TEXT NOT NULL, 
	category VARCHAR(16) NOT NULL, 
	outcome VARCHAR(16) NOT NULL, 
	created DATE, 
	closes DATE, 
	closed DATE, 
	CONSTRAINT pk_deal_snapshots PRIMARY KEY (id), 
	CONSTRAINT uq_deal_snapshots_deal_id_taken_at UNIQUE (deal_id, taken_at), 
	CONSTRAINT fk_deal_snapshots_deal_id FOREIGN KEY(deal_id) REFERENCES deals (id) ON DELETE CASCADE
);
INSERT INTO "deal_snapshots" VALUES(1,1,'2026-03-02 08:00:00.000000+00:00','Sample rollout','Buyer','rep@ours.example','buyer.example','','1200.50','EUR','Proposal','commit','open',NULL,'2026-03-31',NULL);
CREATE TABLE deals (
	id INTEGER NOT NULL, 
	external_id TEXT NOT NULL, 
	source TEXT NOT NULL, 
	CONSTRAINT pk_deals PRIMARY KEY (id), 
	CONSTRAINT uq_deals_external_id UNIQUE (external_id)
);
INSERT INTO "deals" VALUES(1,'006S','crm');
CREATE TABLE events (
	id INTEGER NOT NULL, 
	calendar_id INTEGER NOT NULL, 
	external_id TEXT NOT NULL, 
	uid TEXT NOT NULL, 
	original_start VARCHAR(16) NOT NULL, 
	created VARCHAR(32), 
	baseline BOOLEAN NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (id), 
	CONSTRAINT uq_events_calendar_id_external_id UNIQUE (calendar_id, external_id), 
	CONSTRAINT fk_events_calendar_id FOREIGN KEY(calendar_id) REFERENCES calendars (id) ON DELETE CASCADE
);
INSERT INTO "events" VALUES(1,1,'call','call@uid.example','','2026-03-02 08:00:00.000000+00:00',1);
CREATE TABLE forgotten (
	id INTEGER NOT NULL, 
	mark VARCHAR(32) NOT NULL, 
	domain BOOLEAN NOT NULL, 
	since VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_forgotten PRIMARY KEY (id), 
	CONSTRAINT uq_forgotten_mark UNIQUE (mark)
);
CREATE TABLE gaps (
	id INTEGER NOT NULL, 
	connection_id INTEGER NOT NULL, 
	calendar_id INTEGER NOT NULL, 
	start_at VARCHAR(32) NOT NULL, 
	end_at VARCHAR(32) NOT NULL, 
	reason TEXT NOT NULL, 
	seen_at VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_gaps PRIMARY KEY (id), 
	CONSTRAINT fk_gaps_connection_id FOREIGN KEY(connection_id) REFERENCES connections (id) ON DELETE CASCADE, 
	CONSTRAINT fk_gaps_calendar_id FOREIGN KEY(calendar_id) REFERENCES calendars (id) ON DELETE CASCADE
);
CREATE TABLE kept_accounts (
	account_id INTEGER NOT NULL, 
	made_with TEXT NOT NULL, 
	made_at VARCHAR(32) NOT NULL, 
	rolls_at VARCHAR(32), 
	facts BLOB NOT NULL, 
	CONSTRAINT pk_kept_accounts PRIMARY KEY (account_id), 
	CONSTRAINT fk_kept_accounts_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE TABLE kept_people (
	account_id INTEGER NOT NULL, 
	person_id INTEGER NOT NULL, 
	CONSTRAINT pk_kept_people PRIMARY KEY (account_id, person_id), 
	CONSTRAINT fk_kept_people_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE, 
	CONSTRAINT fk_kept_people_person_id FOREIGN KEY(person_id) REFERENCES people (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
CREATE TABLE meta (
	"key" VARCHAR(64) NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_meta PRIMARY KEY ("key")
);
CREATE TABLE participants (
	version_id INTEGER NOT NULL, 
	person_id INTEGER NOT NULL, 
	answer VARCHAR(16) NOT NULL, 
	answered_at VARCHAR(32), 
	optional BOOLEAN NOT NULL, 
	resource BOOLEAN NOT NULL, 
	is_group BOOLEAN NOT NULL, 
	guests INTEGER NOT NULL, 
	proposed_start VARCHAR(32), 
	proposed_end VARCHAR(32), 
	proposed_all_day BOOLEAN, 
	CONSTRAINT pk_participants PRIMARY KEY (version_id, person_id), 
	CONSTRAINT fk_participants_version_id FOREIGN KEY(version_id) REFERENCES versions (id) ON DELETE CASCADE, 
	CONSTRAINT fk_participants_person_id FOREIGN KEY(person_id) REFERENCES people (id)
)
 WITHOUT ROWID

;
INSERT INTO "participants" VALUES(1,1,'none',NULL,0,0,0,0,NULL,NULL,NULL);
INSERT INTO "participants" VALUES(1,2,'none',NULL,0,0,0,0,NULL,NULL,NULL);
INSERT INTO "participants" VALUES(2,1,'none',NULL,0,0,0,0,NULL,NULL,NULL);
INSERT INTO "participants" VALUES(2,2,'none',NULL,0,0,0,0,NULL,NULL,NULL);
CREATE TABLE people (
	id INTEGER NOT NULL, 
	person TEXT NOT NULL, 
	domain TEXT NOT NULL, 
	email TEXT, 
	CONSTRAINT pk_people PRIMARY KEY (id), 
	CONSTRAINT uq_people_person UNIQUE (person)
);
INSERT INTO "people" VALUES(1,'key-rep','ours.example','rep@ours.example');
INSERT INTO "people" VALUES(2,'key-zoe','other.example',NULL);
CREATE TABLE retirements (
	id INTEGER NOT NULL, 
	connection_id INTEGER NOT NULL, 
	calendar_id INTEGER, 
	start_at VARCHAR(32) NOT NULL, 
	end_at VARCHAR(32), 
	CONSTRAINT pk_retirements PRIMARY KEY (id), 
	CONSTRAINT fk_retirements_connection_id FOREIGN KEY(connection_id) REFERENCES connections (id) ON DELETE CASCADE, 
	CONSTRAINT fk_retirements_calendar_id FOREIGN KEY(calendar_id) REFERENCES calendars (id) ON DELETE CASCADE
);
CREATE TABLE secrets (
	name TEXT NOT NULL, 
	sealed TEXT NOT NULL, 
	CONSTRAINT pk_secrets PRIMARY KEY (name)
);
CREATE TABLE skipped (
	id INTEGER NOT NULL, 
	calendar_id INTEGER NOT NULL, 
	seen_at VARCHAR(32) NOT NULL, 
	valid_to VARCHAR(32), 
	external_id TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	CONSTRAINT pk_skipped PRIMARY KEY (id), 
	CONSTRAINT fk_skipped_calendar_id FOREIGN KEY(calendar_id) REFERENCES calendars (id) ON DELETE CASCADE
);
CREATE TABLE subjects (
	id INTEGER NOT NULL, 
	event_id INTEGER NOT NULL, 
	seen_at VARCHAR(32) NOT NULL, 
	valid_to VARCHAR(32), 
	subject TEXT NOT NULL, 
	CONSTRAINT pk_subjects PRIMARY KEY (id), 
	CONSTRAINT fk_subjects_event_id FOREIGN KEY(event_id) REFERENCES events (id) ON DELETE CASCADE
);
INSERT INTO "subjects" VALUES(1,1,'2026-03-02 08:00:00.000000+00:00',NULL,'Intro');
CREATE TABLE syncs (
	id INTEGER NOT NULL, 
	connection_id INTEGER NOT NULL, 
	calendar_id INTEGER, 
	started_at VARCHAR(32) NOT NULL, 
	finished_at VARCHAR(32) NOT NULL, 
	ok BOOLEAN NOT NULL, 
	baseline BOOLEAN NOT NULL, 
	problem TEXT, 
	mended_at VARCHAR(32), 
	CONSTRAINT pk_syncs PRIMARY KEY (id), 
	CONSTRAINT fk_syncs_connection_id FOREIGN KEY(connection_id) REFERENCES connections (id) ON DELETE CASCADE, 
	CONSTRAINT fk_syncs_calendar_id FOREIGN KEY(calendar_id) REFERENCES calendars (id) ON DELETE CASCADE
);
INSERT INTO "syncs" VALUES(1,1,1,'2026-03-02 08:00:00.000000+00:00','2026-03-02 08:00:00.000000+00:00',1,1,NULL,NULL);
INSERT INTO "syncs" VALUES(2,1,1,'2026-03-02 09:00:00.000000+00:00','2026-03-02 09:00:00.000000+00:00',1,0,NULL,NULL);
CREATE TABLE touched_people (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	person_id INTEGER, 
	CONSTRAINT fk_touched_people_person_id FOREIGN KEY(person_id) REFERENCES people (id) ON DELETE CASCADE
);
CREATE TABLE versions (
	id INTEGER NOT NULL, 
	event_id INTEGER NOT NULL, 
	seen_at VARCHAR(32) NOT NULL, 
	not_before VARCHAR(32), 
	valid_to VARCHAR(32), 
	start_at VARCHAR(32) NOT NULL, 
	end_at VARCHAR(32) NOT NULL, 
	all_day BOOLEAN NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	organizer_id INTEGER, 
	free BOOLEAN NOT NULL, 
	hidden_guests BOOLEAN NOT NULL, 
	recurrence TEXT, 
	booking_tool TEXT, 
	booking_confidence VARCHAR(16), 
	sees TEXT NOT NULL, 
	occurrences TEXT, 
	expanded_until VARCHAR(32), 
	CONSTRAINT pk_versions PRIMARY KEY (id), 
	CONSTRAINT uq_versions_event_id_seen_at UNIQUE (event_id, seen_at), 
	CONSTRAINT fk_versions_event_id FOREIGN KEY(event_id) REFERENCES events (id) ON DELETE CASCADE, 
	CONSTRAINT fk_versions_organizer_id FOREIGN KEY(organizer_id) REFERENCES people (id)
);
INSERT INTO "versions" VALUES(1,1,'2026-03-02 08:00:00.000000+00:00',NULL,'2026-03-02 09:00:00.000000+00:00','2026-03-04 08:00:00.000000+00:00','2026-03-04 09:00:00.000000+00:00',0,'confirmed',1,0,0,NULL,NULL,NULL,'answer_times answers guests proposals',NULL,NULL);
INSERT INTO "versions" VALUES(2,1,'2026-03-02 09:00:00.000000+00:00','2026-03-02 08:00:00.000000+00:00',NULL,'2026-03-05 08:00:00.000000+00:00','2026-03-05 09:00:00.000000+00:00',0,'confirmed',1,0,0,NULL,NULL,NULL,'answer_times answers guests proposals',NULL,NULL);
CREATE INDEX ix_deal_imports_taken_at ON deal_imports (taken_at);
CREATE INDEX ix_account_domains_account_id ON account_domains (account_id);
CREATE INDEX ix_account_addresses_account_id ON account_addresses (account_id);
CREATE INDEX ix_account_key_players_account_id ON account_key_players (account_id);
CREATE INDEX ix_deal_absences_deal_id ON deal_absences (deal_id);
CREATE INDEX ix_kept_people_person_id ON kept_people (person_id);
CREATE INDEX ix_touched_people_person_id ON touched_people (person_id);
CREATE INDEX ix_retirements_calendar_id ON retirements (calendar_id);
CREATE INDEX ix_retirements_connection_id ON retirements (connection_id);
CREATE INDEX ix_syncs_calendar_id_finished_at ON syncs (calendar_id, finished_at);
CREATE INDEX ix_syncs_connection_id_finished_at ON syncs (connection_id, finished_at);
CREATE INDEX ix_gaps_connection_id ON gaps (connection_id);
CREATE INDEX ix_gaps_calendar_id ON gaps (calendar_id);
CREATE INDEX ix_skipped_calendar_id ON skipped (calendar_id);
CREATE INDEX ix_events_uid ON events (uid);
CREATE INDEX ix_subjects_event_id ON subjects (event_id);
CREATE INDEX ix_versions_organizer_id ON versions (organizer_id);
CREATE INDEX ix_participants_person_id ON participants (person_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('touched_people',0);
COMMIT;
