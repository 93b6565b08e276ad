"""Real MySQL and MariaDB servers: started, asked, and wired to follow each other or binbus."""

import functools
import os
import pathlib
import re
import subprocess

import pymysql

from process import Process, free_port, wait_until

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
VERSIONS = {"mysql55": (5, 5), "mysql56": (5, 6), "mysql97": (9, 7),
            "mariadb102": (10, 2), "mariadb105": (10, 5), "mariadb1011": (10, 11), "mariadb118": (11, 8)}
# For whoever writes much and never loses power.
FAST = ["--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0", "--skip-innodb-doublewrite"]


@functools.cache
def installed(name):
    """The folder of the servers' cache that has this server; fetches it when it is not there yet."""
    subprocess.run([REPOSITORY / "tools/servers/get", name], check=True, stdin=subprocess.DEVNULL)
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("BINBUS_SERVERS") or f"{cache}/binbus/servers") / name


def semi_sync_source(name, timeout_ms):
    """Options of a source that waits for a replica's acknowledgement before it answers a commit."""
    if name == "mysql97":
        return ["--plugin-load-add=semisync_source.so", "--rpl-semi-sync-source-enabled=1",
                f"--rpl-semi-sync-source-timeout={timeout_ms}"]
    return ["--rpl-semi-sync-master-enabled=1", "--rpl-semi-sync-master-wait-point=AFTER_SYNC",
            f"--rpl-semi-sync-master-timeout={timeout_ms}"]


def semi_sync_replica(name):
    """Options of a replica that acknowledges what it has received."""
    if name == "mysql97":
        return ["--plugin-load-add=semisync_replica.so", "--rpl-semi-sync-replica-enabled=1"]
    return ["--rpl-semi-sync-slave-enabled=1"]


class Server(Process):
    """One server. It may still be starting: whoever asks it something waits until it answers."""

    def __init__(self, name, folder, options=()):
        super().__init__(folder)
        self.name = name
        self.options = list(options)
        self.port = free_port()
        self.data = self.folder / "data"
        self.socket = self.data / "mysql.sock"
        self.is_mariadb = name.startswith("mariadb")
        self.version = VERSIONS[name]
        self.users_made = False
        assert len(str(self.socket)) < 100, f"too long for a socket: {self.socket}"

    def __str__(self):
        return f"{self.name} on {self.port} in {self.folder}"

    def command(self):
        return [installed(self.name) / "bin/start", self.port, self.data, *self.options]

    def start(self):
        self.socket.unlink(missing_ok=True)
        return super().start()

    # Asking

    def connect(self, **more):
        """A connection of root's; waits until the server answers."""
        def attempt():
            assert self.running(), f"{self} does not run:\n{self.log()[-4000:]}"
            try:
                return self.connect_now(**more)
            except pymysql.err.OperationalError:
                return None

        connection = wait_until(attempt, f"{self} answers", why=lambda: self.log()[-4000:])
        if not self.users_made:
            self.users_made = True
            to_list_binlogs = ", SUPER" if self.version < (5, 6) else ""
            self.make_user("repl", "repl", "REPLICATION SLAVE, REPLICATION CLIENT" + to_list_binlogs)
        return connection

    def connect_now(self, **more):
        settings = dict(user="root", unix_socket=str(self.socket), autocommit=True, charset="utf8mb4", connect_timeout=10)
        return pymysql.connect(**{**settings, **more})

    def sql(self, *statements, cursor=pymysql.cursors.Cursor):
        """Runs the statements in one session and returns the rows of the last."""
        connection = self.connect(cursorclass=cursor)
        try:
            with connection.cursor() as run:
                for statement in statements:
                    run.execute(statement)
                return run.fetchall()
        finally:
            connection.close()

    def value(self, statement):
        """The one value that the statement returns."""
        return self.sql(statement)[0][0]

    def make_user(self, name, password, privileges, more=""):
        """A user known to this server alone: the binary log does not hear of it."""
        self.sql("SET sql_log_bin = 0", f"CREATE USER {name}@'%' IDENTIFIED BY '{password}' {more}",
                 f"GRANT {privileges} ON *.* TO {name}@'%'")

    # As a source

    def position(self):
        """(file, offset) of the end of its binary log."""
        statement = "SHOW BINARY LOG STATUS" if self.name == "mysql97" else "SHOW MASTER STATUS"
        return self.sql(statement)[0][:2]

    def binlogs(self):
        """The names of its binary log files, oldest first."""
        return [row[0] for row in self.sql("SHOW BINARY LOGS")]

    def gtids(self):
        """What it has executed, as its own kind of GTID set."""
        return self.value(f"SELECT @@GLOBAL.{'gtid_current_pos' if self.is_mariadb else 'gtid_executed'}").replace("\n", "")

    # As a replica

    def word(self, old, new):
        return new if self.name == "mysql97" else old

    @property
    def replica(self):
        return self.word("SLAVE", "REPLICA")

    def follow(self, source, at="gtid", **options):
        """Starts replication from `source`, which has a port: a Server or a Binbus.

        at: "gtid" (auto-position, or MariaDB's slave_pos) or (file, offset). options: more of CHANGE MASTER's, such as
        SSL=1; they are named without their prefix. The user is the source's replica_user.
        """
        user, password = getattr(source, "replica_user", ("repl", "repl"))
        settings = {"HOST": "127.0.0.1", "PORT": source.port, "USER": user, "PASSWORD": password, "CONNECT_RETRY": 1}
        if at != "gtid":
            settings |= {"LOG_FILE": at[0], "LOG_POS": at[1]}
        if self.is_mariadb:
            settings["USE_GTID"] = "slave_pos" if at == "gtid" else "no"
            if self.version >= (11, 3):  # which insists on TLS unless told
                settings |= {"SSL": 0, "SSL_VERIFY_SERVER_CERT": 0}
        elif self.version >= (5, 6):
            settings["AUTO_POSITION"] = int(at == "gtid")
        if self.name == "mysql97":  # which gives up after ten attempts
            settings["RETRY_COUNT"] = 1_000_000
        prefix = self.word("MASTER_", "SOURCE_")
        settings = {prefix + key: value for key, value in (settings | options).items()}
        if self.name == "mysql97":
            settings["GET_SOURCE_PUBLIC_KEY"] = 1
        terms = ", ".join(f"{key} = {value if key.endswith('USE_GTID') or isinstance(value, int) else repr(value)}"
                          for key, value in settings.items())
        self.sql(f"STOP {self.replica}", self.word("CHANGE MASTER TO ", "CHANGE REPLICATION SOURCE TO ") + terms,
                 f"START {self.replica}")

    def stop_following(self):
        self.sql(f"STOP {self.replica}")

    def start_following(self):
        self.sql(f"START {self.replica}")

    def mend_relay_logs(self):
        """A MariaDB that is killed between the removal of a relay log and that of its index's line comes up without its
        replication, and without an error of it. RESET SLAVE, says the manual; where to go on it knows by GTID."""
        status = self.replica_status()
        stopped = status["Replica_IO_Running"] == status["Replica_SQL_Running"] == "No"
        if self.is_mariadb and stopped and not status["Last_IO_Errno"] and not status["Last_SQL_Errno"]:
            self.receive_anew()

    def replica_status(self):
        """SHOW REPLICA STATUS, with today's names of its columns on every server."""
        rows = self.sql(f"SHOW {self.replica} STATUS", cursor=pymysql.cursors.DictCursor)
        return {key.replace("Master", "Source").replace("Slave", "Replica"): value for row in rows for key, value in row.items()}

    def followed_to(self):
        """(file, offset) of the source up to which it has applied."""
        status = self.replica_status()
        return status["Relay_Source_Log_File"], status["Exec_Source_Log_Pos"]

    def has_all_of(self, source):
        """Whether everything that `source` has executed has been executed here."""
        if self.is_mariadb:
            here, there = mariadb_position(self.value("SELECT @@GLOBAL.gtid_slave_pos")), mariadb_position(source.gtids())
            return all(here.get(domain, 0) >= number for domain, number in there.items())
        if self.version < (5, 6) or source.value("SELECT @@GLOBAL.gtid_mode") != "ON":
            return self.followed_to() >= source.position()
        return self.value(f"SELECT GTID_SUBSET('{source.gtids()}', @@GLOBAL.gtid_executed)") == 1

    def stopped_by_cut_xa(self):
        """Whether MySQL's applier met the first part of an XA transaction that was then received anew, and stopped: it is
        the same behind a real source (test_xa_cut_off_stops_mysqls_applier)."""
        return self.replica_status().get("Last_SQL_Errno") == 1399 and "Query: 'ROLLBACK'" in self.why()

    def receive_anew(self):
        """Drops what was received and not applied."""
        self.sql(f"STOP {self.replica}", f"RESET {self.replica}", f"START {self.replica}")

    def wait_for(self, source, seconds=300, cut_xa=False):
        """Waits until it has everything that `source` has executed; fails at once when its replication has stopped.

        cut_xa: its connection was cut off in the midst of XA transactions, after which an operator may have had to act.
        """
        def there():
            if cut_xa and self.stopped_by_cut_xa():
                self.receive_anew()
            status = self.replica_status()
            running = status["Replica_SQL_Running"] == "Yes" and status["Replica_IO_Running"] != "No"
            assert running, f"replication stopped at {self}: {self.why()}"
            return self.has_all_of(source)

        wait_until(there, f"{self} has what {source} has", seconds, self.why)

    def why(self):
        """What there is to say when its replication does not come along."""
        interesting = re.compile("Running|State|Errno|Error$|Log_File|Log_Pos|Gtid|Behind")
        lines = [f"  {key}: {value}" for key, value in self.replica_status().items() if interesting.search(key) and value]
        if self.name == "mysql97":
            workers = self.sql("SELECT last_error_message FROM performance_schema.replication_applier_status_by_worker "
                               "WHERE last_error_number > 0")
            lines += [f"  worker: {message}" for message, in workers]
        return "\n".join(lines)


def mariadb_position(text):
    """{domain: number} of a MariaDB GTID position."""
    return {int(gtid.split("-")[0]): int(gtid.split("-")[2]) for gtid in text.split(",") if gtid}


def seed(source, replica, schema="load_"):
    """Gives the replica the source's schema, and the GTIDs of all that is in it, with the server's own tool."""
    gtid = ["--gtid", "--master-data"] if source.is_mariadb else ["--set-gtid-purged=ON"]
    dump = subprocess.run([installed(source.name) / "bin/mysqldump", "-uroot", f"--socket={source.socket}",
                           "--single-transaction", *gtid, "--databases", schema], check=True, capture_output=True).stdout
    if source.is_mariadb:  # its dump names the source's coordinates too, which is not what is wanted here
        dump = b"\n".join(line for line in dump.split(b"\n") if b"CHANGE MASTER" not in line)
    subprocess.run([installed(replica.name) / "bin/client", "-uroot", f"--socket={replica.socket}"], input=dump, check=True)
