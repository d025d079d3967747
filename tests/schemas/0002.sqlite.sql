PRAGMA application_id = 1684105571;
PRAGMA user_version = 2;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE daicho_marks (
	"key" VARCHAR(64) NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_daicho_marks PRIMARY KEY ("key")
);
CREATE TABLE transcripts (
	id VARCHAR(32) NOT NULL, 
	data BLOB NOT NULL, 
	CONSTRAINT pk_transcripts PRIMARY KEY (id)
);
CREATE TABLE observations (
	id VARCHAR(32) NOT NULL, 
	at BIGINT NOT NULL, 
	received BIGINT NOT NULL, 
	agent VARCHAR(255) NOT NULL, 
	scan VARCHAR(255) NOT NULL, 
	address VARCHAR(255) NOT NULL, 
	transcript VARCHAR(32), 
	body BLOB NOT NULL, 
	CONSTRAINT pk_observations PRIMARY KEY (id), 
	CONSTRAINT fk_observations_transcript FOREIGN KEY(transcript) REFERENCES transcripts (id)
);
CREATE INDEX ix_observations_at_id ON observations (at, id);
CREATE INDEX ix_observations_address_at ON observations (address, at);
CREATE TABLE journal (
	id VARCHAR(32) NOT NULL, 
	at BIGINT NOT NULL, 
	received BIGINT NOT NULL, 
	agent VARCHAR(255) NOT NULL, 
	scan VARCHAR(255) NOT NULL, 
	address VARCHAR(255) NOT NULL, 
	body BLOB NOT NULL, 
	CONSTRAINT pk_journal PRIMARY KEY (id)
);
CREATE INDEX ix_journal_at_id ON journal (at, id);
CREATE INDEX ix_journal_address_at ON journal (address, at);
CREATE TABLE scans (
	id VARCHAR(255) NOT NULL, 
	started BIGINT NOT NULL, 
	agent VARCHAR(255) NOT NULL, 
	body BLOB NOT NULL, 
	CONSTRAINT pk_scans PRIMARY KEY (id)
);
CREATE TABLE vantages (
	id VARCHAR(255) NOT NULL, 
	agent VARCHAR(255) NOT NULL, 
	body BLOB NOT NULL, 
	CONSTRAINT pk_vantages PRIMARY KEY (id)
);
CREATE TABLE numbers (
	number INTEGER NOT NULL, 
	device_id VARCHAR(32) NOT NULL, 
	anchor VARCHAR(32) NOT NULL, 
	assigned BIGINT NOT NULL, 
	CONSTRAINT pk_numbers PRIMARY KEY (number), 
	CONSTRAINT uq_numbers_device_id UNIQUE (device_id)
);
CREATE TABLE devices (
	device_id VARCHAR(32) NOT NULL, 
	number INTEGER NOT NULL, 
	body BLOB NOT NULL, 
	CONSTRAINT pk_devices PRIMARY KEY (device_id), 
	CONSTRAINT uq_devices_number UNIQUE (number)
);
CREATE TABLE human_entries (
	entry INTEGER NOT NULL, 
	device_id VARCHAR(32) NOT NULL, 
	"column" VARCHAR(64) NOT NULL, 
	value TEXT, 
	who VARCHAR(255) NOT NULL, 
	at BIGINT NOT NULL, 
	CONSTRAINT pk_human_entries PRIMARY KEY (entry)
);
CREATE INDEX ix_human_entries_device_id ON human_entries (device_id);
CREATE TRIGGER transcripts_no_update BEFORE UPDATE ON transcripts BEGIN SELECT RAISE(ABORT, 'daicho: transcripts is append-only'); END;
CREATE TRIGGER transcripts_no_delete BEFORE DELETE ON transcripts BEGIN SELECT RAISE(ABORT, 'daicho: transcripts is append-only'); END;
CREATE TRIGGER observations_no_update BEFORE UPDATE ON observations BEGIN SELECT RAISE(ABORT, 'daicho: observations is append-only'); END;
CREATE TRIGGER observations_no_delete BEFORE DELETE ON observations BEGIN SELECT RAISE(ABORT, 'daicho: observations is append-only'); END;
CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'daicho: journal is append-only'); END;
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'daicho: journal is append-only'); END;
CREATE TRIGGER human_entries_no_update BEFORE UPDATE ON human_entries BEGIN SELECT RAISE(ABORT, 'daicho: human_entries is append-only'); END;
CREATE TRIGGER human_entries_no_delete BEFORE DELETE ON human_entries BEGIN SELECT RAISE(ABORT, 'daicho: human_entries is append-only'); END;
CREATE TABLE agents (
	id VARCHAR(32) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	public_key BLOB NOT NULL, 
	enrolled BIGINT NOT NULL, 
	revoked BIGINT, 
	sequence BIGINT NOT NULL, 
	last_seen BIGINT, 
	skew BIGINT, 
	CONSTRAINT pk_agents PRIMARY KEY (id), 
	CONSTRAINT uq_agents_public_key UNIQUE (public_key)
);
CREATE TABLE enrolments (
	code_hash VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	created BIGINT NOT NULL, 
	expires BIGINT NOT NULL, 
	agent VARCHAR(32), 
	CONSTRAINT pk_enrolments PRIMARY KEY (code_hash), 
	CONSTRAINT fk_enrolments_agent FOREIGN KEY(agent) REFERENCES agents (id)
);
INSERT INTO alembic_version VALUES ('0002');
