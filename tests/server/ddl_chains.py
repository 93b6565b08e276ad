"""Chains of statements for test_ddl.py. {db} is the chain's own database. A server skips what it does not know."""

TYPES = """
tinyint(1) | tinyint(1) unsigned | tinyint | tinyint(1) zerofill | bool | boolean | int(0) | int(5) zerofill | bigint unsigned |
smallint zerofill | mediumint unsigned | float(25) | float(24) | float(7,3) | real | double(5,2) unsigned | dec | dec(0) |
decimal(5) | fixed(5,2) | numeric(3,0) zerofill | year | year(2) | year(4) | bit | bit(0) | bit(64) | timestamp(3) null | char(0) |
char | nchar(3) | national varchar(5) | nvarchar(4) | national character varying(4) | national char varying(4) | nchar varying(3) |
nchar varchar(3) | national varchar(3) binary | char byte | char(4) byte | varchar(4) byte | text byte | char(3) ascii |
char(3) unicode | char(3) binary | varchar(4) binary ascii | varchar(4) ascii binary | text(10) | text(63) | text(64) | text(100) |
text(20000) | text(70000) | blob(0) | text(0) | blob(255) | blob(256) | blob(70000) | blob(20000000) |
text(10) character set latin1 | varchar(20000) | varchar(70000) | varchar(70000) character set latin1 | varbinary(70000) |
varchar(16383) | varchar(65535) character set latin1 | char(255) | binary | binary(0) | varbinary(0) | varchar(0) | long |
long varchar | long varbinary | long varchar character set latin1 | long binary | long char varying | enum('a''b','c\\\\d','e\\nf ','é') |
enum("x","y") | enum(x'61', 0x62, _latin1'c', b'01100100') | enum('a' 'b','c') | set('x ','y') collate latin1_bin |
enum('a','b') character set binary | set('b') binary | enum('a') character set ucs2 | enum('a,b',',','''') | json | geometry | point |
linestring | polygon | multipoint | multilinestring | multipolygon | geometrycollection | geomcollection | point srid 4326 |
vector(3) | vector | inet4 | inet6 | uuid | varchar(10) compressed | text compressed | blob(10) compressed |
varchar(10) compressed=zlib character set latin1 | varchar(10) character set binary | char(10) character set binary |
text character set binary | varchar(10) collate utf8mb4_bin | varchar(5) charset utf8 | varchar(5) charset 'utf8' |
varchar(5) char set utf8 | varchar(5) charset utf8 collate utf8_unicode_ci | varchar(5) collate utf8_bin | varchar(5) charset utf8mb3 |
tinytext character set utf8mb4 | serial | int serial default value | int as (1+1) | int generated always as (1) stored |
int generated always as (1) persistent | int as (1) virtual not null | int invisible default 1 | int default 1 invisible not null |
timestamp | timestamp default current_timestamp on update current_timestamp | timestamp(6) default now(6) on update now(6) |
datetime(6) | datetime(0) | time(2) | date | int1 | int2 | int3 | int4 | int8 | middleint | float4 | float8 | double precision |
character(5) | character varying(6) | char varying(6) | varcharacter(5) | mediumtext binary | enum('a') ascii |
varchar(3) unicode collate ucs2_bin | int signed | int signed unsigned | int unsigned zerofill | integer(7) | number | number(5,2) |
varchar2(5) | raw(5) | clob | varchar(5) charset utf8mb4 | varchar(5) collate uca1400_ai_ci | varchar(5) collate binary |
mariadb_schema.date | oracle_schema.date | dec(65,30) | float(10) | float unsigned zerofill | bit(3) default b'1' | tinyblob |
int auto_increment unique | int key | int primary key | int unique key comment 'x, y' | int not null null | varchar(5) default 'x' collate latin1_bin |
varchar(5) default _latin1'x' | varchar(5) default (concat('a', 'b')) | int default -1 | double default .5 | double default -1.5e3 |
int default (1 + 2) | bigint default (uuid_short()) | varchar(36) default uuid() | int default case when 1 then 2 else 3 end |
date default '2020-01-01' | date default date'2020-01-01' | date default {d '2020-01-01'} | time default time '10:00:00' |
bool default true | bit(8) default 0x41 | int check (a > 0) | int constraint c check (a > 0) | int check (a > 0) not enforced |
int comment 'it''s, a (comment' | int references other (id) on delete set null on update no action | int column_format dynamic storage disk |
int not null default 0 comment "x" | varchar(5) engine_attribute='{}' | text default ('a') | json default (json_object('a', 1)) |
timestamp null default null | timestamp not null default 0 | varchar(10) collate 'latin1_bin' | varchar(10) binary character set latin1 |
varchar(10) character set latin1 collate latin1_german1_ci | varchar(10) character set gbk | text character set sjis |
char(5) character set utf16le | char(5) character set koi8u | varchar(4) character set eucjpms | varchar(4) character set armscii8 |
varchar(4) character set dec8 | varchar(4) character set hp8 | varchar(4) character set gb18030 | char(3) character set default
"""
TYPES = [kind.strip() for kind in TYPES.replace("\n", " ").split(" | ")]


def of_types(*first, alter=False):
    chain = list(first)
    for kind in TYPES:
        chain += [f"CREATE TABLE t (k INT, a {kind})"]
        chain += [f"ALTER TABLE t ADD b INT, MODIFY a {kind}"] if alter else []
        chain += ["DROP TABLE IF EXISTS t"]
    return chain


CHAINS = {
    "types": of_types("SET sql_mode = ''", alter=True),
    "types in latin1": of_types("SET sql_mode = ''", "ALTER DATABASE {db} CHARACTER SET latin1"),
    "types in utf8 strictly": of_types("ALTER DATABASE {db} CHARACTER SET utf8"),
    "types with ansi quotes": of_types("SET sql_mode = 'ANSI'"),
    "types without backslashes": of_types("SET sql_mode = 'NO_BACKSLASH_ESCAPES'"),
    "types of oracle": ["SET sql_mode = 'ORACLE'", "CREATE TABLE t (a NUMBER, b NUMBER(5), c NUMBER(7,2), d VARCHAR2(10), e RAW(5), f CLOB, "
                        "g BLOB, h DATE, i NVARCHAR2(5))", "CREATE TABLE t (a NUMBER, b NUMBER(5), c NUMBER(7,2), d VARCHAR2(10), e RAW(5), "
                        "f CLOB, g BLOB, h DATE)", 'ALTER TABLE "t" ADD "i" NUMBER FIRST', 'ALTER TABLE t MODIFY (a VARCHAR2(3), b DATE)',
                        "CREATE TABLE u (a mariadb_schema.date, b DATE)"],
    "real as float": ["SET sql_mode = 'REAL_AS_FLOAT'", "CREATE TABLE t (a REAL, b REAL(5,2), c DOUBLE)"],
    "columns of alter": [
        "CREATE TABLE t (a INT, b INT, c INT)", "ALTER TABLE t ADD d INT FIRST, ADD e INT AFTER a, ADD COLUMN (f INT, g INT)",
        "ALTER TABLE t ADD COLUMN h VARCHAR(3) AFTER h2, ADD h2 INT", "ALTER TABLE t ADD h2 INT, ADD COLUMN h VARCHAR(3) AFTER h2",
        "ALTER TABLE t DROP a, DROP COLUMN b", "ALTER TABLE t MODIFY c BIGINT FIRST", "ALTER TABLE t CHANGE c cc TINYINT AFTER h",
        "ALTER TABLE t CHANGE cc c INT, ADD x INT AFTER c", "ALTER TABLE t MODIFY d INT AFTER g, MODIFY e INT FIRST, ADD y INT FIRST",
        "ALTER TABLE t DROP x, ADD x VARCHAR(5) FIRST", "ALTER TABLE t CHANGE x y2 INT, CHANGE y x INT", "ALTER TABLE t ORDER BY c, d",
        "ALTER TABLE t ALTER COLUMN c SET DEFAULT 5, ALTER d DROP DEFAULT, ALTER e SET DEFAULT (1 + 1)",
        "ALTER TABLE {db}.t ADD {db}.t.q INT", "ALTER TABLE t ADD `t`.`q2` INT AFTER `c`", "ALTER TABLE t MODIFY t.c INT, DROP {db}.t.d",
        "ALTER TABLE t ALGORITHM=INPLACE, LOCK=NONE, ADD COLUMN z1 INT", "ALTER TABLE t ADD z2 INT, ALGORITHM=COPY, LOCK=SHARED",
        "ALTER TABLE t ADD z3 INT, ALGORITHM = DEFAULT", "ALTER TABLE t FORCE, ADD z4 INT", "ALTER TABLE t ENGINE=InnoDB ROW_FORMAT=DYNAMIC, ADD z5 INT",
        "ALTER TABLE t COMMENT 'a, ADD zz INT', ADD z6 INT", "ALTER TABLE t COMMENT='x' AUTO_INCREMENT 5 CHECKSUM=1", "ALTER TABLE t ADD z7 INT PARTITION BY HASH(z7)",
        "ALTER TABLE t REMOVE PARTITIONING", "ALTER TABLE t DROP COLUMN z1, DROP COLUMN z2 RESTRICT", "ALTER IGNORE TABLE t ADD z8 INT",
        "ALTER ONLINE TABLE t ADD z9 INT", "ALTER TABLE t DISABLE KEYS", "ALTER TABLE t ENABLE KEYS, ADD z10 INT", "ALTER TABLE t CONVERT TO CHARACTER SET latin1, RENAME u",
        "ALTER TABLE u RENAME TO v, ADD w INT", "ALTER TABLE v RENAME AS t, DROP w", "ALTER TABLE t RENAME = u", "ALTER TABLE u",
    ],
    "if exists": [
        "CREATE TABLE t (a INT)", "ALTER TABLE t ADD COLUMN IF NOT EXISTS a VARCHAR(5), ADD COLUMN IF NOT EXISTS b INT",
        "ALTER TABLE IF EXISTS t ADD IF NOT EXISTS (c INT, a TEXT)", "ALTER TABLE t DROP COLUMN IF EXISTS x, DROP IF EXISTS b",
        "ALTER TABLE t MODIFY COLUMN IF EXISTS x INT, MODIFY IF EXISTS a BIGINT", "ALTER TABLE t CHANGE IF EXISTS x y INT, CHANGE COLUMN IF EXISTS a aa INT",
        "ALTER TABLE IF EXISTS nothere ADD x INT", "ALTER TABLE t RENAME COLUMN IF EXISTS aa TO a, RENAME COLUMN IF EXISTS q TO r",
        "ALTER TABLE t ADD INDEX IF NOT EXISTS i (a), ADD UNIQUE KEY IF NOT EXISTS u (a)", "ALTER TABLE t DROP INDEX IF EXISTS i, DROP KEY IF EXISTS nope",
        "ALTER TABLE t ADD PRIMARY KEY IF NOT EXISTS (a)", "ALTER TABLE t ADD PRIMARY KEY IF NOT EXISTS (c)", "ALTER TABLE t ADD CONSTRAINT IF NOT EXISTS k CHECK (a > 0)",
        "ALTER TABLE t DROP CONSTRAINT IF EXISTS k", "ALTER TABLE t ADD FOREIGN KEY IF NOT EXISTS f (c) REFERENCES t (a)", "ALTER TABLE t DROP FOREIGN KEY IF EXISTS f",
        "CREATE TABLE IF NOT EXISTS t (other INT)", "CREATE TABLE IF NOT EXISTS u (other INT)", "DROP TABLE IF EXISTS nothere, u", "CREATE OR REPLACE TABLE t (z INT PRIMARY KEY)",
        "CREATE OR REPLACE TABLE t LIKE t2", "CREATE TABLE t2 (a INT)", "CREATE OR REPLACE TABLE t LIKE t2", "ALTER TABLE t ALTER COLUMN IF EXISTS nope SET DEFAULT 1",
        "CREATE INDEX IF NOT EXISTS i ON t (a)", "DROP INDEX IF EXISTS i ON t", "RENAME TABLE IF EXISTS nope TO nope2, t TO t3", "ALTER TABLE t3 WAIT 5 ADD b INT",
        "ALTER TABLE t3 NOWAIT ADD c INT", "RENAME TABLE t3 WAIT 5 TO t4", "RENAME TABLE t4 NOWAIT TO t3", "DROP TABLE t3 WAIT 3", "DROP TABLE IF EXISTS t2 NOWAIT",
    ],
    "primary keys": [
        "CREATE TABLE t (a INT, b INT, c INT, PRIMARY KEY (b, a))", "ALTER TABLE t MODIFY a INT", "ALTER TABLE t CHANGE b bb INT FIRST", "ALTER TABLE t RENAME COLUMN a TO x",
        "ALTER TABLE t ADD z INT FIRST", "ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (c, bb)", "ALTER TABLE t DROP COLUMN c", "ALTER TABLE t DROP PRIMARY KEY",
        "ALTER TABLE t ADD CONSTRAINT PRIMARY KEY (z)", "DROP INDEX `PRIMARY` ON t", "ALTER TABLE t ADD CONSTRAINT pk PRIMARY KEY USING BTREE (bb DESC, z)", "ALTER TABLE t DROP KEY `PRIMARY`",
        "ALTER TABLE t ADD id INT AUTO_INCREMENT PRIMARY KEY FIRST", "ALTER TABLE t MODIFY id BIGINT UNSIGNED", "ALTER TABLE t DROP PRIMARY KEY", "ALTER TABLE t DROP id",
        "CREATE TABLE u (a INT KEY, b INT UNIQUE)", "CREATE TABLE v (a INT NOT NULL UNIQUE, b INT)", "CREATE TABLE w (a VARCHAR(10), PRIMARY KEY USING HASH (a(5)))",
        "CREATE TABLE x (a INT NULL, b INT NULL, PRIMARY KEY (a))", "ALTER TABLE x DROP PRIMARY KEY, MODIFY a INT NULL", "ALTER TABLE x ADD PRIMARY KEY (b), ADD KEY (a)", "ALTER TABLE x MODIFY b INT KEY",
        "CREATE TABLE y (a INT, b INT, KEY (a), UNIQUE u (b), FULLTEXT (c), c TEXT, SPATIAL KEY g (d), d POINT NOT NULL, CONSTRAINT fk FOREIGN KEY (a) REFERENCES u (a), CONSTRAINT CHECK (a > 0), CONSTRAINT ck CHECK (b > 0), CHECK (a < b))",
        "CREATE UNIQUE INDEX i ON u (b)", "CREATE INDEX i2 USING BTREE ON u (b) COMMENT 'x' ALGORITHM=INPLACE LOCK=NONE", "DROP INDEX i ON u ALGORITHM=DEFAULT", "CREATE TABLE z (a INT, b INT, KEY ((a + b)), UNIQUE KEY f ((a + 1) DESC))",
        "ALTER TABLE z ADD INDEX i ((b * 2)), ADD c INT", "ALTER TABLE z ALTER INDEX i INVISIBLE, ADD d INT", "ALTER TABLE z RENAME INDEX i TO j, DROP INDEX f",
        "CREATE TABLE rowid (id SERIAL, x INT SERIAL DEFAULT VALUE)", "CREATE TABLE rowid (id SERIAL)", "ALTER TABLE rowid DROP COLUMN id, ADD id SERIAL",
    ],
    "unique keys": [
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT, d VARCHAR(10) NOT NULL, UNIQUE ub (b), UNIQUE ua (a))", "ALTER TABLE t MODIFY b INT NULL", "ALTER TABLE t MODIFY b INT NOT NULL",
        "ALTER TABLE t DROP KEY ua", "ALTER TABLE t ADD UNIQUE (a, b), ADD UNIQUE ud (d)", "ALTER TABLE t RENAME KEY ub TO uz, RENAME KEY ud TO ub", "DROP INDEX uz ON t",
        "ALTER TABLE t RENAME COLUMN a TO aa, CHANGE b bb BIGINT NOT NULL FIRST", "CREATE TABLE t2 LIKE t", "ALTER TABLE t2 ADD PRIMARY KEY (d)", "ALTER TABLE t2 DROP PRIMARY KEY",
        "ALTER TABLE t DROP KEY a", "CREATE UNIQUE INDEX u2 ON t (c)", "CREATE UNIQUE INDEX u3 ON t (bb DESC, aa)", "ALTER TABLE t MODIFY c INT NOT NULL", "ALTER TABLE t DROP COLUMN d",
        "ALTER TABLE t DROP COLUMN c", "ALTER TABLE t DROP COLUMN bb", "ALTER TABLE t RENAME t3, ADD UNIQUE u4 (aa)", "ALTER TABLE t3 DROP INDEX u3, DROP INDEX u4",
    ],
    "unique keys and NULL": [
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT, d VARCHAR(10) NOT NULL, UNIQUE uc (c), UNIQUE ub (b), UNIQUE ua (a))", "ALTER TABLE t MODIFY c INT NOT NULL",
        "ALTER TABLE t DROP KEY ub", "ALTER TABLE t MODIFY a INT NULL, DROP KEY uc, ADD UNIQUE uc (c)", "CREATE TABLE u (a INT, b INT NOT NULL, UNIQUE ua (a), UNIQUE ub (b), PRIMARY KEY (a))",
        "ALTER TABLE u DROP PRIMARY KEY", "ALTER TABLE u DROP KEY ub", "CREATE TABLE v (a INT PRIMARY KEY, b INT NOT NULL, UNIQUE ua (a), UNIQUE ub (b))", "ALTER TABLE v DROP PRIMARY KEY",
        "CREATE TABLE w (a TIMESTAMP NULL, b INT NOT NULL, UNIQUE (a), UNIQUE (b))", "CREATE TABLE x (a INT NOT NULL, UNIQUE ua (a), b INT NOT NULL UNIQUE)",
        "CREATE TABLE y (a INT NOT NULL, b INT NOT NULL UNIQUE, UNIQUE ua (a))", "CREATE TABLE z (a SERIAL, b INT NOT NULL UNIQUE KEY)", "ALTER TABLE x ADD c INT NOT NULL UNIQUE FIRST",
        "ALTER TABLE x MODIFY a BIGINT NOT NULL UNIQUE, DROP KEY ua", "ALTER TABLE x DROP KEY b",
    ],
    "unique keys of parts of columns": [
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT, d VARCHAR(10) NOT NULL, UNIQUE ud (d(5)), UNIQUE ub (b))", "ALTER TABLE t DROP KEY ub", "ALTER TABLE t MODIFY d VARCHAR(5) NOT NULL",
        "ALTER TABLE t MODIFY d VARCHAR(20) NOT NULL", "CREATE TABLE u (a INT NOT NULL, b INT NOT NULL, c INT, d VARCHAR(10) NOT NULL, UNIQUE ud (d(10)), UNIQUE ub (b)) CHARACTER SET utf8",
        "ALTER TABLE u MODIFY d VARCHAR(12) NOT NULL", "CREATE TABLE v (a VARCHAR(10) NOT NULL, b INT NOT NULL, UNIQUE ua (a(5)), UNIQUE ub (b))", "ALTER TABLE v MODIFY a VARCHAR(3) NOT NULL",
        "ALTER TABLE v DROP KEY ub", "CREATE TABLE w (a VARCHAR(10) NOT NULL, UNIQUE (a(5)))", "ALTER TABLE w MODIFY a INT NOT NULL", "CREATE TABLE x (a TEXT NOT NULL, UNIQUE (a(10)))",
        "ALTER TABLE x MODIFY a VARCHAR(10) NOT NULL", "CREATE TABLE y1 (a TINYBLOB NOT NULL, b INT NOT NULL, UNIQUE ua (a(255)), UNIQUE ub (b))", "ALTER TABLE y1 DROP KEY ub",
        "CREATE TABLE y2 (a TINYBLOB NOT NULL, UNIQUE (a(254)))", "CREATE TABLE y3 (a TINYTEXT NOT NULL, UNIQUE (a(85))) CHARACTER SET utf8",
        "CREATE TABLE y4 (a TINYTEXT NOT NULL, UNIQUE (a(63))) CHARACTER SET utf8mb4", "CREATE TABLE y5 (a TINYTEXT NOT NULL, b BINARY(10) NOT NULL, UNIQUE (a(255), b(10))) CHARACTER SET latin1",
        "CREATE TABLE y6 (a BINARY(10) NOT NULL, b VARBINARY(5) NOT NULL, UNIQUE (a(9)), UNIQUE (b(5)))",
        "CREATE TABLE y7 (a BIT(5) NOT NULL, b ENUM('x','y') NOT NULL, c SET('x') NOT NULL, UNIQUE (a, b, c))",
    ],
    "unique keys of computed columns": [
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT, d VARCHAR(10) NOT NULL, v INT AS (a + 1) VIRTUAL NOT NULL, s INT AS (a + 2) STORED NOT NULL, UNIQUE uv (v), UNIQUE us (s), UNIQUE ub (b))",
        "ALTER TABLE t DROP KEY us", "ALTER TABLE t DROP KEY ub", "ALTER TABLE t ADD UNIQUE uf ((a + 1)), ADD UNIQUE (b, (c + 1)), ADD UNIQUE ((a + b)), ADD UNIQUE (a, b)",
        "ALTER TABLE t DROP KEY functional_index_2", "ALTER TABLE t DROP KEY a", "CREATE TABLE u (a INT NOT NULL, b INT NOT NULL, UNIQUE uf ((1 + 1), b))", "ALTER TABLE u ADD UNIQUE ub (b)",
        "CREATE TABLE w (a INT NOT NULL, p INT AS (a) PERSISTENT, v INT AS (a) VIRTUAL, UNIQUE (p), UNIQUE (v), UNIQUE (a))", "ALTER TABLE w DROP KEY a",
    ],
    "unique keys that are made anew": [
        "CREATE TABLE t1 (a INT NOT NULL, b INT NOT NULL, c INT, d VARCHAR(10) NOT NULL, UNIQUE u1 (a), UNIQUE u2 (b), UNIQUE u3 (d))", "ALTER TABLE t1 DROP KEY u1, ADD UNIQUE u1 (a)",
        "CREATE TABLE t2 (a INT NOT NULL, b INT NOT NULL, c INT, d VARCHAR(10) NOT NULL, UNIQUE u1 (a), UNIQUE u2 (b), UNIQUE u3 (d))", "ALTER TABLE t2 DROP KEY u1, ADD UNIQUE u1 (a, b)",
        "CREATE TABLE t3 (a INT NOT NULL, b INT NOT NULL, c INT, d VARCHAR(10) NOT NULL, UNIQUE u1 (a), UNIQUE u2 (b), UNIQUE u3 (d))", "ALTER TABLE t3 DROP KEY u1, ADD UNIQUE u4 (a)",
        "CREATE TABLE t4 (a INT NOT NULL, b INT NOT NULL, c INT, d VARCHAR(10) NOT NULL, UNIQUE u1 (a), UNIQUE u2 (b), UNIQUE u3 (d))", "ALTER TABLE t4 DROP KEY u1, ADD UNIQUE u1 (a), ALGORITHM=COPY",
        "CREATE TABLE t5 (a INT NOT NULL, b INT NOT NULL, c INT, d VARCHAR(10) NOT NULL, UNIQUE u1 (a), UNIQUE u2 (b), UNIQUE u3 (d))", "ALTER TABLE t5 ADD UNIQUE u1 (a), DROP KEY u1",
        "CREATE TABLE t6 (a INT NOT NULL, b INT NOT NULL, c INT, d VARCHAR(10) NOT NULL, UNIQUE u1 (a), UNIQUE u2 (b), UNIQUE u3 (d))", "ALTER TABLE t6 DROP KEY u2, ADD UNIQUE u2 (b)",
        "CREATE TABLE t7 (a INT NOT NULL, b INT NOT NULL, c INT, d VARCHAR(10) NOT NULL, UNIQUE u1 (a), UNIQUE u2 (b), UNIQUE u3 (d))",
        "ALTER TABLE t7 DROP KEY u1, DROP KEY u2, ADD UNIQUE u2 (b), ADD UNIQUE u1 (a)",
        "CREATE TABLE t8 (a INT NOT NULL, b INT NOT NULL, c INT, d VARCHAR(10) NOT NULL, UNIQUE u1 (a), UNIQUE u2 (b), UNIQUE u3 (d))", "ALTER TABLE t8 DROP KEY u1, ADD UNIQUE u1 (a), ADD e INT",
        "CREATE TABLE t9 (a INT NOT NULL, b INT NOT NULL, c INT, d VARCHAR(10) NOT NULL, UNIQUE u1 (a), UNIQUE u2 (b), UNIQUE u3 (d))", "ALTER TABLE t9 DROP KEY u1, ADD UNIQUE u1 (a), FORCE",
        "CREATE TABLE ta (a INT NOT NULL, b INT NOT NULL, c INT, d VARCHAR(10) NOT NULL, UNIQUE u1 (a), UNIQUE u2 (b), UNIQUE u3 (d))", "ALTER TABLE ta DROP KEY u1, ADD UNIQUE u1 (a), ADD KEY k (c)",
        "CREATE TABLE tb (a INT NOT NULL, b INT NOT NULL, c INT, d VARCHAR(10) NOT NULL, UNIQUE u1 (a), UNIQUE u2 (b), UNIQUE u3 (d))", "ALTER TABLE tb DROP KEY u1, ADD UNIQUE u1 (a), COMMENT 'x'",
        "CREATE TABLE tc (a INT NOT NULL, b INT NOT NULL, c INT, d VARCHAR(10) NOT NULL, UNIQUE u1 (a), UNIQUE u2 (b), UNIQUE u3 (d))", "ALTER TABLE tc DROP KEY u1, ADD UNIQUE u1 (a), ENGINE=InnoDB",
    ],
    "names of unique keys": [
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT, d VARCHAR(10) NOT NULL, KEY (a), UNIQUE (a), UNIQUE (b), UNIQUE (b), KEY k (c))", "ALTER TABLE t DROP KEY a",
        "ALTER TABLE t DROP KEY a_2", "ALTER TABLE t DROP KEY b", "ALTER TABLE t DROP KEY b_2",
        "CREATE TABLE u (a INT NOT NULL, b INT NOT NULL, c INT, d VARCHAR(10) NOT NULL, UNIQUE (a), UNIQUE (a), UNIQUE a_4 (b), UNIQUE (a), UNIQUE (a), INDEX x USING BTREE (c, d(5)) COMMENT 'x, y', FULLTEXT KEY (d), SPATIAL INDEX (p), p POINT NOT NULL) ENGINE=MyISAM",
        "ALTER TABLE u DROP KEY a, DROP KEY a_2, DROP KEY a_5", "ALTER TABLE u DROP KEY a_4", "ALTER TABLE u DROP KEY a_3",
        "CREATE TABLE v (`primary` INT NOT NULL, CONSTRAINT cc UNIQUE (`primary`), UNIQUE (`primary`), CONSTRAINT dd UNIQUE ee (`primary`))", "ALTER TABLE v DROP KEY cc",
        "ALTER TABLE v DROP KEY primary_2", "ALTER TABLE v DROP KEY ee", "CREATE TABLE w (a INT NOT NULL, b INT NOT NULL, c INT, d VARCHAR(10) NOT NULL, FULLTEXT (d), UNIQUE (d)) ENGINE=MyISAM",
        "ALTER TABLE w DROP KEY d", "ALTER TABLE w DROP KEY d_2", "CREATE TABLE x (a INT NOT NULL, b INT NOT NULL, c INT, d VARCHAR(10) NOT NULL)",
        "ALTER TABLE x ADD KEY (a), ADD UNIQUE (a), ADD UNIQUE INDEX IF NOT EXISTS a_2 (b)", "ALTER TABLE x ADD KEY (a), ADD UNIQUE (a)", "ALTER TABLE x DROP CONSTRAINT a_2",
        "ALTER TABLE x DROP KEY a_2",
    ],
    "unique keys of mariadb": [
        "CREATE TABLE t (a TEXT NOT NULL, b INT NOT NULL, c INT, UNIQUE uc (c), UNIQUE ua (a), UNIQUE ub (b))", "ALTER TABLE t DROP KEY ub", "ALTER TABLE t MODIFY a VARCHAR(10) NOT NULL",
        "CREATE TABLE u (a INT NOT NULL, UNIQUE (a) USING HASH)", "ALTER TABLE u ADD b INT", "CREATE TABLE v (a INT NOT NULL, b INT NOT NULL, UNIQUE (a) USING HASH, UNIQUE (b)) ENGINE=MEMORY",
        "CREATE TABLE w (a INT NOT NULL, d DATE NOT NULL, e DATE NOT NULL, f INT NOT NULL, PERIOD FOR p (d, e), UNIQUE (a, p WITHOUT OVERLAPS), UNIQUE (f))",
        "CREATE TABLE x (a JSON NOT NULL, UNIQUE (a))", "CREATE TABLE y (a UUID NOT NULL, b INET6 NOT NULL, UNIQUE (a, b))", "CREATE OR REPLACE UNIQUE INDEX f ON w (f, d)",
        "CREATE TABLE z (a VARCHAR(3000) NOT NULL, b INT NOT NULL, UNIQUE (a), UNIQUE (a(2000), b), UNIQUE (b, a(500)), UNIQUE (b)) CHARACTER SET utf8mb4",
    ],
    "rename columns": [
        "CREATE TABLE t (a INT, b VARCHAR(5), c TEXT, PRIMARY KEY (a))", "ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO a", "ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO c, RENAME COLUMN c TO a",
        "ALTER TABLE t CHANGE a b TEXT, CHANGE b a INT", "ALTER TABLE t RENAME COLUMN a TO x, ADD a DATE AFTER x", "ALTER TABLE t RENAME COLUMN x TO y, DROP a, ADD x INT FIRST", "ALTER TABLE t RENAME COLUMN B TO bB",
        "ALTER TABLE t CHANGE `bB` `B` INT", "ALTER TABLE t RENAME COLUMN y TO `select`, RENAME COLUMN c TO `ünï`", "ALTER TABLE t MODIFY `ÜNÏ` INT", "ALTER TABLE t RENAME COLUMN `select` TO `to_x`, RENAME TO `to`",
        "ALTER TABLE `to` RENAME `from`", "RENAME TABLE `from` TO `a``b c`", "ALTER TABLE `a``b c` ADD `col`` umn` INT, ADD `after` INT AFTER `col`` umn`", "RENAME TABLE `a``b c` TO `1st`", "ALTER TABLE 1st ADD 2nd INT", "ALTER TABLE {db}.1st ADD 3e INT, ADD 4e5x INT",
        "ALTER TABLE 1st ADD `日本` INT, ADD `x$y` INT, ADD `😀` INT", "ALTER TABLE 1st ADD é INT AFTER 日本", "ALTER TABLE 1st DROP É",
    ],
    "rename tables": [
        "CREATE TABLE a (x INT)", "CREATE TABLE b (y INT)", "RENAME TABLE a TO tmp, b TO a, tmp TO b", "CREATE DATABASE {db}_2", "RENAME TABLE a TO {db}_2.a", "ALTER TABLE b RENAME {db}_2.b", "RENAME TABLE {db}_2.a TO a, {db}_2.b TO b",
        "RENAME TABLES a TO c", "CREATE TABLE _b_gho LIKE b", "ALTER TABLE _b_gho ADD z INT", "RENAME TABLE b TO _b_del, _b_gho TO b", "DROP TABLE IF EXISTS _b_del", "CREATE VIEW v AS SELECT * FROM b", "RENAME TABLE v TO v2", "DROP VIEW v2",
        "DROP DATABASE {db}_2", "DROP TABLES b, c", "CREATE TABLE `x` (a INT)", "DROP TABLE /* c */ `x` CASCADE",
    ],
    "charsets": [
        "CREATE TABLE t (a VARCHAR(5), b TEXT, c ENUM('x'), d CHAR(3) CHARACTER SET latin1, e BLOB)", "ALTER TABLE t DEFAULT CHARACTER SET latin1", "ALTER TABLE t ADD f VARCHAR(3), MODIFY a VARCHAR(6)", "ALTER TABLE t CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
        "ALTER TABLE t ADD g VARCHAR(3), ADD h VARCHAR(3) CHARACTER SET utf8mb4", "ALTER TABLE t COLLATE latin2_general_ci, ADD i TEXT", "ALTER TABLE t CONVERT TO CHARACTER SET utf8", "ALTER TABLE t CONVERT TO CHARACTER SET latin1 COLLATE latin1_german1_ci",
        "ALTER TABLE t CONVERT TO CHARACTER SET DEFAULT", "ALTER TABLE t CONVERT TO CHARSET utf8mb4, ADD j TEXT CHARACTER SET latin1, MODIFY a CHAR(7) CHARACTER SET ascii", "ALTER TABLE t CONVERT TO CHARACTER SET latin1", "ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4",
        "ALTER TABLE t CONVERT TO CHARACTER SET binary", "ALTER TABLE t DEFAULT COLLATE utf8_bin, DEFAULT CHARACTER SET utf8", "ALTER TABLE t ADD k VARCHAR(3)", "CREATE TABLE u (a VARCHAR(30000), b VARCHAR(20000), c TINYTEXT, d MEDIUMTEXT) CHARACTER SET latin1",
        "ALTER TABLE u CONVERT TO CHARACTER SET utf8mb4", "ALTER DATABASE {db} CHARACTER SET gbk", "CREATE TABLE v (a VARCHAR(3), b VARCHAR(3) COLLATE gbk_bin)", "ALTER DATABASE COLLATE = latin7_general_cs", "CREATE TABLE w (a VARCHAR(3))", "ALTER SCHEMA {db} DEFAULT CHARACTER SET = utf8 COLLATE utf8_unicode_ci",
        "CREATE TABLE x (a VARCHAR(3)) DEFAULT CHARSET DEFAULT", "ALTER TABLE x CONVERT TO CHARACTER SET latin1", "ALTER TABLE x CONVERT TO CHARACTER SET DEFAULT", "ALTER TABLE x DEFAULT CHARACTER SET latin1", "ALTER TABLE x CHARACTER SET DEFAULT, ADD b TEXT", "CREATE TABLE y (a VARCHAR(3)) COLLATE utf8mb4_unicode_ci", "CREATE TABLE z (a VARCHAR(3), b VARCHAR(3) BINARY, c NCHAR(3)) CHARACTER SET 'latin1' COLLATE 'latin1_general_cs'", "CREATE DATABASE {db}_u CHARACTER SET ujis", "CREATE TABLE {db}_u.t (a TEXT(70))",
        "CREATE DATABASE IF NOT EXISTS {db}_u CHARACTER SET sjis", "CREATE TABLE {db}_u.t2 (a TEXT)", "CREATE OR REPLACE DATABASE {db}_u CHARACTER SET sjis", "CREATE TABLE {db}_u.t2 (a TEXT)", "DROP SCHEMA IF EXISTS {db}_u", "CREATE TABLE m (a VARCHAR(10)) CHARACTER SET utf8mb4 COLLATE uca1400_as_cs",
        "SET collation_server = 'cp1251_bin'", "CREATE DATABASE {db}_s", "CREATE TABLE {db}_s.t (a TEXT)", "SET default_collation_for_utf8mb4 = utf8mb4_general_ci", "CREATE TABLE n (a TEXT CHARACTER SET utf8mb4)", "SET character_set_collations = 'utf8mb4=uca1400_nopad_ai_ci,latin1=latin1_danish_ci'", "CREATE TABLE o (a TEXT CHARACTER SET utf8mb4, b TEXT CHARACTER SET latin1)",
        "CREATE DATABASE {db}_t CHARACTER SET utf8mb4", "CREATE TABLE {db}_t.t (a TEXT)", "CREATE TABLE js (a JSON, b TEXT) CHARACTER SET latin1", "ALTER TABLE js CONVERT TO CHARACTER SET utf8mb4", "ALTER TABLE js ADD c JSON COLLATE utf8mb4_general_ci",
    ],
    "statements in other charsets": [
        "SET NAMES latin1", "CREATE TABLE t (`é` INT, b ENUM('ü', 'ö') CHARACTER SET latin1)",
        # With characters whose second byte is a backslash or a backtick; no table's name with 表 in sjis, whose first byte MariaDB loses.
        "SET NAMES gbk", "CREATE TABLE `表縗` (`縗` INT COMMENT '縗', b ENUM('誠', '縗', '乣') CHARACTER SET gbk, c ENUM('縗', 'x') CHARACTER SET utf8mb4) /* 縗 */ COMMENT='誠縗'",
        "ALTER TABLE `表縗` ADD `乣` VARCHAR(3) DEFAULT '縗' AFTER `縗`, ADD d SET('誠', 'x')", "RENAME TABLE `表縗` TO 乣表", "ALTER TABLE 乣表 ADD 縗 INT", "ALTER TABLE 乣表 ADD 誠 INT",
        "SET NAMES sjis", "CREATE TABLE `チ日` (`ソ` INT COMMENT '表', b ENUM('表', 'チ', 'ソ') CHARACTER SET sjis, c ENUM('能') CHARACTER SET utf8mb4) -- 表\n", "ALTER TABLE `チ日` CHANGE `ソ` `能` INT COMMENT 'ソ' /* 表 */, ADD チ INT",
        "ALTER TABLE `チ日` RENAME `日チ`", "SET NAMES utf8mb4", "ALTER TABLE 日チ ADD z INT",
    ],
    "comments": [
        "/* first */ CREATE /* second */ TABLE t (a INT /* third, b INT */, -- fourth\n b INT, # fifth\n c INT)", "-- leading\nALTER TABLE t ADD d INT", "# leading\nALTER TABLE t ADD e INT", "/*!50000 ALTER TABLE t ADD f INT */", "/*!99999 ALTER TABLE t ADD g INT */",
        "ALTER TABLE t ADD h INT /*!50100 , ADD i INT */", "ALTER TABLE t ADD j INT /*!80000 , ADD k INT */", "ALTER TABLE t ADD l INT /*!100200 , ADD m INT */", "ALTER TABLE t ADD n INT /*M! , ADD o INT */", "ALTER TABLE t ADD p INT /*M!100100 , ADD q INT */ /*M!999999 , ADD r INT */",
        "/*!40101 CREATE TABLE u (a INT) */", "CREATE TABLE v (a INT) /*!50100 PARTITION BY HASH (a) PARTITIONS 2 */", "/*!50003 DROP TABLE u */ /* done */", "(SELECT 1)", "ALTER TABLE t/**/ADD/**/s/**/INT", "CREATE TABLE w (a INT)/*! ENGINE=InnoDB *//*!50100 COMMENT='/*'*/",
        "/*! CREATE */ /*!50000 TABLE */ x (a INT /*!50000 NOT NULL */)", "ALTER TABLE x ADD b INT --", "ALTER TABLE x ADD c INT -- ;", "ALTER TABLE x ADD d INT;", "/*!50530 ALTER TABLE x ADD e INT */;", "ALTER TABLE x ADD f INT /*!50701 , ADD g INT */",
    ],
    "quotes": [
        "SET sql_mode = 'ANSI_QUOTES'", 'CREATE TABLE "t" ("a b" INT, "c""d" ENUM(\'x\'))', 'ALTER TABLE "t" ADD "e" VARCHAR(5) DEFAULT \'"\', RENAME TO "u"', 'RENAME TABLE "u" TO `v"w`', "SET sql_mode = 'NO_BACKSLASH_ESCAPES'",
        r"CREATE TABLE t (a INT COMMENT '\', b ENUM('\', 'x'))", "SET sql_mode = ''", r"CREATE TABLE u (a INT COMMENT 'it\'s', b ENUM('\\', 'a\'b', 'c\tz', '%\%') DEFAULT NULL)", 'CREATE TABLE w (a ENUM("x\'y", "z"))', "ALTER TABLE w ADD b INT COMMENT 'a'' b', ADD c INT",
    ],
    "generated": [
        "CREATE TABLE t (a INT, b INT AS (a + 1), c INT GENERATED ALWAYS AS (a * 2) STORED COMMENT 'x', d VARCHAR(20) AS (CONCAT(a, ',', b)) VIRTUAL)", "ALTER TABLE t ADD e INT AS (a) PERSISTENT FIRST, ADD f INT", "ALTER TABLE t MODIFY b INT AS (a + 2) STORED", "ALTER TABLE t MODIFY c INT", "ALTER TABLE t DROP d",
        "ALTER TABLE t ADD g TIMESTAMP AS (NULL)", "CREATE TABLE u (a JSON, b INT AS (a->'$.x') STORED NOT NULL, c CHAR(5) COLLATE latin1_bin GENERATED ALWAYS AS ('x') VIRTUAL)", "ALTER TABLE u ADD i INT INVISIBLE DEFAULT 5, ADD j INT VISIBLE", "ALTER TABLE u ALTER COLUMN i SET VISIBLE", "ALTER TABLE u ALTER i SET INVISIBLE, ALTER j SET INVISIBLE",
        "ALTER TABLE u MODIFY i INT", "CREATE TABLE v LIKE u",
    ],
    "invisible primary keys": [
        "SET sql_generate_invisible_primary_key = 1", "CREATE TABLE t (a INT, b VARCHAR(5) CHARACTER SET latin1)", "ALTER TABLE t ADD c INT FIRST", "CREATE TABLE u LIKE t", "CREATE TABLE v SELECT 1 AS x", "CREATE TABLE w (a INT PRIMARY KEY)", "ALTER TABLE t DROP PRIMARY KEY, DROP COLUMN my_row_id, ADD PRIMARY KEY (a)",
        "ALTER TABLE u ALTER COLUMN my_row_id SET VISIBLE", "ALTER TABLE u ADD f INT FIRST", "SET sql_generate_invisible_primary_key = 0", "ALTER TABLE v ADD f INT FIRST, ADD g INT FIRST, MODIFY x BIGINT FIRST", "SET sql_generate_invisible_primary_key = 1", "CREATE TABLE x (a SERIAL)", "CREATE TABLE y (a INT) PARTITION BY HASH (a)", "CREATE TABLE z (`my,` INT, b ENUM('a','\\\\'))",
    ],
    "timestamps": [
        "SET explicit_defaults_for_timestamp = 0", "CREATE TABLE t (a TIMESTAMP, b TIMESTAMP NULL, c TIMESTAMP NULL DEFAULT NULL, d TIMESTAMP NOT NULL)", "CREATE TABLE u (a TIMESTAMP NULL, b TIMESTAMP(3))", "ALTER TABLE t ADD f TIMESTAMP", "ALTER TABLE t MODIFY b TIMESTAMP NOT NULL, ADD g TIMESTAMP NULL",
        "SET explicit_defaults_for_timestamp = 1", "CREATE TABLE v (a TIMESTAMP, b TIMESTAMP NOT NULL)",
    ],
    "partitions": [
        "CREATE TABLE t (a INT, b DATE) PARTITION BY RANGE (a) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)", "ALTER TABLE t REORGANIZE PARTITION p1 INTO (PARTITION p1 VALUES LESS THAN (20), PARTITION p2 VALUES LESS THAN (30))", "ALTER TABLE t ADD PARTITION (PARTITION p3 VALUES LESS THAN (40))",
        "ALTER TABLE t DROP PARTITION p0, p1", "ALTER TABLE t TRUNCATE PARTITION p2", "ALTER TABLE t ADD c INT, DROP b", "ALTER TABLE t REMOVE PARTITIONING", "ALTER TABLE t PARTITION BY KEY (a) PARTITIONS 2", "ALTER TABLE t ADD PARTITION PARTITIONS 2", "ALTER TABLE t COALESCE PARTITION 1", "ALTER TABLE t REBUILD PARTITION ALL",
        "ALTER TABLE t ANALYZE PARTITION p0", "ALTER TABLE t CHECK PARTITION ALL", "ALTER TABLE t OPTIMIZE PARTITION p0, p1", "CREATE TABLE u LIKE t", "ALTER TABLE u REMOVE PARTITIONING", "ALTER TABLE t EXCHANGE PARTITION p0 WITH TABLE u WITHOUT VALIDATION", "ALTER TABLE t UPGRADE PARTITIONING", "ALTER TABLE t ADD d INT, ADD UNIQUE (a) PARTITION BY LINEAR HASH (a) PARTITIONS 3",
        "CREATE TABLE v (a INT, b INT) PARTITION BY LIST COLUMNS (a, b) (PARTITION p VALUES IN ((1, 2), (3, 4)))", "CREATE TABLE w (a INT, d DATE) PARTITION BY RANGE (YEAR(d)) SUBPARTITION BY HASH (TO_DAYS(d)) SUBPARTITIONS 2 (PARTITION p VALUES LESS THAN MAXVALUE)",
        "CREATE TABLE x (a INT) PARTITION BY RANGE (a) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20))", "ALTER TABLE x CONVERT PARTITION p1 TO TABLE x1", "ALTER TABLE x CONVERT TABLE x1 TO PARTITION p1 VALUES LESS THAN (20)", "CREATE TABLE y (a INT) ENGINE=InnoDB PARTITION BY HASH (a) PARTITIONS 2 COMMENT='x'",
    ],
    "like": [
        "CREATE TABLE t (a INT AUTO_INCREMENT PRIMARY KEY, b ENUM('x') CHARACTER SET latin1, c INT AS (a) VIRTUAL) CHARACTER SET latin2", "CREATE TABLE u LIKE t", "CREATE TABLE v (LIKE t)", "CREATE TABLE IF NOT EXISTS v LIKE w", "ALTER TABLE u ADD d TEXT", "CREATE DATABASE {db}_l CHARACTER SET gbk", "CREATE TABLE {db}_l.t LIKE t", "ALTER TABLE {db}_l.t ADD e TEXT",
    ],
    "temporary": [
        "CREATE TABLE t (a INT)", "CREATE TEMPORARY TABLE t (x TEXT)", "ALTER TABLE t ADD y INT", "DROP TEMPORARY TABLE t", "ALTER TABLE t ADD b INT", "CREATE TEMPORARY TABLE tt (x TEXT)", "RENAME TABLE tt TO tt2", "ALTER TABLE tt RENAME tt3", "CREATE TABLE u LIKE tt3", "CREATE TABLE u LIKE tt2", "DROP TABLE tt3", "DROP TABLE IF EXISTS tt2, t",
        "CREATE TEMPORARY TABLE q (x INT)", "CREATE TABLE q (z INT)", "DROP TABLE q", "DROP TABLE q",
    ],
    "temporary in statements": [
        "SET binlog_format = 'STATEMENT'", "CREATE TABLE t (a INT)", "CREATE TEMPORARY TABLE t (x TEXT)", "ALTER TABLE t ADD y INT", "CREATE INDEX i ON t (y)", "RENAME TABLE t TO t5", "RENAME TABLE t5 TO t", "DROP TEMPORARY TABLE t", "ALTER TABLE t ADD b INT", "CREATE TEMPORARY TABLE tt (x TEXT)", "ALTER TABLE tt RENAME tt3", "ALTER TABLE tt3 ADD z INT",
        "DROP TABLE tt3", "CREATE TABLE tt3 (a INT)", "ALTER TABLE tt3 ADD z INT",
    ],
    "other statements": [
        "CREATE TABLE t (a INT)", "CREATE VIEW v AS SELECT * FROM t", "CREATE OR REPLACE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW v AS SELECT a AS x FROM t", "ALTER VIEW v AS SELECT 1 AS y", "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1", "CREATE PROCEDURE p() BEGIN DROP TABLE IF EXISTS t; CREATE TABLE t (b INT); END",
        "CREATE DEFINER=root@localhost FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1", "ALTER PROCEDURE p COMMENT 'ALTER TABLE t ADD x INT'", "CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01' DO ALTER TABLE t ADD x INT", "DROP TRIGGER tr", "DROP EVENT e", "DROP FUNCTION f", "CREATE USER u IDENTIFIED BY 'x'", "GRANT ALL ON *.* TO u", "ALTER USER u IDENTIFIED BY 'y'", "RENAME USER u TO u2",
        "DROP USER u2", "CREATE ROLE r", "DROP ROLE r", "FLUSH TABLES", "FLUSH TABLE t", "ANALYZE TABLE t", "OPTIMIZE TABLE t", "TRUNCATE TABLE t", "TRUNCATE t", "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'x')", "ALTER SERVER s OPTIONS (HOST 'y')", "DROP SERVER s", "CALL p()", "DROP PROCEDURE p", "ALTER TABLE v ADD x INT", "DROP VIEW v", "LOCK TABLES t WRITE", "UNLOCK TABLES",
        "SET STATEMENT max_statement_time = 10 FOR ALTER TABLE t ADD st INT", "SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR CREATE TABLE \"ss\" (a INT)", "SET PASSWORD = ''", "ALTER INSTANCE ROTATE INNODB MASTER KEY",
    ],
    "create select": [
        "CREATE TABLE t (a INT, b VARCHAR(5))", "CREATE TABLE u AS SELECT * FROM t", "CREATE TABLE v (z INT, a BIGINT PRIMARY KEY) ENGINE=InnoDB SELECT a FROM t", "CREATE TABLE IF NOT EXISTS v SELECT * FROM t", "SET sql_mode = 'ANSI'", 'CREATE TABLE "w" AS (SELECT 1 AS "one", \'x\' AS "two")', "CREATE TABLE x (KEY (a)) SELECT * FROM t", "ALTER TABLE u ADD c INT",
        "CREATE TABLE y CHARACTER SET latin1 SELECT 'x' AS a", "CREATE OR REPLACE TABLE y AS SELECT 1 AS b", "CREATE TABLE z TABLE t", "CREATE TABLE zz AS WITH c AS (SELECT 1 AS q) SELECT * FROM c", "CREATE TABLE vv VALUES ROW(1, 2)",
    ],
    "sequences": [
        "CREATE SEQUENCE s", "CREATE SEQUENCE IF NOT EXISTS s START WITH 5", "CREATE OR REPLACE SEQUENCE s INCREMENT BY 2", "CREATE SEQUENCE s2 AS SMALLINT UNSIGNED", "ALTER SEQUENCE s2 AS INT", "ALTER SEQUENCE s RESTART 10", "RENAME TABLE s TO s3", "CREATE TABLE t (a INT DEFAULT NEXT VALUE FOR s3, b INT DEFAULT (NEXTVAL({db}.s3)))", "DROP TABLE t", "CREATE TABLE s4 (LIKE s3)", "DROP SEQUENCE s3",
        "CREATE SEQUENCE s5 AS TINYINT", "CREATE SEQUENCE s6 AS MEDIUMINT", "CREATE SEQUENCE s7 AS BIGINT UNSIGNED", "CREATE TABLE sq (next_not_cached_value bigint(21) NOT NULL, minimum_value bigint(21) NOT NULL, maximum_value bigint(21) NOT NULL, start_value bigint(21) NOT NULL, increment bigint(21) NOT NULL, cache_size bigint(21) unsigned NOT NULL, cycle_option tinyint(1) unsigned NOT NULL, cycle_count bigint(21) NOT NULL) SEQUENCE=1",
    ],
    "system versioning": [
        "CREATE TABLE t (a INT) WITH SYSTEM VERSIONING", "SET system_versioning_alter_history = KEEP", "ALTER TABLE t ADD b INT", "ALTER TABLE t ADD c INT FIRST, DROP b", "ALTER TABLE t DROP SYSTEM VERSIONING", "ALTER TABLE t ADD d INT", "ALTER TABLE t ADD SYSTEM VERSIONING, ADD e INT", "CREATE TABLE u LIKE t", "ALTER TABLE u DROP SYSTEM VERSIONING, DROP e",
        "CREATE TABLE v (a INT, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING", "ALTER TABLE v ADD b INT AFTER a", "ALTER TABLE v DROP SYSTEM VERSIONING, DROP COLUMN s, DROP COLUMN e", "ALTER TABLE v ADD COLUMN s TIMESTAMP(6) GENERATED ALWAYS AS ROW START INVISIBLE, ADD COLUMN e TIMESTAMP(6) GENERATED ALWAYS AS ROW END INVISIBLE, ADD PERIOD FOR SYSTEM_TIME (s, e), ADD SYSTEM VERSIONING",
        "ALTER TABLE v ADD COLUMN c INT WITHOUT SYSTEM VERSIONING", "CREATE TABLE w (a INT WITH SYSTEM VERSIONING, b INT WITHOUT SYSTEM VERSIONING)", "CREATE TABLE x (a INT) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME (PARTITION h HISTORY, PARTITION c CURRENT)", "CREATE TABLE y (a INT) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME INTERVAL 1 DAY AUTO PARTITIONS 3", "CREATE TABLE z (a INT, s BIGINT UNSIGNED AS ROW START, e BIGINT UNSIGNED AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING",
    ],
    "application periods": [
        "CREATE TABLE t (a INT, d DATE, e DATE, PERIOD FOR p (d, e))", "CREATE TABLE u (a INT, d DATE, e DATE, PERIOD FOR p (d, e), PRIMARY KEY (a, p WITHOUT OVERLAPS))", "ALTER TABLE u DROP PRIMARY KEY, DROP PERIOD FOR p", "ALTER TABLE t DROP PERIOD FOR p", "CREATE TABLE v (d DATE, e DATE)", "ALTER TABLE v ADD PERIOD FOR q (d, e)", "ALTER TABLE v ADD PERIOD IF NOT EXISTS FOR q (d, e)", "ALTER TABLE v ADD a INT, ADD UNIQUE (a, q WITHOUT OVERLAPS)",
    ],
    "hashes of long keys": [
        "CREATE TABLE t (a INT, b BLOB, UNIQUE (b))", "ALTER TABLE t ADD c INT", "ALTER TABLE t ADD UNIQUE k (a) USING HASH", "ALTER TABLE t DROP KEY b", "ALTER TABLE t ADD UNIQUE (b), ADD UNIQUE (b, a)", "ALTER TABLE t RENAME COLUMN b TO bb", "ALTER TABLE t DROP KEY b", "ALTER TABLE t DROP KEY b_2", "CREATE TABLE u (a VARCHAR(1000), b VARCHAR(1000), UNIQUE (a, b)) CHARACTER SET utf8mb4", "ALTER TABLE u CONVERT TO CHARACTER SET latin1", "ALTER TABLE u CONVERT TO CHARACTER SET utf8mb4",
        "ALTER TABLE u MODIFY a VARCHAR(10)", "CREATE TABLE v (a TEXT UNIQUE, b TEXT, UNIQUE (b(100)), UNIQUE (b(3000))) WITH SYSTEM VERSIONING", "CREATE TABLE w LIKE v", "CREATE TABLE x (a VARCHAR(300) UNIQUE) CHARACTER SET utf8mb4 ENGINE=MyISAM", "ALTER TABLE x ENGINE=InnoDB", "CREATE UNIQUE INDEX i ON x (a) USING HASH", "DROP INDEX i ON x", "CREATE TABLE y (a VARCHAR(700), UNIQUE (a), d TEXT) CHARACTER SET utf8mb4 ENGINE=Aria", "ALTER TABLE y DROP COLUMN a", "ALTER TABLE y ADD UNIQUE (d), ADD e INT",
    ],
    "two phases": ["CREATE TABLE t (a INT)", "SET binlog_alter_two_phase = 1", "ALTER TABLE t ADD b INT", "ALTER TABLE t ADD b INT", "ALTER TABLE t RENAME u, ADD c INT FIRST"],
    "old ways": [
        "CREATE TABLE t (a INT) TYPE=InnoDB", "CREATE TABLE u (a INT) ENGINE=MyISAM UNION=(t) INSERT_METHOD=LAST", "CREATE TABLE m (a INT) ENGINE=MERGE UNION=(v, w)", "ALTER TABLE t ENGINE MyISAM", "CREATE TABLE .v (a INT)", "CREATE TABLE x (a INT(11) NOT NULL auto_increment, b varchar(255) default NULL, PRIMARY KEY  (a)) ENGINE=MyISAM AUTO_INCREMENT=3 DEFAULT CHARSET=latin1 ROW_FORMAT=DYNAMIC;",
        "CREATE TABLE y (a INT) DATA DIRECTORY='/tmp' COMMENT 'CHARSET=latin1'", "CREATE TABLE z (a INT, b TEXT) PACK_KEYS=1 CHECKSUM=1 MAX_ROWS=5 PASSWORD='x' STATS_PERSISTENT=1, KEY_BLOCK_SIZE=8, COLLATE utf8_bin", "CREATE TABLE seq (a INT) START TRANSACTION",
    ],
}
