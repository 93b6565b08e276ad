#include "app/feed_cursors.h"

#include <nlohmann/json.hpp>

namespace binbus::app {
namespace {

using Json = nlohmann::json;

class GroupStore final : public feed::CursorStore {
 public:
  GroupStore(raft::GroupRunner& group, uint64_t term) : group_(group), term_(term) {}
  std::map<std::string, std::string> read() override {
    std::map<std::string, std::string> out;
    for (auto& [name, position] : group_.log().cursors(std::string(kFeedCursors)))
      out.emplace(name.substr(kFeedCursors.size()), position);
    return out;
  }
  Status write(const std::string& cursor, const std::optional<std::string>& position) override {
    return group_.put(term_, {std::string(kFeedCursors) + cursor, position});
  }

 private:
  raft::GroupRunner& group_;
  const uint64_t term_;
};

// Errors go as values, so that their codes arrive.
Json answer_error(const Error& error) { return {{"code", error.code}, {"message", error.message}}; }

Json to_json(const feed::CursorStatus& cursor) {
  Json out{cursor.name, cursor.position, cursor.client};
  if (!cursor.shared) return out;
  Json workers = Json::array();
  for (const feed::Worker& worker : cursor.workers)
    workers.push_back({worker.client, worker.parts});
  out.push_back(cursor.places.print());
  out.push_back(std::move(workers));
  return out;
}

Result<feed::CursorStatus> cursor_of(const Json& json) {
  feed::CursorStatus out{json.at(0), json.at(1), json.at(2)};
  if (json.size() < 5) return out;
  out.shared = true;
  BINBUS_TRY(places, feed::PartPlaces::parse(json.at(3).get_ref<const std::string&>()));
  out.places = std::move(places);
  for (const Json& worker : json.at(4)) out.workers.push_back({worker.at(0), worker.at(1)});
  return out;
}

Json answer(feed::Cursors& cursors, const Json& asked) {
  const std::string what = asked.at("what"), cursor = asked.at("cursor");
  const feed::Holder holder{asked.at("client"), asked.at("call")};
  Status done = ok();
  if (what == "lease") {
    auto position = cursors.lease(cursor, holder, asked.at("again"));
    return position ? Json{{"position", *position}} : answer_error(position.error());
  }
  if (what == "list") {
    const auto all = cursors.list();
    if (!all) return answer_error(all.error());
    Json list = Json::array();
    for (const feed::CursorStatus& each : *all) list.push_back(to_json(each));
    return {{"list", list}};
  }
  if (what == "join") {
    const auto places = cursors.join(cursor, holder);
    return places ? Json{{"places", places->print()}} : answer_error(places.error());
  }
  if (what == "stay") {
    const auto stays = cursors.stay(cursor, holder, asked.at("has"));
    return stays ? Json{{"stay", *stays}} : answer_error(stays.error());
  }
  if (what == "commit_parts") {
    const auto places = feed::PartPlaces::parse(asked.at("places").get_ref<const std::string&>());
    done = places ? cursors.commit_parts(cursor, holder, *places) : fail(places.error());
  }
  if (what == "leave") cursors.leave(cursor, holder);
  if (what == "renew") done = cursors.renew(cursor, holder);
  if (what == "commit") done = cursors.commit(cursor, holder, asked.at("position"));
  if (what == "release") cursors.release(cursor, holder);
  if (what == "remove") done = cursors.remove(cursor);
  return done ? Json::object() : answer_error(done.error());
}

class LeadersCursors final : public feed::Cursors {
 public:
  LeadersCursors(std::string stream, CursorsHere here, AskLeader ask)
      : stream_(std::move(stream)), here_(std::move(here)), ask_(std::move(ask)) {}

  Result<std::string> lease(const std::string& cursor, const feed::Holder& holder,
                            bool again) override {
    if (const auto here = here_()) return here->lease(cursor, holder, again);
    BINBUS_TRY(answer, ask("lease", cursor, holder, {{"again", again}}));
    return answer.value("position", "");
  }
  Status renew(const std::string& cursor, const feed::Holder& holder) override {
    if (const auto here = here_()) return here->renew(cursor, holder);
    return done(ask("renew", cursor, holder));
  }
  Status commit(const std::string& cursor, const feed::Holder& holder,
                const std::string& position) override {
    if (const auto here = here_()) return here->commit(cursor, holder, position);
    return done(ask("commit", cursor, holder, {{"position", position}}));
  }
  void release(const std::string& cursor, const feed::Holder& holder) override {
    if (const auto here = here_()) return here->release(cursor, holder);
    static_cast<void>(ask("release", cursor, holder));  // it ends by itself
  }
  Result<feed::PartPlaces> join(const std::string& cursor, const feed::Holder& worker) override {
    if (const auto here = here_()) return here->join(cursor, worker);
    BINBUS_TRY(answer, ask("join", cursor, worker));
    if (!answer.contains("places")) {
      return fail(Code::kUnsupported,
                  "the leader's version knows no shared cursors: bring it to this node's");
    }
    return feed::PartPlaces::parse(answer.at("places").get_ref<const std::string&>());
  }
  Result<feed::Stay> stay(const std::string& cursor, const feed::Holder& worker,
                          feed::Parts has) override {
    if (const auto here = here_()) return here->stay(cursor, worker, has);
    BINBUS_TRY(answer, ask("stay", cursor, worker, {{"has", has}}));
    return answer.value("stay", feed::Stay::kLost);
  }
  Status commit_parts(const std::string& cursor, const feed::Holder& worker,
                      const feed::PartPlaces& places) override {
    if (const auto here = here_()) return here->commit_parts(cursor, worker, places);
    return done(ask("commit_parts", cursor, worker, {{"places", places.print()}}));
  }
  void leave(const std::string& cursor, const feed::Holder& worker) override {
    if (const auto here = here_()) return here->leave(cursor, worker);
    static_cast<void>(ask("leave", cursor, worker));  // its lease ends by itself
  }
  Result<std::vector<feed::CursorStatus>> list() override {
    if (const auto here = here_()) return here->list();
    BINBUS_TRY(answer, ask("list", "", {}));
    std::vector<feed::CursorStatus> out;
    for (const Json& each : answer.value("list", Json::array())) {
      BINBUS_TRY(cursor, cursor_of(each));
      out.push_back(std::move(cursor));
    }
    return out;
  }
  Status remove(const std::string& cursor) override {
    if (const auto here = here_()) return here->remove(cursor);
    return done(ask("remove", cursor, {}));
  }

 private:
  Result<Json> ask(const char* what, const std::string& cursor, const feed::Holder& holder,
                   const Json& more = Json::object()) const {
    Json question{{"do", "cursor"},   {"stream", stream_},       {"what", what},
                  {"cursor", cursor}, {"client", holder.client}, {"call", holder.call}};
    question.update(more);
    BINBUS_TRY(text, ask_(question.dump(-1, ' ', false, Json::error_handler_t::replace)));
    Json answer = Json::parse(text, nullptr, false);
    if (!answer.is_object()) return fail(Code::kCorrupt, "what a leader answered is no JSON");
    if (answer.contains("code"))
      return fail(answer.at("code").get<Code>(), answer.value("message", ""));
    return answer;
  }
  static Status done(const Result<Json>& answer) { return answer ? ok() : fail(answer.error()); }

  const std::string stream_;
  const CursorsHere here_;
  const AskLeader ask_;
};

}  // namespace

std::unique_ptr<feed::CursorStore> group_cursor_store(raft::GroupRunner& group, uint64_t term) {
  return std::make_unique<GroupStore>(group, term);
}

std::shared_ptr<feed::Cursors> leaders_cursors(std::string stream, CursorsHere here,
                                               AskLeader ask) {
  return std::make_shared<LeadersCursors>(std::move(stream), std::move(here), std::move(ask));
}

Result<std::string> answer_of_cursors(feed::Cursors& cursors, const std::string& question) {
  const Json asked = Json::parse(question, nullptr, false);
  try {
    return answer(cursors, asked).dump(-1, ' ', false, Json::error_handler_t::replace);
  } catch (const Json::exception& error) {
    return fail(Code::kInvalid, std::string("what a leader was asked: ") + error.what());
  }
}

}  // namespace binbus::app
