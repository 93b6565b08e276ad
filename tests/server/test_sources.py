"""What a source may be like: how it authenticates, encrypts, names its GTIDs; where a log begins; what check-source says."""

import re

import pymysql
import pytest
import toml

from binbus import Binbus
from certificates import Authority
from compare import assert_same_bytes, assert_same_tables
from faults import assert_says, stream_status, wait_served, wait_state, wait_streaming
from load import Load
from process import wait_until
from proxy import Proxy
from servers import installed

KINDS = ["mysql97", "mysql56", "mariadb1011", "mariadb118"]


def fill(source, table="t", rows=3):
    source.sql("CREATE DATABASE IF NOT EXISTS d", f"CREATE TABLE d.{table} (id INT PRIMARY KEY)",
               *(f"INSERT INTO d.{table} VALUES ({number})" for number in range(rows)))


# Authentication and encryption

@pytest.mark.parametrize("tls", ["disabled", "preferred", "required"])
@pytest.mark.parametrize("plugin", ["caching_sha2_password", "sha256_password"])
def test_password_of_mysql(lab, plugin, tls):
    """The first connection after a start finds the server's cache of passwords cold: without TLS its RSA key is used."""
    source = lab.server("mysql97")
    fill(source)
    source.sql("SET sql_log_bin = 0", f"CREATE USER sha@'%' IDENTIFIED WITH {plugin} BY 'sha''s \"pass\" wörd'",
               "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO sha@'%'")
    binbus = lab.binbus(source, user="sha", password="sha's \"pass\" wörd", tls=tls)
    assert_same_bytes(source, binbus)
    source.restart()
    fill(source, "after_restart")
    assert_same_bytes(source, binbus)


@pytest.mark.parametrize("plugin", ["caching_sha2_password", "sha256_password"])
def test_password_is_never_sent_in_the_clear(lab, plugin):
    """To a source that has no TLS, or of which somebody in between says so: by its RSA key unless TLS is wanted, else not at all."""
    source = lab.server("mysql97", "--tls-version=")
    fill(source)
    source.sql("SET sql_log_bin = 0", f"CREATE USER sha@'%' IDENTIFIED WITH {plugin} BY 'open sesame'",
               "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO sha@'%'")
    with Proxy(source.port) as proxy:
        for tls in ({"tls": "required"}, {"tls": "verify_ca", "tls_ca": str(Authority(f"{lab.folder}/ca", "ca").ca)}, {}):
            binbus = lab.keep(Binbus(lab.new_folder("binbus"), proxy, user="sha", password="open sesame", **tls)).start()
            if not tls:
                assert_same_bytes(source, binbus)
            else:
                wait_state(binbus, "waiting", "tls", f"127.0.0.1:{proxy.port} offers no TLS", "preferred")
            binbus.stop()
        assert b"open sesame" not in proxy.sent_by_clients
        assert b"sha\0" in proxy.sent_by_clients


def test_tls_is_required_of_a_source_without(lab):
    source = lab.server("mysql56")
    fill(source)
    binbus = lab.binbus(source, tls="required")
    wait_state(binbus, "waiting", "tls", f"127.0.0.1:{source.port}", "preferred")


def test_tls_is_never_given_up_by_who_names_certificates(lab):
    """`preferred` goes without TLS where there is none, unless an authority or a certificate of ours is given."""
    source = lab.server("mysql56")
    fill(source)
    ours = Authority(f"{lab.folder}/ca", "trusted").sign("binbus")
    binbus = lab.binbus(source, tls="preferred")
    assert_same_bytes(source, binbus)
    assert stream_status(binbus)["source"]["tls"] == ""
    binbus = lab.binbus(source, tls="preferred", tls_cert=str(ours[0]), tls_key=str(ours[1]))
    wait_state(binbus, "waiting", "tls", f"127.0.0.1:{source.port}", "tls_cert")


@pytest.mark.parametrize("mode", ["verify_ca", "verify_identity"])
@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_certificates_both_ways(lab, name, mode):
    """The source shows a certificate of a trusted authority, and so do we."""
    authority = Authority(f"{lab.folder}/ca", "trusted")
    server = authority.sign("server", address="127.0.0.1" if mode == "verify_identity" else None)
    ours = authority.sign("binbus")
    source = lab.server(name, f"--ssl-ca={authority.ca}", f"--ssl-cert={server[0]}", f"--ssl-key={server[1]}")
    fill(source)
    source.sql("SET sql_log_bin = 0", "CREATE USER known@'%' IDENTIFIED BY 'known' REQUIRE X509",
               "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO known@'%'")
    binbus = lab.binbus(source, user="known", password="known", tls=mode, tls_ca=str(authority.ca), tls_cert=str(ours[0]),
                        tls_key=str(ours[1]))
    assert_same_bytes(source, binbus)
    assert stream_status(binbus)["source"]["tls"].startswith("TLSv1.")
    assert "tls=TLSv1." in binbus.log()


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_unix_socket(lab, name):
    source = lab.server(name)
    fill(source)
    binbus = lab.keep(Binbus(lab.new_folder("binbus"), source))
    binbus.stream["source"] = [str(source.socket)]
    binbus.start()
    assert_same_bytes(source, binbus)
    assert stream_status(binbus)["source"]["address"] == str(source.socket)
    source.restart()
    fill(source, "after_restart")
    assert_same_bytes(source, binbus)


PLUGINS = "mariadb1011-plugins"  # which Debian keeps apart from the server


def test_ed25519(lab):
    source = lab.server("mariadb1011", f"--plugin-dir={installed(PLUGINS)}", "--plugin-load-add=auth_ed25519")
    fill(source)
    source.sql("SET sql_log_bin = 0", "CREATE USER ed@'%' IDENTIFIED VIA ed25519 USING PASSWORD('sha''s \"pass\" wörd')",
               "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO ed@'%'")
    binbus = lab.binbus(source, user="ed", password="sha's \"pass\" wörd")
    assert_same_bytes(source, binbus)
    binbus = lab.binbus(source, user="ed", password="wrong")
    wait_state(binbus, "waiting", "auth", f"127.0.0.1:{source.port}", "ed", "password")


def test_method_that_would_show_the_password(lab):
    source = lab.server("mariadb1011", f"--plugin-dir={installed(PLUGINS)}", "--plugin-load-add=auth_pam_v1")
    source.sql("SET sql_log_bin = 0", "CREATE USER pam@'%' IDENTIFIED VIA pam")
    binbus = lab.binbus(source, user="pam", password="secret")
    wait_state(binbus, "waiting", "auth", f"127.0.0.1:{source.port}", "ALTER USER 'pam' IDENTIFIED", "ed25519")


def test_source_that_encrypts_its_files(lab):
    """They come in the clear, at the same positions, and hold the same transactions."""
    key = lab.new_folder("keys") + ".txt"
    with open(key, "w") as file:
        file.write("1;" + "0123456789abcdef" * 4 + "\n")
    source = lab.server("mariadb1011", f"--plugin-dir={installed(PLUGINS)}", "--plugin-load-add=file_key_management",
                        f"--file-key-management-filename={key}", "--encrypt-binlog=ON", "--max-binlog-size=1M")
    replica = lab.server("mariadb1011")
    binbus = lab.binbus(source)
    replica.follow(binbus)
    load = Load(source).run(50)
    assert "größer".encode() not in (source.data / source.binlogs()[0]).read_bytes(), "not encrypted"
    binbus.kill9()
    binbus.start()
    load.run(50)
    wait_served(binbus, source)
    assert [path.name for path in sorted(binbus.segments.glob("binlog.??????"))] == source.binlogs()
    replica.wait_for(source)
    load.assert_nothing_lost(replica)
    assert_same_tables(source, replica)
    binbus.run("verify", "data")


# Where a log begins

@pytest.mark.parametrize("name", KINDS)
def test_start(lab, name):
    """Always at the head of the file that holds the place."""
    source = lab.server(name)
    fill(source)
    first_gtids = source.gtids()
    middle = source.position()
    fill(source, "more")
    source.sql("FLUSH BINARY LOGS")
    second_gtids = source.gtids()
    fill(source, "newest")
    files = source.binlogs()
    at_pos = "%s:%d" % middle
    for start, first in (("earliest", files[0]), ("latest", files[-1]), (f"gtid:{first_gtids}", files[0]),
                         (f"gtid:{second_gtids}", files[-1]), ("gtid:", files[0]), (at_pos, files[0])):
        binbus = lab.binbus(source, start=start)
        assert_same_bytes(source, binbus, first)
        assert sorted(path.name for path in binbus.segments.glob("binlog.??????")) == files[files.index(first):], start
        binbus.kill9()


def test_start_where_there_is_nothing(lab):
    source = lab.server("mysql97")
    fill(source)
    binbus = lab.binbus(source, start="binlog.000077:4")
    wait_state(binbus, "stopped", "invalid", f"127.0.0.1:{source.port}", "binlog.000077:4", "binlog.000001")


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_files_past_999999(lab, name):
    """Their names get longer."""
    source, replica = lab.server(name), lab.server(name)
    source.sql(f"{source.word('RESET MASTER', 'RESET BINARY LOGS AND GTIDS')} TO 999998")
    binbus = lab.binbus(source)
    replica.follow(binbus)
    for number in range(4):
        fill(source, f"t{number}")
        source.sql("FLUSH BINARY LOGS")
        if number == 1:  # the newest is the first of the long names
            binbus.wait_for(source)
            binbus.restart()
    names = source.binlogs()
    assert names == [f"binlog.{number}" for number in (999998, 999999, 1000000, 1000001, 1000002)]
    assert assert_same_bytes(source, binbus) == 5
    replica.wait_for(source)
    assert_same_tables(source, replica)
    assert [line.split()[1] for line in binbus.run("segments", "-c", "binbus.toml").stdout.splitlines()[1:]] == names
    binbus.run("verify", "data")


# GTIDs

def test_gtid_mode_switched_live(lab):
    """OFF to ON and back, step by step, under load; binbus is started anew in each."""
    source = lab.server("mysql97", "--gtid-mode=OFF", "--enforce-gtid-consistency=ON")
    binbus = lab.binbus(source)
    with Load(source, ["small", "transaction", "large_row"], threads=2, large_bytes=20_000) as load:
        for mode in ("OFF_PERMISSIVE", "ON_PERMISSIVE", "ON", "ON_PERMISSIVE", "OFF_PERMISSIVE", "OFF"):
            load.wait_commits(10)
            if mode in ("ON", "OFF"):  # which wait for transactions of the other kind to end
                source.sql("FLUSH BINARY LOGS")
            wait_until(lambda: switch(source, mode), f"gtid_mode = {mode}")
            load.wait_commits(10)
            binbus.kill9()
            binbus.start()
            wait_streaming(binbus)
    assert_same_bytes(source, binbus)
    binbus.run("verify", "data")


def switch(source, mode):
    try:
        source.sql(f"SET GLOBAL gtid_mode = {mode}")
        return True
    except Exception:
        return source.value("SELECT @@GLOBAL.gtid_mode") == mode


# What binbus says of the source

@pytest.mark.parametrize("name", KINDS)
def test_variables_are_the_sources(lab, name):
    """Readers decide by them how to read the log."""
    own = ["--log-bin-compress=ON", "--gtid-domain-id=7"] if name.startswith("mariadb") else []
    source = lab.server(name, "--binlog-row-image=MINIMAL", "--character-set-server=latin1", *own)
    fill(source)
    binbus = lab.binbus(source)
    wait_served(binbus, source)
    user, password = binbus.replica_user
    with pymysql.connect(host="127.0.0.1", port=binbus.port, user=user, password=password, autocommit=None) as connection:
        def ask(statement):
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall()

        for variable in ["binlog_row_image", "lower_case_table_names", "collation_server", *(["log_bin_compress", "gtid_domain_id"] if own else [])]:
            select = f"SELECT @@GLOBAL.{variable}"
            assert str(ask(select)[0][0]) == str(source.value(select)), variable
        for pattern in ("binlog_row%", "binlog_format", "sql_mode", "%time_zone", "character_set_server"):
            show = f"SHOW GLOBAL VARIABLES LIKE '{pattern}'"
            ours, theirs = dict(ask(show)), dict(source.sql(show))
            known = theirs.keys() & ours.keys()
            assert known and {key: ours[key] for key in known} == {key: theirs[key] for key in known}, pattern


# Being a good replica

@pytest.mark.parametrize("name", KINDS)
def test_seen_by_the_source_as_one_replica(lab, name):
    """With its own id; gone from there the moment it stops."""
    source = lab.server(name)
    binbus = lab.binbus(source, server_id=4242)
    binbus.wait_for(source)
    hosts = "SHOW REPLICAS" if name == "mysql97" else "SHOW SLAVE HOSTS"
    wait_until(lambda: [row[0] for row in source.sql(hosts)] == [4242], "listed")
    for _ in range(3):
        binbus.restart()
        wait_streaming(binbus)
    wait_until(lambda: [row[0] for row in source.sql(hosts)] == [4242], "listed once")
    binbus.stop()
    wait_until(lambda: source.sql(hosts) == (), "no longer listed", 60)


def test_candidates_that_do_not_answer_are_passed_over(lab):
    source = lab.server("mysql97")
    fill(source)
    source.sql("DO 0")
    binbus = lab.keep(Binbus(lab.new_folder("binbus"), source))
    binbus.stream["source"] = ["127.0.0.1:1", "no-such-host.invalid:3306", f"127.0.0.1:{source.port}"]
    binbus.start()
    assert_same_bytes(source, binbus)
    assert stream_status(binbus)["source"]["address"] == f"127.0.0.1:{source.port}"


def test_address_that_leads_elsewhere(lab):
    """Behind one address, another server without GTIDs: the same file and position there are not the same place."""
    options = ["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"]
    first, second = lab.server("mysql97", *options), lab.server("mysql97", *options)
    for source in (first, second):
        fill(source, rows=5)
    binbus = lab.binbus(first)
    before = wait_served(binbus, first)
    binbus.stop()
    binbus.stream["source"] = [f"127.0.0.1:{second.port}"]
    binbus.start()
    wait_state(binbus, "stopped", "diverged", f"127.0.0.1:{second.port}", "GTID", before["file"])
    assert stream_status(binbus)["position"] == before
    binbus.stop()
    binbus.stream["source"] = [f"127.0.0.1:{first.port}"]
    fill(first, "later")
    binbus.start()
    assert_same_bytes(first, binbus)


# Preflight

def findings(binbus):
    result = binbus.run("check-source", "-c", "binbus.toml", check=False)
    return result.returncode, result.stdout + result.stderr


def test_check_source_finds_everything(lab):
    source = lab.server("mysql97", "--gtid-mode=OFF", "--enforce-gtid-consistency=OFF", "--binlog-row-image=MINIMAL",
                        "--sync-binlog=0", "--binlog-expire-logs-seconds=3600", "--binlog-ignore-db=secret",
                        "--binlog-format=STATEMENT")
    fill(source)
    binbus = lab.binbus(source, start="binlog.000009:4")
    code, said = findings(binbus)
    assert code != 0
    assert_says(said, "binlog.000009:4", "SET GLOBAL gtid_mode = ON_PERMISSIVE", "SET GLOBAL binlog_row_image = FULL",
                "SET GLOBAL sync_binlog = 1", "SET GLOBAL binlog_expire_logs_seconds", "secret", "SET GLOBAL binlog_format = ROW",
                "SET GLOBAL binlog_row_metadata = FULL", "semisync_source.so")


@pytest.mark.parametrize("name, no_tls", [("mysql97", "--tls-version="), ("mariadb1011", "--skip-ssl")])
def test_check_source_finds_what_two_servers_need(lab, name, no_tls):
    """Identities, TLS, a start that is no longer there, a candidate that cannot take over."""
    source = lab.server(name, no_tls, "--skip-log-slave-updates")
    source.sql("CREATE DATABASE d")
    binbus = lab.binbus(source, start=f"gtid:{source.gtids()}", server_id=4242)
    fill(source)
    source.sql("FLUSH BINARY LOGS")
    wait_served(binbus, source)
    code, said = findings(binbus)
    assert code == 0, said
    assert_says(said, "the server offers no TLS", 'tls = "disabled"')
    if name == "mysql97":  # MariaDB tells of its replicas only who may manage them
        assert_says(said, "a replica with our server_id 4242", "leave out server_id")
    assert "updates is OFF" not in said, "there is one source, nobody to take over from"

    def purged():
        source.sql(f"PURGE BINARY LOGS TO '{source.binlogs()[-1]}'")
        return len(source.binlogs()) == 1

    wait_until(purged, "all files but the newest are purged")
    source.sql("SET GLOBAL server_id = 4242")
    binbus.stream["source"].append(str(source.socket))
    (binbus.folder / "binbus.toml").write_text(toml.dumps(binbus.config))
    code, said = findings(binbus)
    assert code != 0
    assert_says(said, "its server_id is ours, 4242", "has purged", "start at earliest", "updates is OFF",
                "updates under [mysqld] in my.cnf")
    if name == "mysql97":  # MariaDB has no id 0
        source.sql("SET GLOBAL server_id = 0")
        assert_says(findings(binbus)[1], "its server_id is 0", "SET GLOBAL server_id = 1")


@pytest.mark.parametrize("name", KINDS)
def test_check_source_mends(lab, name):
    """Every statement that it names for a warning or an advice works, and takes the finding away."""
    source = lab.server(name)
    fill(source)
    binbus = lab.binbus(source)
    code, said = findings(binbus)
    assert code == 0, said
    mends = re.findall(r"(?:SET GLOBAL|INSTALL PLUGIN) [^;\n]+", said)
    assert any("semi_sync" in mend for mend in mends), "semi-sync is off, and nothing is said of it"
    if name == "mysql56":  # this build has no plugins
        mends = [mend for mend in mends if "semi_sync" not in mend]
    source.sql(*mends)
    code, said = findings(binbus)
    assert code == 0
    if name == "mysql97":
        source.sql("SET GLOBAL rpl_semi_sync_source_timeout = 10000")
        assert_says(findings(binbus)[1], "rpl_semi_sync_source_timeout is 10000 ms", "SET GLOBAL rpl_semi_sync_source_timeout = 3600000")
    left = re.findall(r"(?:SET GLOBAL|INSTALL PLUGIN) .*", said)
    assert [mend for mend in left if name != "mysql56" or "semi_sync" not in mend] == []


def test_check_source_without_a_binlog(lab):
    source = lab.server("mysql97", "--skip-log-bin")
    source.sql("DO 0")
    binbus = lab.binbus(source)
    code, said = findings(binbus)
    assert code != 0
    assert_says(said, "log_bin")
    wait_state(binbus, "stopped", "unsupported", f"127.0.0.1:{source.port}", "--log-bin")
