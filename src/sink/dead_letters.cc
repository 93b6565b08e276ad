#include "sink/dead_letters.h"

#include <openssl/evp.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "base/error_table.h"
#include "format/json_output.h"
#include "io/durable_file.h"
#include "schema/utf8.h"

namespace binbus::sink {
namespace {

using nlohmann::json;

constexpr size_t kBlockBytes = 64 * 1024;

std::string time_text(uint64_t time_us) {
  const auto seconds = static_cast<std::time_t>(time_us / 1'000'000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const size_t size = std::strftime(text, sizeof text, "%FT%T", &parts);
  std::string millis = std::to_string(time_us / 1000 % 1000);
  millis.insert(0, 3 - millis.size(), '0');
  return std::string(text, size) + "." + millis + "Z";
}

// Sets `name`, or `name`_base64 for what JSON cannot hold.
void set_text(json& out, const std::string& name, const std::string& text) {
  if (schema::is_valid_utf8(as_bytes(text), 4)) {
    out[name] = text;
    return;
  }
  std::string encoded;
  format::append_base64(encoded, as_bytes(text));
  out[name + "_base64"] = encoded;
}

std::string decode_base64(const std::string& text) {
  std::string out(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  out.resize(size < 0 ? 0 : static_cast<size_t>(size) - padding);
  return out;
}

std::string get_text(const json& in, const std::string& name) {
  const auto encoded = in.find(name + "_base64");
  if (encoded != in.end()) return decode_base64(encoded->get<std::string>());
  return in.value(name, "");
}

// Where the last whole line ends.
Result<uint64_t> end_of_lines(const io::File& file) {
  BINBUS_TRY(size, file.size());
  std::vector<uint8_t> block(kBlockBytes);
  for (uint64_t end = size; end > 0;) {
    const uint64_t begin = end - std::min<uint64_t>(end, kBlockBytes);
    BINBUS_TRY(read, file.read_at(begin, std::span(block).first(end - begin)));
    const size_t newline = as_text(Bytes(block).first(read)).rfind('\n');
    if (newline != std::string_view::npos) return begin + newline + 1;
    end = begin;
  }
  return uint64_t{0};
}

// Calls `take` with every whole line.
Status for_each_line(const io::File& file, const std::function<Status(std::string_view)>& take) {
  std::string text;  // not yet taken
  std::vector<uint8_t> block(kBlockBytes);
  for (uint64_t offset = 0;;) {
    BINBUS_TRY(read, file.read_at(offset, block));
    if (read == 0) return ok();
    offset += read;
    size_t searched = text.size();
    text += as_text(Bytes(block).first(read));
    size_t begin = 0;
    for (size_t end; (end = text.find('\n', searched)) != std::string::npos;) {
      BINBUS_RETURN_IF_ERROR(take(std::string_view(text).substr(begin, end - begin)));
      searched = begin = end + 1;
    }
    text.erase(0, begin);
  }
}

}  // namespace

std::string encode_dead_letter(const DeadLetter& letter) {
  const Rejection& message = letter.message;
  json out = {{"time", time_text(letter.time_us)}, {"code", code_name(message.error.code)}};
  set_text(out, "cause", message.error.message);
  if (!letter.position.empty()) set_text(out, "position", letter.position);
  set_text(out, "after", letter.after);
  set_text(out, "id", message.id);
  set_text(out, "topic", message.topic);
  set_text(out, "routing_key", message.routing_key);
  set_text(out, "key", message.key);
  out["timestamp_ms"] = letter.timestamp_ms;
  if (letter.printed && message.payload) set_text(out, "payload", *message.payload);
  if (letter.printed && !message.payload) out["payload"] = nullptr;
  return out.dump();
}

Result<DeadLetter> decode_dead_letter(std::string_view line) {
  try {
    const json in = json::parse(line);
    DeadLetter out;
    out.message.error = {Code::kRemote, get_text(in, "cause")};
    out.position = get_text(in, "position");
    out.after = get_text(in, "after");
    out.message.id = get_text(in, "id");
    out.message.topic = get_text(in, "topic");
    out.message.routing_key = get_text(in, "routing_key");
    out.message.key = get_text(in, "key");
    out.timestamp_ms = in.value("timestamp_ms", uint64_t{0});
    out.printed = in.contains("payload") || in.contains("payload_base64");
    if (out.printed && !(in.contains("payload") && in["payload"].is_null())) {
      out.message.payload = get_text(in, "payload");
    }
    return out;
  } catch (const json::exception& error) {
    return fail(Code::kCorrupt, std::string("dead letter: ") + error.what());
  }
}

DeadLetters::DeadLetters(io::FileSystem& files, std::string path)
    : files_(files), path_(std::move(path)) {}

Status DeadLetters::open() {
  if (file_ != nullptr) return ok();
  const bool there = files_.exists(path_);
  BINBUS_TRY(file, files_.open(path_, there ? io::OpenMode::kWrite : io::OpenMode::kCreateNew));
  if (!there) BINBUS_RETURN_IF_ERROR(files_.sync_directory(io::folder_of(path_)));
  // A line cut by a crash was never synced, and its message is sent again.
  BINBUS_TRY(end, end_of_lines(*file));
  BINBUS_RETURN_IF_ERROR(file->truncate(end));
  size_ = end;
  file_ = std::move(file);
  return ok();
}

Status DeadLetters::append(const DeadLetter& letter) {
  BINBUS_RETURN_IF_ERROR(open());
  const std::string line = encode_dead_letter(letter) + "\n";
  if (Status written = file_->write_at(size_, as_bytes(line)); !written) {
    file_.reset();  // opened again, the torn line is cut
    return written;
  }
  size_ += line.size();
  unsynced_ = true;
  return ok();
}

Status DeadLetters::sync() {
  if (!unsynced_) return ok();
  if (file_ == nullptr) return fail(Code::kIo, path_ + " was lost before it was synced");
  Status synced = file_->sync();
  if (!synced) file_.reset();
  unsynced_ = false;
  return synced;
}

Result<uint64_t> DeadLetters::replay(const std::function<Status(const DeadLetter&)>& send,
                                     const std::function<Status()>& confirm) {
  // What is rejected meanwhile goes to a new file. A file set aside before a crash comes first.
  const std::string aside = path_ + ".replaying";
  if (!files_.exists(aside)) {
    if (!files_.exists(path_)) return uint64_t{0};
    BINBUS_RETURN_IF_ERROR(sync());
    file_.reset();
    BINBUS_RETURN_IF_ERROR(files_.rename(path_, aside));
    BINBUS_RETURN_IF_ERROR(files_.sync_directory(io::folder_of(path_)));
  }
  std::set<std::string> seen;
  uint64_t sent = 0;
  const auto take = [&](std::string_view line) -> Status {
    BINBUS_TRY(letter, decode_dead_letter(line));
    if (!seen.insert(letter.message.id).second) return ok();
    if (!letter.printed) return append(letter);
    ++sent;
    return send(letter);
  };
  {
    BINBUS_TRY(file, files_.open(aside, io::OpenMode::kRead));
    BINBUS_RETURN_IF_ERROR(for_each_line(*file, take));
  }
  BINBUS_RETURN_IF_ERROR(confirm());
  BINBUS_RETURN_IF_ERROR(sync());
  BINBUS_RETURN_IF_ERROR(files_.remove(aside));
  BINBUS_RETURN_IF_ERROR(files_.sync_directory(io::folder_of(path_)));
  return sent;
}

}  // namespace binbus::sink
