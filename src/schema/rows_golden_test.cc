// Every row of the golden binlog files, against the reviewed listing NAME.rows beside each (BINBUS_UPDATE_GOLDEN=1 writes
// them anew).
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "schema/row_reader.h"
#include "schema/transaction_payload.h"

namespace binbus::schema {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = "tests/golden/binlog";

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string printed(const Field& field) {
  if (field.state == Field::State::kNull) return "NULL";
  std::string text;
  const Status done = field.state == Field::State::kPartial ? ok() : append_text(text, field);
  if (!done) return "error: " + done.error().message;
  return text.size() > 60 ? text.substr(0, 20) + "... of " + std::to_string(text.size()) : text;
}

class Listing {
 public:
  std::string of(const std::string& file) {
    const Bytes bytes = as_bytes(file);
    for (size_t at = binlog::kMagic.size(); at < bytes.size();) {
      const binlog::EventHeader header = binlog::parse_header(bytes.data() + at);
      at_ = at;
      take_stored(bytes.subspan(at, header.size));
      at += header.size;
    }
    return out_.str();
  }

 private:
  void take_stored(Bytes event) {
    if (event[4] == binlog::kFormatDescriptionEvent)
      format_ = binlog::parse_format_description(event).value();
    const bool checksummed = format_.checksum == binlog::Checksum::kCrc32;
    take(event.first(event.size() - (checksummed ? binlog::kChecksumBytes : 0)));
  }

  void take(Bytes event) {
    Status status;
    if (event[4] == binlog::kTableMapEvent) status = take_map(event);
    if (event[4] == binlog::kTransactionPayloadEvent) status = take_payload(event);
    if (is_rows_event(event[4])) status = take_rows(event);
    if (!status) out_ << at_ << " error: " << status.error().message << '\n';
  }

  Status take_map(Bytes event) {
    BINBUS_TRY(map, parse_table_map(event, format_));
    BINBUS_TRY(version, describe(map));
    for (size_t i = 0; i < version.columns.size(); ++i) {
      if (version.columns[i].name.empty()) version.columns[i].name = '@' + std::to_string(i + 1);
    }
    BINBUS_TRY(layout, RowLayout::make(map, std::make_shared<const TableVersion>(version)));
    layouts_[map.table_id] = std::move(layout);
    return ok();
  }

  Status take_payload(Bytes event) {
    BINBUS_TRY(head, parse_transaction_payload(event));
    PayloadReader reader(head, event.size() * 1000);
    reader.feed(event.subspan(head.payload_at));
    while (true) {
      BINBUS_TRY(inner, reader.next());
      if (!inner) return reader.check_ended();
      take(*inner);
    }
  }

  Status take_rows(Bytes event) {
    static constexpr const char* kOperations[] = {"insert", "update", "delete"};
    BINBUS_TRY(head, parse_rows_head(event, format_));
    if (head.is_dummy()) return ok();
    const RowLayout& layout = layouts_.at(head.table_id);
    BINBUS_RETURN_IF_ERROR(reader_.open(layout, head, event));
    while (true) {
      BINBUS_TRY(more, reader_.next());
      if (!more) return ok();
      out_ << at_ << ' ' << kOperations[static_cast<size_t>(reader_.operation())] << ' '
           << layout.table()->database << '.' << layout.table()->table;
      for (const auto fields : {reader_.before(), reader_.after()}) print(fields);
      out_ << '\n';
    }
  }

  void print(std::span<const Field> fields) {
    if (fields.empty()) return;
    out_ << " {";
    const char* separator = "";
    for (const Field& field : fields) {
      if (field.state == Field::State::kAbsent) continue;
      out_ << separator << field.column->name << '=' << printed(field);
      separator = ", ";
    }
    out_ << '}';
  }

  std::ostringstream out_;
  uint64_t at_ = 0;
  binlog::FormatDescription format_;
  std::map<uint64_t, RowLayout> layouts_;
  RowReader reader_;
};

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".binlog") names.push_back(entry.path().stem());
  }
  return names;
}

class GoldenRows : public testing::TestWithParam<std::string> {};

TEST_P(GoldenRows, AreAsReviewed) {
  const std::string now = Listing().of(read_file(kFolder / (GetParam() + ".binlog")));
  const fs::path path = kFolder / (GetParam() + ".rows");
  if (std::getenv("BINBUS_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << now;
  EXPECT_EQ(now, read_file(path));
  EXPECT_EQ(now.find("error"), now.npos);
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenRows, testing::ValuesIn(golden_names()),
                         [](const auto& test) {
                           std::string name = test.param;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace binbus::schema
