// Messages that a target took from nobody, and changes that could not be printed: a file of JSON lines that keeps them until
// somebody replays or removes them.
//
//   {"time":"2026-11-26T16:00:00.000Z","code":"limit","cause":"...","position":"binlog.000007:1234","after":CHECKPOINT,
//    "id":"shop:3e11fa47-...:23:0","topic":"shop","routing_key":"shop.orders","key":"orders","timestamp_ms":1700000000123,
//    "payload":"{...}"}
//
// `key` and `payload` that are not UTF-8 are `key_base64` and `payload_base64`. A payload of null: a tombstone. None: the change
// could not be printed, and a seek to before `position` is what delivers it again. `position` is left out where a target rejects
// when other messages are under way already; `id` tells the change, and `after` a checkpoint before it.
//
// Owner:  borrows the FileSystem.
// Thread: one.
#pragma once

#include <functional>
#include <memory>

#include "io/file.h"
#include "sink/target.h"

namespace binbus::sink {

struct DeadLetter {
  Rejection message;
  bool printed = true;  // false: there is no message, as the change could not be printed
  std::string position;
  Checkpoint after;
  uint64_t time_us = 0;
  uint64_t timestamp_ms = 0;
};

class DeadLetters {
 public:
  DeadLetters(io::FileSystem& files, std::string path);

  // Not durable before sync(). After an error the file is closed; what was not synced may be lost or cut.
  Status append(const DeadLetter& letter);
  Status sync();
  // Gives what is there to `send` in order, each id once, and `confirm` when all was sent; then forgets it. What cannot be sent
  // again stays. After an error, or a crash, all of it stays. Returns how many were sent.
  Result<uint64_t> replay(const std::function<Status(const DeadLetter&)>& send,
                          const std::function<Status()>& confirm);

 private:
  Status open();

  io::FileSystem& files_;
  const std::string path_;
  std::unique_ptr<io::File> file_;  // null: not open
  uint64_t size_ = 0;
  bool unsynced_ = false;
};

// One line, without its newline; for tests and who shows them.
std::string encode_dead_letter(const DeadLetter& letter);
Result<DeadLetter> decode_dead_letter(std::string_view line);

}  // namespace binbus::sink
