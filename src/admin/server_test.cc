#include "admin/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "admin/snapshot_testing.h"

namespace binbus::admin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Tells the text, and then an error, or nothing more for ever.
class ExampleTail final : public Tail {
 public:
  ExampleTail(std::string text, bool endless) : text_(std::move(text)), endless_(endless) {}
  Result<bool> next(const std::function<Status(std::string_view)>& give, uint64_t wait_ms,
                    const std::stop_token& stop) override {
    if (!text_.empty()) {
      BINBUS_RETURN_IF_ERROR(give(std::exchange(text_, "")));
      return true;
    }
    if (!endless_) return fail(Code::kCorrupt, "broken");
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, std::chrono::milliseconds(wait_ms), [] { return false; });
    return true;
  }

 private:
  std::string text_;
  const bool endless_;
};

class Example final : public Observed {
 public:
  Snapshot snapshot() const override {
    Snapshot made = example_snapshot();
    if (healthy) made.streams.pop_back();
    return made;
  }
  Result<std::vector<SegmentStatus>> segments(const std::string& stream) const override {
    if (stream != "shop") return fail(Code::kNotFound, "no stream \"" + stream + "\"");
    return std::vector<SegmentStatus>{{.name = "binlog.000001", .previous_gtids = ""}};
  }
  Result<Location> locate(const std::string&, const LocateQuery& query) const override {
    Location location;
    if (query.ours) location.position = *query.ours;
    if (query.theirs) location.source = *query.theirs;
    if (query.gtid_set) location.position.file = *query.gtid_set;
    if (query.time_us) location.position = {"file", *query.time_us};
    location.server_uuid = query.server_uuid;
    return location;
  }
  Status command_sink(const std::string&, const std::string& sink,
                      const SinkCommand& command) const override {
    return fail(Code::kNotFound, sink + " " + command.where);
  }
  Result<uint64_t> change_sink(const std::string&, const std::string& sink,
                               const SinkChange& change) const override {
    if (sink != "a") return fail(Code::kNotFound, sink);
    changed = std::to_string(static_cast<int>(change.kind)) + " " + change.keys;
    for (const std::string& what : change.unset) changed += " -" + what;
    return 7;
  }
  Result<std::string> show_sink(const std::string&, const std::string& sink) const override {
    return "name = \"" + sink + "\"\n";
  }
  Status hand_over(const std::string& stream) const override {
    return stream == "shop" ? ok() : fail(Code::kNotFound, stream);
  }
  Result<ClusterView> cluster() const override {
    return ClusterView{.cluster = {.node = "n1", .name = "c"}, .streams = {{"shop", {}}}};
  }
  Status command_cluster(const ClusterCommand& command) const override {
    changed = std::to_string(static_cast<int>(command.kind)) + " " + command.node + " " +
              command.stream + (command.end ? " end" : "");
    for (const std::string& node : command.nodes) changed += " " + node;
    return command.node == "none" ? fail(Code::kNotFound, "none") : ok();
  }
  Status rebuild_schema(const std::string& stream) const override {
    return stream == "shop" ? ok() : fail(Code::kNotFound, stream);
  }
  Result<std::string> show_table(const std::string&, const std::string& table,
                                 const std::string& at) const override {
    return table + " at " + at;
  }
  Result<std::unique_ptr<Tail>> tail(const std::string& stream,
                                     const TailQuery& query) const override {
    if (query.format != "binbus") return fail(Code::kInvalid, "no format " + query.format);
    return std::make_unique<ExampleTail>(
        stream + " " + query.from + " " + std::to_string(query.tables.size()) + "\n", query.follow);
  }
  Result<std::unique_ptr<Tail>> rows(const std::string& stream,
                                     const RowsQuery& query) const override {
    if (query.table != "a.b") return fail(Code::kNotFound, "no table " + query.table);
    return std::make_unique<ExampleTail>(
        stream + " " + query.format + " " + std::to_string(query.key.size()) + "\n", false);
  }
  Status keep_tables(const std::string& stream,
                     const std::vector<std::string>& patterns) const override {
    changed = stream;
    for (const std::string& pattern : patterns) changed += " " + pattern;
    return stream == "none" ? fail(Code::kInvalid, "no pattern") : ok();
  }
  Result<std::unique_ptr<Tail>> verify(const std::string& stream,
                                       const VerifyQuery& query) const override {
    if (stream != "shop") return fail(Code::kNotFound, stream);
    std::string text = query.repair ? "repair" : "compare";
    for (const std::string& table : query.tables) text += " " + table;
    return std::make_unique<ExampleTail>(text + "\n", false);
  }
  Status command_snapshot(const std::string& stream,
                          const SnapshotCommand& command) const override {
    changed = stream + " " + std::to_string(static_cast<int>(command.kind)) + " " + command.table;
    return command.table == "none" ? fail(Code::kNotFound, "none") : ok();
  }
  Result<MadeSnapshot> make_snapshot(const std::string& stream, const std::string& purpose,
                                     const std::string& at) const override {
    if (stream == "none") return fail(Code::kUnavailable, "no table is ready yet");
    return MadeSnapshot{.name = "20261128T100000Z", .position = purpose + at + ":4"};
  }
  Result<std::vector<CursorStatus>> cursors(const std::string&) const override {
    return std::vector<CursorStatus>{
        {.name = "app", .position = "b.000001:4", .client = "ann", .lag_ms = 5},
        {.name = "work",
         .position = "b.000001:4",
         .client = "",
         .lag_ms = 5,
         .shared = true,
         .workers = {{"ann", 64}}}};
  }
  Status remove_cursor(const std::string& stream, const std::string& cursor) const override {
    changed = stream + " " + cursor;
    return cursor == "app" ? fail(Code::kExists, "leased to ann") : ok();
  }
  bool healthy = true;
  mutable std::string changed;
};

class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = Server::open("127.0.0.1:0", example_, {});
    ASSERT_TRUE(opened) << opened.error().message;
    server_ = std::move(*opened);
  }
  httplib::Response get(const std::string& path) {
    httplib::Client client("127.0.0.1", server_->port());
    const auto answer = client.Get(path);
    EXPECT_TRUE(answer) << path;
    return answer ? *answer : httplib::Response{};
  }

  Example example_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, StatusAndMetrics) {
  const httplib::Response status = get("/status");
  EXPECT_EQ(status.status, 200);
  EXPECT_EQ(status.get_header_value("Content-Type"), "application/json");
  EXPECT_EQ(nlohmann::json::parse(status.body)["streams"][0]["name"], "shop");
  const httplib::Response metrics = get("/metrics");
  EXPECT_THAT(metrics.get_header_value("Content-Type"), StartsWith("text/plain"));
  EXPECT_THAT(metrics.body, HasSubstr("binbus_lag_seconds{stream=\"shop\"} 0.25\n"));
}

TEST_F(ServerTest, HealthIsTheStatusCodeAndTheReasonInTheBody) {
  EXPECT_EQ(get("/ready").status, 200);
  EXPECT_EQ(get("/live").status, 200);
  example_.healthy = false;
  const httplib::Response unready = get("/ready");
  EXPECT_EQ(unready.status, 503);
  EXPECT_THAT(unready.body, HasSubstr("connection refused"));
  EXPECT_EQ(get("/live").status, 200);
}

struct Request {
  const char* path;
  int status;
  const char* body;  // a part of it
};

TEST_F(ServerTest, StreamsQuestions) {
  const Request requests[] = {
      {"/streams/shop/segments", 200, "binlog.000001"},
      {"/streams/none/segments", 404, "no stream \\\"none\\\""},
      {"/streams/shop/locate?file=binlog.000007&pos=4711", 200, "4711"},
      {"/streams/shop/locate?source_file=mysql-bin.000003&source_pos=154&server_uuid=u1", 200,
       "u1"},
      {"/streams/shop/locate?gtid=0-1-5", 200, "0-1-5"},
      {"/streams/shop/locate?time_us=1", 200, "\"offset\": 1"},
      {"/streams/shop/locate?file=binlog.000007&pos=x", 400, "pos=x: must be a number"},
      {"/streams/shop/locate?file=binlog.000007", 400, "pos=: must be a number"},
      {"/streams/shop/locate", 400, "locate wants one of"},
      {"/streams/shop/locate?gtid=a&time_us=1", 400, "locate wants one of"},
      {"/streams/shop/changes?format=no", 400, "no format no"},
      {"/streams/shop/changes?follow=x", 400, "follow=x: must be 0 or 1"},
      {"/streams/..%2f..%2fetc/segments", 404, "there are GET /status"},
      {"/nothing", 404, "there are GET /status"},
  };
  for (const Request& request : requests) {
    const httplib::Response answer = get(request.path);
    EXPECT_EQ(answer.status, request.status) << request.path;
    EXPECT_THAT(answer.body, HasSubstr(request.body)) << request.path;
    EXPECT_EQ(answer.get_header_value("Content-Type"), "application/json") << request.path;
  }
}

TEST_F(ServerTest, CursorsOfTheFeed) {
  EXPECT_EQ(nlohmann::json::parse(get("/streams/shop/cursors").body),
            nlohmann::json::parse(R"({"cursors": [
      {"name": "app", "position": "b.000001:4", "client": "ann", "lag_ms": 5, "purged": false,
       "shared": false, "workers": []},
      {"name": "work", "position": "b.000001:4", "client": "", "lag_ms": 5, "purged": false,
       "shared": true, "workers": [{"client": "ann", "parts": 64}]}]})"));
  httplib::Client client("127.0.0.1", server_->port());
  EXPECT_EQ(client.Delete("/streams/shop/cursors/my.app-2")->status, 200);
  EXPECT_EQ(example_.changed, "shop my.app-2");
  EXPECT_EQ(client.Delete("/streams/shop/cursors/app")->status, 409);
}

TEST_F(ServerTest, KeptRows) {
  EXPECT_THAT(get("/streams/shop/rows?table=a.b").body, StartsWith("shop binbus 0\n"));
  EXPECT_THAT(get("/streams/shop/rows?table=a.b&key=1&key=x&format=sql").body,
              StartsWith("shop sql 2\n"));
  EXPECT_EQ(get("/streams/shop/rows?table=none").status, 404);
  httplib::Client client("127.0.0.1", server_->port());
  EXPECT_EQ(client.Post("/streams/shop/snapshot/start?table=a.b")->status, 200);
  EXPECT_EQ(example_.changed, "shop 0 a.b");
  EXPECT_EQ(client.Post("/streams/shop/snapshot/pause")->status, 200);
  EXPECT_EQ(example_.changed, "shop 1 ");
  EXPECT_EQ(client.Post("/streams/shop/snapshot/resume?table=none")->status, 404);
  EXPECT_EQ(example_.changed, "shop 2 none");
  EXPECT_EQ(client.Post("/streams/shop/snapshot/tables?pattern=a.b&pattern=c.*")->status, 200);
  EXPECT_EQ(example_.changed, "shop a.b c.*");
  EXPECT_EQ(client.Post("/streams/none/snapshot/tables")->status, 400);
  EXPECT_EQ(client.Post("/streams/shop/snapshot/cancel?table=a.b")->status, 200);
  EXPECT_EQ(example_.changed, "shop 3 a.b");

  const auto made = client.Post("/streams/shop/snapshots?purpose=export");
  EXPECT_EQ(made->status, 200);
  EXPECT_THAT(made->body, AllOf(HasSubstr("20261128T100000Z"), HasSubstr("export:4")));
  EXPECT_THAT(client.Post("/streams/shop/snapshots")->body, HasSubstr("command:4"));
  EXPECT_THAT(client.Post("/streams/shop/snapshots?at=-x")->body, HasSubstr("command-x:4"));
  EXPECT_EQ(client.Post("/streams/none/snapshots")->status, 503);
}

TEST_F(ServerTest, ComparesKeptRowsWithTheSources) {
  httplib::Client client("127.0.0.1", server_->port());
  EXPECT_THAT(client.Post("/streams/shop/verify")->body, StartsWith("compare\n{\"binbus_error\""));
  EXPECT_THAT(client.Post("/streams/shop/verify?repair=1&table=a.b&table=c.*")->body,
              StartsWith("repair a.b c.*\n"));
  EXPECT_EQ(client.Post("/streams/shop/verify?repair=yes")->status, 400);
  EXPECT_EQ(client.Post("/streams/other/verify")->status, 404);
}

TEST_F(ServerTest, TablesOfTheSchemaHistory) {
  EXPECT_EQ(get("/streams/shop/schema?table=d.t").body, "d.t at latest");
  EXPECT_EQ(get("/streams/shop/schema?table=d.t&at=b.000001:4").body, "d.t at b.000001:4");
  httplib::Client client("127.0.0.1", server_->port());
  EXPECT_EQ(client.Post("/streams/shop/schema/rebuild")->status, 200);
  EXPECT_EQ(client.Post("/streams/none/schema/rebuild")->status, 404);
  EXPECT_EQ(client.Post("/streams/shop/handover")->status, 200);
  EXPECT_EQ(client.Post("/streams/none/handover")->status, 404);
  EXPECT_EQ(nlohmann::json::parse(get("/cluster").body)["streams"][0]["name"], "shop");
  EXPECT_EQ(client.Post("/cluster/join")->status, 200);
  EXPECT_EQ(example_.changed, "0  ");
  EXPECT_EQ(client.Post("/cluster/transfer?node=n2&stream=shop")->status, 200);
  EXPECT_EQ(example_.changed, "3 n2 shop");
  EXPECT_EQ(client.Post("/cluster/drain?node=n2&end=1")->status, 200);
  EXPECT_EQ(example_.changed, "4 n2  end");
  EXPECT_EQ(client.Post("/cluster/place?stream=shop&node=n1&node=n2")->status, 200);
  EXPECT_EQ(example_.changed, "5  shop n1 n2");
  EXPECT_EQ(client.Post("/cluster/place?stream=shop&all=1")->status, 200);
  EXPECT_EQ(example_.changed, "5  shop");
  EXPECT_EQ(client.Post("/cluster/place?stream=shop")->status, 400);
  EXPECT_EQ(client.Post("/cluster/place?stream=shop&all=1&node=n1")->status, 400);
  EXPECT_EQ(client.Post("/cluster/remove?node=none")->status, 404);
  EXPECT_EQ(client.Post("/cluster/remove")->status, 400);
  EXPECT_EQ(client.Post("/cluster/transfer?node=n2")->status, 400);
}

TEST_F(ServerTest, CommandsToSinks) {
  httplib::Client client("127.0.0.1", server_->port());
  EXPECT_THAT(client.Post("/streams/shop/sinks/a/seek?to=latest")->body, HasSubstr("a latest"));
  EXPECT_EQ(client.Post("/streams/shop/sinks/a/seek")->status, 400);
  EXPECT_EQ(client.Post("/streams/shop/sinks/a/dance")->status, 404);
}

TEST_F(ServerTest, ChangesOfSinks) {
  httplib::Client client("127.0.0.1", server_->port());
  const std::string path = "/streams/shop/sinks/a";
  const auto set =
      client.Patch(path + "?unset=key&unset=table%5Bb.*%5D", "topic = \"t\"", "application/toml");
  EXPECT_EQ(set->body, "{\"ok\": true, \"revision\": 7}\n");
  EXPECT_EQ(example_.changed, "1 topic = \"t\" -key -table[b.*]");
  EXPECT_EQ(client.Put(path, "type = \"file\"", "application/toml")->status, 200);
  EXPECT_EQ(example_.changed, "0 type = \"file\"");
  EXPECT_EQ(client.Post(path + "/reset")->status, 200);
  EXPECT_EQ(example_.changed, "2 ");
  EXPECT_EQ(client.Delete(path)->status, 200);
  EXPECT_EQ(example_.changed, "3 ");
  EXPECT_EQ(client.Get(path)->body, "name = \"a\"\n");
  EXPECT_EQ(client.Delete("/streams/shop/sinks/b")->status, 404);
  EXPECT_EQ(client.Post(path + "/rewind")->status, 400);
  EXPECT_THAT(client.Post(path + "/rewind?by=10min")->body, HasSubstr("a 10min"));
}

TEST_F(ServerTest, RefusesPagesOfOthersInABrowser) {
  httplib::Client client("127.0.0.1", server_->port());
  const std::string own = "127.0.0.1:" + std::to_string(server_->port());
  const std::string path = "/streams/shop/sinks/a/reset";
  const struct {
    httplib::Headers headers;
    bool taken;
  } cases[] = {
      {{}, true},
      {{{"Host", own}, {"Origin", "http://" + own}}, true},
      {{{"Host", "localhost:7070"}}, true},
      {{{"Host", "[::1]:7070"}}, true},
      {{{"Host", own}, {"Origin", "http://evil.example"}}, false},
      {{{"Host", own}, {"Origin", "null"}}, false},
      {{{"Host", "evil.example:7070"}}, false},
      {{{"Host", "evil.example:7070"}, {"Origin", "http://evil.example:7070"}}, false},
      {{{"Host", "127.evil.example"}}, false},
  };
  for (const auto& c : cases) {
    example_.changed.clear();
    const auto answer = client.Post(path, c.headers, "", "application/toml");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status == 200, c.taken) << answer->body;
    EXPECT_EQ(!example_.changed.empty(), c.taken);
    EXPECT_EQ(client.Get("/status", c.headers)->status == 200, c.taken);
  }
}

// What was told before an error is told, and then the error in a line of its own.
TEST_F(ServerTest, ChangesEndWithWhatWentWrong) {
  const httplib::Response answer =
      get("/streams/shop/changes?from=earliest&table=a.*&table=b.*&follow=0");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, StartsWith("shop earliest 2\n{\"binbus_error\":{"));
  EXPECT_THAT(answer.body, HasSubstr("broken"));
  EXPECT_EQ(std::ranges::count(answer.body, '\n'), 2);
}

TEST_F(ServerTest, StopsWhileChangesAreWatched) {
  std::jthread watcher([port = server_->port()] {
    httplib::Client client("127.0.0.1", port);
    (void)client.Get("/streams/shop/changes");  // broken off
  });
  while (server_->tails() == 0) std::this_thread::yield();
  server_->stop();
}

TEST_F(ServerTest, ATakenPortIsNamed) {
  const std::string address = "127.0.0.1:" + std::to_string(server_->port());
  const auto second = Server::open(address, example_, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kNetwork);
  EXPECT_THAT(second.error().message, HasSubstr("cannot listen on " + address));
}

TEST_F(ServerTest, StopsTwice) {
  server_->stop();
  server_->stop();
}

}  // namespace
}  // namespace binbus::admin
