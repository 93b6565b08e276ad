"""A mixed write load, the same for the same seed, that remembers which commits were acknowledged."""

import random
import threading

import pymysql

from process import wait_until

# A connection that went away, a server that is shutting down or not up yet, an XA transaction that the server has not yet
# parted from its lost connection.
LOST = {0, 1053, 1152, 1397, 1927, 2002, 2003, 2006, 2013}
TRY_AGAIN = {1205, 1213}

ROWS = ("small", "transaction", "savepoint", "rollback", "large_row", "statement_format")
DDL_AND_XA = ("ddl", "xa", "xa_rollback", "xa_one_phase")
ONLY_MYSQL97 = ("partial_json", "compressed", "tagged", "create_select")


def all_kinds(name):
    return ROWS + DDL_AND_XA + ("non_transactional",) + (ONLY_MYSQL97 if name == "mysql97" else ())


def transactional_kinds(name):
    """All that a replica applies wholly or not at all: a connection that ends within a group of MyISAM's leaves half of it,
    and the other half is sent with the first once more."""
    return tuple(kind for kind in all_kinds(name) if kind != "non_transactional")


def crash_safe_kinds(name):
    """What a killed server of this kind gets right: none does with MyISAM, only the newest with DDL and XA."""
    only_mysql97 = ("create_drop", "xa", "xa_rollback", "xa_one_phase", "partial_json", "compressed", "tagged")
    return ROWS + (only_mysql97 if name == "mysql97" else ())


class Load:
    """Threads that write to schema `load_`, each to tables of its own so that none waits for another.

    Every transaction that matters puts (thread, number) into the table `ledger`; `acknowledged` holds those whose commit
    was answered, `unsure` those whose connection broke before the answer came. After a break a thread connects anew.
    Use it as a context manager for a load that goes on until the end of the block, or call run() for a fixed one.
    """

    def __init__(self, server, kinds=None, threads=4, seed=1, large_bytes=300_000, on_connect=None):
        self.server = server
        self.on_connect = on_connect  # of a thread's number: the first statement of each of its connections
        self.kinds = kinds or all_kinds(server.name)
        self.large_bytes = large_bytes
        self.acknowledged = set()
        self.unsure = set()
        self.errors = []
        self.stopping = threading.Event()
        self.prepared = False
        self.writers = [Writer(self, number, seed) for number in range(threads)]

    def run(self, transactions):
        """Each thread does this many; returns when all are done."""
        self.start(transactions)
        return self.finish()

    def prepare(self):
        """Makes the tables. start() does it too; call it before when the tables must be there first."""
        self.prepared = True
        self.server.sql("CREATE DATABASE load_", "CREATE TABLE load_.ledger (thread INT, number INT, PRIMARY KEY (thread, number)) "
                        "ENGINE = InnoDB")
        for writer in self.writers:
            writer.connect()
            writer.make_tables()
        return self

    def start(self, transactions=None):
        if not self.prepared:
            self.prepare()
        self.stopping.clear()
        self.threads = [threading.Thread(target=writer.work, args=(transactions,), daemon=True) for writer in self.writers]
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.stopping.set()
        return self.finish()

    def finish(self):
        for thread in self.threads:
            thread.join()
        if self.errors:
            raise self.errors[0]
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, failure, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        if self.errors and not failure:
            raise self.errors[0]

    def move_to(self, server):
        """Goes on at another server, which must have everything so far, when it is started again."""
        self.server = server
        for writer in self.writers:
            writer.server = server

    def wait_commits(self, more, seconds=180):
        """Waits until so many more commits have been acknowledged."""
        wanted = len(self.acknowledged) + more
        wait_until(lambda: len(self.acknowledged) >= wanted or self.errors, f"{wanted} commits", seconds,
                   lambda: f"{len(self.acknowledged)} commits at {self.server}")
        if self.errors:
            raise self.errors[0]

    def assert_nothing_lost(self, server):
        """Every acknowledged transaction is in this server, and none that was never sent."""
        there = set(server.sql("SELECT thread, number FROM load_.ledger"))
        lost, invented = self.acknowledged - there, there - self.acknowledged - self.unsure
        assert not lost, f"{len(lost)} acknowledged transactions are not at {server}: {sorted(lost)[:10]}"
        assert not invented, f"{len(invented)} transactions at {server} that were never sent: {sorted(invented)[:10]}"


class Writer:
    """One thread of a load."""

    TABLES = 5

    def __init__(self, load, number, seed):
        self.load = load
        self.server = load.server
        self.number = number
        self.random = random.Random(f"{seed}-{number}")
        self.count = 0
        self.connection = None

    def work(self, transactions):
        try:
            while transactions != 0 and not self.load.stopping.is_set():
                self.step()
                transactions = transactions and transactions - 1
        except Exception as error:  # handed to the test by Load.finish()
            self.load.errors.append(error)
        finally:
            self.disconnect()

    def step(self):
        """One transaction of a random kind; after a lost connection or a deadlock it is given up."""
        kind = self.random.choice(self.load.kinds)
        self.count += 1
        mark = (self.number, self.count)
        try:
            if self.connection is None:
                self.reconnect()
            self.committing = False
            getattr(self, kind)(mark)
            if self.committing:
                self.load.acknowledged.add(mark)
        except (pymysql.err.OperationalError, pymysql.err.InterfaceError, pymysql.err.InternalError) as error:
            if error.args[0] in LOST:
                if self.committing:
                    self.load.unsure.add(mark)
                self.disconnect()
                self.load.stopping.wait(0.05)
            elif error.args[0] in TRY_AGAIN:
                self.do("ROLLBACK")
            else:
                raise type(error)(*error.args, f"in {kind} of writer {self.number}") from error

    def connect(self):
        self.connection = self.server.connect_now(database="load_")
        if self.load.on_connect:
            self.do(self.load.on_connect(self.number))

    def reconnect(self):
        """Connects again and clears away what a lost connection may have left half done."""
        self.connect()
        for xid in self.left_prepared():
            self.do(f"XA ROLLBACK '{xid}'")
        if "ddl" in self.load.kinds:
            self.make_tables()

    def make_tables(self):
        self.do(f"DROP VIEW IF EXISTS v{self.number}")
        self.do(f"DROP TABLE IF EXISTS new{self.number}, cs{self.number}")
        for number in range(self.TABLES):
            self.create_table(f"t{self.number}_{number}")
        self.create_table(f"flat{self.number}", "MyISAM")

    def left_prepared(self):
        """XA transactions that a lost connection of this thread's left behind."""
        self.do("XA RECOVER")
        xids = [row[3].decode() if isinstance(row[3], bytes) else row[3] for row in self.rows()]
        return [xid for xid in xids if xid.startswith(f"{self.number}-")]

    def disconnect(self):
        if self.connection:
            try:
                self.connection.close()
            except pymysql.err.Error:
                pass
            self.connection = None

    # Statements

    def do(self, statement, arguments=None):
        self.cursor = self.connection.cursor()
        self.cursor.execute(statement, arguments)

    def rows(self):
        return self.cursor.fetchall()

    def mark(self, mark):
        """Puts the transaction into the ledger; from here on its commit may happen."""
        self.committing = True
        self.do("INSERT INTO ledger VALUES (%s, %s)", mark)

    def table(self):
        return f"t{self.number}_{self.random.randrange(self.TABLES)}"

    def create_table(self, name, engine="InnoDB"):
        self.do(f"DROP TABLE IF EXISTS {name}")
        json = "JSON" if self.server.version >= (5, 7) else "TEXT"
        self.do(f"CREATE TABLE {name} (id INT PRIMARY KEY AUTO_INCREMENT, k INT, s VARCHAR(200), b LONGBLOB, "
                f"d DECIMAL(20, 6), f DOUBLE, at DATETIME, doc {json}, KEY (k)) ENGINE = {engine} DEFAULT CHARSET = utf8mb4")

    def insert(self, table, rows=1, bytes_each=50):
        values = [(self.random.randrange(1000), f"größer {self.random.random()} 漢字", self.random.randbytes(bytes_each),
                   self.random.randrange(10**9) / 1000, self.random.gauss(0, 1e6),
                   '{"a": %d, "list": [1, "two", null], "pad": "%s"}' % (self.random.randrange(1000), "x" * 100))
                  for _ in range(rows)]
        self.cursor = self.connection.cursor()
        self.cursor.executemany(f"INSERT INTO {table} (k, s, b, d, f, at, doc) VALUES (%s, %s, %s, %s, %s, NOW(), %s)", values)

    def change(self, table):
        """One to three inserts, updates and deletes."""
        for _ in range(self.random.randint(1, 3)):
            what = self.random.randrange(4)
            if what < 2:
                self.insert(table, self.random.randint(1, 10))
            elif what == 2:
                self.do(f"UPDATE {table} SET k = k + 1, s = CONCAT(LEFT(s, 100), '!') WHERE k < %s ORDER BY id LIMIT 20",
                        self.random.randrange(1000))
            else:
                self.do(f"DELETE FROM {table} WHERE k > %s ORDER BY id LIMIT 5", self.random.randrange(1000))

    # Kinds of transactions

    def small(self, mark):
        self.do("BEGIN")
        self.change(self.table())
        self.mark(mark)
        self.do("COMMIT")

    def transaction(self, mark):
        self.do("BEGIN")
        for _ in range(self.random.randint(2, 8)):
            self.change(self.table())
        self.mark(mark)
        self.do("COMMIT")

    def savepoint(self, mark):
        self.do("BEGIN")
        self.change(self.table())
        self.do("SAVEPOINT here")
        self.change(self.table())
        self.do("ROLLBACK TO SAVEPOINT here")
        self.change(self.table())
        self.mark(mark)
        self.do("COMMIT")

    def rollback(self, _):
        self.do("BEGIN")
        self.change(self.table())
        self.do("ROLLBACK")

    def large_row(self, mark):
        self.do("BEGIN")
        self.insert(self.table(), bytes_each=self.random.randrange(self.load.large_bytes))
        self.mark(mark)
        self.do("COMMIT")

    def ddl(self, _):
        table = self.table()
        new = f"new{self.number}"
        for statement in self.random.choice((
                (f"ALTER TABLE {table} ADD COLUMN extra INT DEFAULT 7", f"ALTER TABLE {table} DROP COLUMN extra"),
                (f"CREATE INDEX by_s ON {table} (s(20))", f"DROP INDEX by_s ON {table}"),
                (f"ALTER TABLE {table} MODIFY k BIGINT", f"ALTER TABLE {table} MODIFY k INT"),
                (f"RENAME TABLE {table} TO {new}", f"RENAME TABLE {new} TO {table}"),
                (f"CREATE TABLE {new} LIKE {table}", f"INSERT INTO {new} SELECT * FROM {table} ORDER BY id LIMIT 9",
                 f"DROP TABLE {new}"),
                (f"TRUNCATE TABLE {table}",),
                (f"OPTIMIZE TABLE {table}",),
                (f"CREATE VIEW v{self.number} AS SELECT id FROM {table}", f"DROP VIEW v{self.number}"),
                (f"CREATE TRIGGER tr{self.number} BEFORE INSERT ON {table} FOR EACH ROW SET NEW.k = NEW.k + 1",
                 f"INSERT INTO {table} (k, s) VALUES (1, 'by trigger')", f"DROP TRIGGER tr{self.number}"))):
            self.do(statement)

    def create_drop(self, _):
        """DDL that may be cut off anywhere and begun again."""
        self.do(f"CREATE TABLE IF NOT EXISTS new{self.number} LIKE {self.table()}")
        self.do(f"INSERT INTO new{self.number} (k, s) VALUES (1, 'new')")
        self.do(f"DROP TABLE IF EXISTS new{self.number}")

    def xa(self, mark, end="COMMIT", prepare=True):
        xid = f"'{self.number}-{self.count}'"
        self.do(f"XA START {xid}")
        self.change(self.table())
        if end != "ROLLBACK":
            self.mark(mark)
        self.do(f"XA END {xid}")
        if prepare:
            self.do(f"XA PREPARE {xid}")
        self.do(f"XA {end} {xid}{'' if prepare else ' ONE PHASE'}")

    def xa_rollback(self, mark):
        self.xa(mark, end="ROLLBACK")

    def xa_one_phase(self, mark):
        self.xa(mark, prepare=False)

    def non_transactional(self, _):
        self.change(f"flat{self.number}")

    def statement_format(self, mark):
        table = self.table()
        self.do("SET SESSION binlog_format = STATEMENT")
        self.do("SET @factor = 3")
        self.do("BEGIN")
        self.do(f"INSERT INTO {table} (k, s, f, at) VALUES (@factor * 5, 'statement', RAND(), NOW())")
        self.do(f"UPDATE {table} SET k = k + @factor WHERE k < 500")
        self.mark(mark)
        self.do("COMMIT")
        self.do("SET SESSION binlog_format = ROW")

    def partial_json(self, mark):
        self.do("SET SESSION binlog_row_value_options = PARTIAL_JSON, binlog_row_image = MINIMAL")
        self.do("BEGIN")
        self.do(f"UPDATE {self.table()} SET doc = JSON_SET(doc, '$.a', %s) WHERE doc IS NOT NULL ORDER BY id LIMIT 10",
                self.random.randrange(1000))
        self.mark(mark)
        self.do("COMMIT")
        self.do("SET SESSION binlog_row_value_options = '', binlog_row_image = FULL")

    def compressed(self, mark):
        self.do("SET SESSION binlog_transaction_compression = ON")
        self.transaction(mark)
        self.do("SET SESSION binlog_transaction_compression = OFF")

    def tagged(self, mark):
        self.do(f"SET gtid_next = 'AUTOMATIC:tag_{self.random.randrange(3)}'")
        self.small(mark)
        self.do("SET gtid_next = 'AUTOMATIC'")

    def create_select(self, _):
        self.do(f"CREATE TABLE cs{self.number} SELECT * FROM {self.table()} ORDER BY id LIMIT 5")
        self.do(f"DROP TABLE cs{self.number}")
