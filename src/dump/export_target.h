// Where an export goes, and what is kept there of how far it is, so that one that was broken off goes on.
//
// Thread: open_part() and its parts any; the rest one.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "dump/plan.h"

namespace binbus::dump {

// Takes the text of a part. One that is let go of before done() leaves nothing of it that counts.
class PartSink {
 public:
  virtual ~PartSink() = default;
  virtual Status write(std::string_view text) = 0;
  // All was written. Durable on return, and is_done() from then on.
  virtual Status done(uint64_t rows) = 0;
};

class ExportTarget {
 public:
  virtual ~ExportTarget() = default;
  ExportTarget(const ExportTarget&) = delete;

  const std::string& name() const { return name_; }  // for users: a folder, mysql://...
  // Of an export that was broken off; none: nothing was begun.
  const std::optional<Plan>& plan() const { return plan_; }
  virtual Status begin(Plan plan) = 0;
  bool is_done(const Part& part) const { return done_.contains(part.file); }
  const PartsDone& done() const { return done_; }  // not while parts are written
  virtual Result<std::unique_ptr<PartSink>> open_part(const Part& part) = 0;
  virtual Status finish(const std::string& manifest) = 0;

 protected:
  explicit ExportTarget(std::string name) : name_(std::move(name)) {}

  const std::string name_;
  std::optional<Plan> plan_;
  std::mutex mutex_;
  PartsDone done_;  // guarded by mutex_ while parts are written
};

}  // namespace binbus::dump
