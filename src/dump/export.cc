#include "dump/export.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "dump/row_text.h"

namespace binbus::dump {
namespace {

constexpr size_t kTextBytes = 256 << 10;  // as much is written at once

class PartWriter {
 public:
  PartWriter(ExportTarget& target, const state::TablesView& view, const std::atomic<bool>& stop)
      : target_(target), view_(view), stop_(stop) {}

  Status write(const Part& part) const {
    const Plan& plan = *target_.plan();
    const auto table = std::ranges::find(*view_.tables, part.table, &state::TableRecord::full_name);
    if (table == view_.tables->end())
      return fail(Code::kCorrupt, "the snapshot has no table " + part.table);
    BINBUS_TRY(text, make_row_text(plan.format, {plan.stream, view_.place, table->table}));
    BINBUS_TRY(sink, target_.open_part(part));
    BINBUS_TRY(rows, write_rows(part, *table, *text, *sink));
    return sink->done(rows);
  }

 private:
  Result<uint64_t> write_rows(const Part& part, const state::TableRecord& table, RowText& text,
                              PartSink& sink) const {
    state::RowReader reader = view_.reader(table);
    const auto at = view_.store->iterate(part.from, part.to);
    std::string out;
    uint64_t rows = 0;
    text.begin(out);
    for (; at->valid(); at->next()) {
      if (stop_) return fail(Code::kStopped, "another part could not be written");
      BINBUS_TRY(row, reader.read(at->value()));
      BINBUS_RETURN_IF_ERROR(text.add(out, row.fields, row.count));
      rows += row.count;
      if (out.size() < kTextBytes) continue;
      BINBUS_RETURN_IF_ERROR(sink.write(out));
      out.clear();
    }
    BINBUS_RETURN_IF_ERROR(at->status());
    text.end(out);
    BINBUS_RETURN_IF_ERROR(sink.write(out));
    return rows;
  }

  ExportTarget& target_;
  const state::TablesView& view_;
  const std::atomic<bool>& stop_;
};

}  // namespace

Status write_parts(ExportTarget& target, const state::TablesView& view, uint64_t threads,
                   const OnPart& on_part) {
  std::vector<const Part*> left;
  for (const Part& part : target.plan()->parts) {
    if (!target.is_done(part)) left.push_back(&part);
  }
  std::atomic<size_t> next = 0;
  std::atomic<bool> stop = false;
  std::mutex mutex;
  Status result = ok();  // guarded by mutex
  const PartWriter writer(target, view, stop);
  const auto work = [&] {
    ::pthread_setname_np(::pthread_self(), "export");
    for (size_t i = next++; i < left.size() && !stop; i = next++) {
      const Status written = writer.write(*left[i]);
      const std::lock_guard lock(mutex);
      if (written) {
        on_part(*left[i]);
      } else if (!stop.exchange(true)) {
        result = fail_in(target.name() + "/" + left[i]->file, written.error());
      }
    }
  };
  std::vector<std::jthread> workers;
  for (uint64_t i = 0; i < threads; ++i) workers.emplace_back(work);
  workers.clear();
  return result;
}

}  // namespace binbus::dump
