#include "changes/schema_history.h"

#include <algorithm>

#include "changes/ddl_feed.h"
#include "schema/ddl_parser.h"
#include "schema/identifier.h"

namespace binbus::changes {
namespace {

using schema::StatementContext;
using schema::TableName;

std::string text_of(Position position) {
  return "segment " + std::to_string(position.segment) + ", offset " +
         std::to_string(position.offset);
}

Status check_stop(const std::stop_token& stop) {
  if (stop.stop_requested()) return fail(Code::kStopped, "asked to stop");
  return ok();
}

// Which tables statements are about, and what they did first.
class TouchCollector {
 public:
  TouchCollector(SchemaHistory::Touches& touches, uint8_t lower_case)
      : touches_(touches), lower_case_(lower_case) {}

  Status take(const DdlEvent& event) {
    if (event.restart) {
      temporary_.clear();
      return ok();
    }
    auto parsed = schema::parse_ddl(event.statement, event.context);
    if (!parsed) return fail_in(text_of(event.at), std::move(parsed).error());
    event_ = &event;
    std::visit([this](const auto& statement) { look(statement); }, *parsed);
    return ok();
  }

 private:
  std::string key_of(std::string_view name) const {
    return lower_case_ == 0 ? std::string(name) : schema::folded(name);
  }
  const std::string& database_of(const TableName& name) const {
    return name.database.empty() ? event_->context.database : name.database;
  }
  std::pair<std::string, std::string> key_of(const TableName& name) const {
    return {key_of(database_of(name)), key_of(name.table)};
  }
  bool is_temporary(const TableName& name) const {
    const auto session = temporary_.find(event_->context.session);
    return session != temporary_.end() && session->second.contains(key_of(name));
  }
  SchemaHistory::Touch touch_of(std::string database, std::string table, bool created) const {
    return {std::move(database), std::move(table), created, event_->at,
            schema::beginning_of(event_->statement)};
  }
  void touch(const TableName& name, bool created = false) {
    if (is_temporary(name)) return;
    touches_.tables.try_emplace(key_of(name), touch_of(database_of(name), name.table, created));
  }
  void touch_database(const std::string& name, bool created = false) {
    const std::string& database = name.empty() ? event_->context.database : name;
    touches_.databases.try_emplace(key_of(database), touch_of(database, "", created));
  }
  void create(const TableName& name, bool temporary, bool certain) {
    if (temporary) {
      temporary_[event_->context.session].insert(key_of(name));
    } else {
      touch(name, certain);
    }
  }

  void look(const schema::Irrelevant&) {}
  void look(const schema::TruncateTable&) {}
  void look(const schema::CreateTable& create_table) {
    create(create_table.name, create_table.temporary,
           !create_table.if_not_exists && !create_table.or_replace);
  }
  void look(const schema::CreateSequence& sequence) {
    create(sequence.name, sequence.temporary, !sequence.if_not_exists && !sequence.or_replace);
  }
  void look(const schema::AlterTable& alter) {
    using Kind = schema::AlterClause::Kind;
    touch(alter.name);
    for (const schema::AlterClause& clause : alter.clauses) {
      if (clause.kind == Kind::kRenameTable || clause.kind == Kind::kPartitionToTable)
        touch(clause.to, true);
      if (clause.kind == Kind::kTableToPartition) touch(clause.to);
    }
  }
  void look(const schema::AlterSequence& alter) { touch(alter.name); }
  void look(const schema::RenameTables& rename) {
    for (const schema::RenameTables::Pair& pair : rename.pairs) {
      touch(pair.from);
      touch(pair.to, true);
    }
  }
  void look(const schema::DropTables& drop) {
    for (const TableName& name : drop.names) {
      if (is_temporary(name)) {
        temporary_[event_->context.session].erase(key_of(name));
      } else if (!drop.temporary) {
        touch(name);
      }
    }
  }
  void look(const schema::CreateDatabase& database) {
    touch_database(database.name, !database.if_not_exists && !database.or_replace);
  }
  void look(const schema::AlterDatabase& database) { touch_database(database.name); }
  void look(const schema::DropDatabase& database) { touch_database(database.name); }

  SchemaHistory::Touches& touches_;
  const uint8_t lower_case_;
  const DdlEvent* event_ = nullptr;
  std::map<uint64_t, std::set<std::pair<std::string, std::string>>> temporary_;
};

}  // namespace

std::optional<store::SchemaPlace> place_for(const std::vector<store::SchemaPlace>& places,
                                            Position position) {
  std::optional<store::SchemaPlace> best;
  for (const store::SchemaPlace& place : places) {
    if (place.at > position) break;
    if (!best || place.origin >= best->origin) best = place;
  }
  return best;
}

Result<SchemaHistory::Known> SchemaHistory::read(const store::SchemaPlace& place) {
  BINBUS_TRY(bytes, log_.read_schema(place.at));
  auto baseline = schema::Baseline::decode(bytes);
  if (!baseline)
    return fail_in("schema baseline at " + text_of(place.at), std::move(baseline).error());
  return Known{place, std::move(*baseline)};
}

// Whether the log's statements from there on are all still here.
bool SchemaHistory::reachable(Position from) const {
  const uint64_t oldest = log_.size().oldest;
  return oldest != 0 && from.segment >= oldest;
}

Result<SchemaHistory::Known> SchemaHistory::start_for(Position position,
                                                      const std::stop_token& stop) {
  if (position > log_.visible_end())
    return fail(Code::kInvalid, text_of(position) + " is not in the log yet");
  const auto places = log_.schemas();
  const auto place = place_for(places, position);
  if (place && (reachable(place->at) || place->at == position)) return read(*place);
  for (const store::SchemaPlace& later : places) {
    // From the log's beginning on: what was created within it is known exactly.
    if (later.at > position) return look_back({log_.size().oldest, 0}, later, stop);
  }
  return fail(Code::kNotFound,
              "the log has no schema baseline for " + text_of(position) +
                  " yet; it is read as soon as the source is connected and the log has caught up "
                  "with it");
}

Result<SchemaHistory::Touches> SchemaHistory::touches(Position from, Position to,
                                                      const schema::SourceDefaults& defaults,
                                                      const std::stop_token& stop) {
  Touches found;
  TouchCollector collector(found, defaults.lower_case_table_names);
  BINBUS_TRY(feed, DdlFeed::open(log_, from, defaults.context()));
  for (;;) {
    BINBUS_RETURN_IF_ERROR(check_stop(stop));
    BINBUS_TRY(event, feed.next(to));
    if (!event) return found;
    BINBUS_RETURN_IF_ERROR(collector.take(*event));
  }
}

Result<SchemaHistory::Known> SchemaHistory::look_back(Position position,
                                                      const store::SchemaPlace& later,
                                                      const std::stop_token& stop) {
  BINBUS_TRY(known, read(later));
  schema::Catalog& catalog = known.baseline.catalog;
  BINBUS_TRY(found, touches(position, later.at, known.baseline.defaults, stop));
  const StatementContext context = known.baseline.defaults.context();
  for (const auto& [key, touch] : found.databases) {
    // Of a database's default charset nothing is known; what stands in it has been touched by itself.
    if (touch.created) {
      BINBUS_RETURN_IF_ERROR(
          catalog.apply("DROP DATABASE " + schema::quoted_identifier(touch.database), context));
    } else {
      catalog.put_database(touch.database, {});
    }
  }
  for (const auto& [key, touch] : found.tables) {
    if (touch.created) {
      const std::string name =
          schema::quoted_identifier(touch.database) + "." + schema::quoted_identifier(touch.table);
      BINBUS_RETURN_IF_ERROR(catalog.apply("DROP TABLE IF EXISTS " + name, context));
    } else {
      catalog.put_for_reread(
          touch.database, touch.table,
          "the schema history begins at " + text_of(later.at) + ", and this changed the table at " +
              text_of(touch.at) + ": " + touch.statement +
              "; rows before that need binlog_row_metadata=FULL. If this is not the past, `binbus "
              "schema rebuild` reads the table again");
    }
  }
  catalog.forget_sessions();
  known.place = {position, later.origin};
  return known;
}

Result<bool> SchemaHistory::go_on(Known& known, Position to, const std::stop_token& stop) {
  bool changed = false;
  if (known.place.at >= to) return changed;
  BINBUS_TRY(feed, DdlFeed::open(log_, known.place.at, known.baseline.defaults.context()));
  for (;;) {
    BINBUS_RETURN_IF_ERROR(check_stop(stop));
    BINBUS_TRY(event, feed.next(to));
    if (!event) break;
    if (event->restart) {
      known.baseline.catalog.forget_sessions();
      continue;
    }
    auto effect = known.baseline.catalog.apply(event->statement, event->context);
    if (!effect) {
      Error error = std::move(effect).error();
      error.message = text_of(event->at) + ": " + error.message +
                      ", in: " + schema::beginning_of(event->statement) +
                      "; `binbus schema rebuild` reads the tables again for what follows";
      return fail(std::move(error));
    }
    changed = changed || effect->relevant;
  }
  known.place.at = to;
  return changed;
}

Status SchemaHistory::mend(Known& known, Position position, const std::stop_token& stop) {
  std::vector<schema::TablePtr> unknown;
  known.baseline.catalog.for_each_table([&](const schema::TableState& state) {
    if (!state.reread.empty()) unknown.push_back(state.version);
    return true;
  });
  if (unknown.empty()) return ok();
  const auto places = log_.schemas();
  const auto later = std::ranges::find_if(places, [&](const store::SchemaPlace& place) {
    return place.at > position && place.at == place.origin;
  });
  if (later == places.end()) return ok();
  BINBUS_TRY(next, read(*later));
  auto found = touches(position, later->at, next.baseline.defaults, stop);
  // A statement that is not understood tells nothing: then nothing is taken.
  if (!found && found.error().code == Code::kUnsupported) return ok();
  BINBUS_RETURN_IF_ERROR(found);
  const bool folds = next.baseline.defaults.lower_case_table_names != 0;
  const auto key_of = [&](const std::string& name) { return folds ? schema::folded(name) : name; };
  for (const schema::TablePtr& table : unknown) {
    const std::string database_key = key_of(table->database);
    if (found->tables.contains({database_key, key_of(table->table)}) ||
        found->databases.contains(database_key)) {
      continue;
    }
    const schema::TableState state = next.baseline.catalog.table(table->database, table->table);
    if (state.version != nullptr && state.reread.empty())
      known.baseline.catalog.take_table(next.baseline.catalog, table->database, table->table);
  }
  return ok();
}

Result<schema::Catalog> SchemaHistory::at(Position position, const std::stop_token& stop) {
  BINBUS_TRY(known, start_for(position, stop));
  BINBUS_RETURN_IF_ERROR(go_on(known, position, stop));
  BINBUS_RETURN_IF_ERROR(mend(known, position, stop));
  return std::move(known.baseline.catalog);
}

Result<schema::Catalog> SchemaHistory::told_by_log(Position to,
                                                   const schema::SourceDefaults& defaults,
                                                   const std::stop_token& stop) {
  Known known;
  known.place = {{log_.size().oldest, 0}, to};
  known.baseline.defaults = defaults;
  known.baseline.catalog = schema::Catalog(defaults.lower_case_table_names);
  BINBUS_RETURN_IF_ERROR(go_on(known, to, stop));
  return std::move(known.baseline.catalog);
}

Result<StatementContext> SchemaHistory::facts(Position position) {
  const auto places = log_.schemas();
  if (places.empty()) return fail(Code::kNotFound, "the log has no schema baseline yet");
  BINBUS_TRY(known, read(place_for(places, position).value_or(places.front())));
  return known.baseline.defaults.context();
}

Result<schema::TableState> SchemaHistory::table(std::string_view database, std::string_view table,
                                                Position position) {
  BINBUS_TRY(catalog, at(position));
  return catalog.table(database, table);
}

Result<std::optional<SchemaHistory::SegmentStart>> SchemaHistory::missing_start(
    const std::stop_token& stop) {
  const auto places = log_.schemas();
  std::optional<Error> error;  // of the first that cannot be carried on, and of which baseline
  Position dead_end;
  for (const store::SegmentInfo& segment : log_.segments()) {
    const Position start{segment.number, 0};
    const auto place = place_for(places, start);
    if (!place || place->at == start || !reachable(place->at)) continue;
    if (error && place->at == dead_end) continue;
    BINBUS_TRY(known, read(*place));
    auto changed = go_on(known, start, stop);
    if (!changed && changed.error().code == Code::kUnsupported) {
      if (!error) error = std::move(changed).error();
      dead_end = place->at;
      continue;
    }
    BINBUS_RETURN_IF_ERROR(changed);
    SegmentStart found{{start, place->origin}, *changed, place->at, {}};
    if (*changed) found.encoded = known.baseline.encode();
    return std::optional<SegmentStart>(std::move(found));
  }
  if (error) return fail(std::move(*error));
  return std::optional<SegmentStart>{};
}

}  // namespace binbus::changes
