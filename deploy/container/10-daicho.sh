#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs once, when the database is made: a role that is no superuser, so that the rules that keep facilities apart
# (row-level security) bind it, and a database of its own.
set -eu
psql -v ON_ERROR_STOP=1 --username postgres --dbname postgres <<'SQL'
\set password `cat /run/secrets/db_password`
CREATE ROLE daicho LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'password';
CREATE DATABASE daicho OWNER daicho ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE daicho FROM PUBLIC;
SQL
