// A stream's kept tables at work: one thread that follows the log, has tables filled from the source, and shows what is there.
//
// What cannot be done now is tried again, with the reason in status(). A damaged store, and one whose place is no longer in the log,
// are begun anew, and the log says so.
//
// Owner:  owns the store and the cursor in the log; borrows log and clock.
// Thread: its own, "state"; public functions from any.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "base/backoff.h"
#include "changes/log_changes.h"
#include "state/applier.h"
#include "state/fill.h"
#include "state/kept_tables.h"
#include "state/snapshot_maker.h"
#include "state/verifier.h"

namespace binbus::state {

struct KeeperOptions {
  std::string stream;
  StoreOptions store;
  FillOptions fill;
  SnapshotOptions snapshots = {};
  bool fill_images = false;  // whole images are kept of changes of which the log has a part
};

struct KeeperSurroundings {
  store::Log& log;
  io::FileSystem& files;
  io::Clock& clock;
  changes::SchemaAt schema_at;
  std::function<void()> on_diverged;  // see changes::LogChanges
  changes::WantsTable wants;          // which tables are kept; from any thread
  SourceAccess source;
};

class TableKeeper final : public KeptTables {
 public:
  TableKeeper(KeeperOptions options, KeeperSurroundings around);
  ~TableKeeper() override;
  void start();
  void stop();  // may be called twice

  KeeperStatus status() const override;
  bool keeps(std::string_view database, std::string_view table) const override {
    return around_.wants(database, table);
  }
  std::shared_ptr<const TablesView> view() const override;
  changes::FillRow filler() const override;
  // The segment from which on it still needs the log.
  uint64_t needs_from() const;

  // Keeps the rows on disk as they are soon: see SnapshotMaker.
  Result<SnapshotInfo> make_snapshot(const std::string& purpose);

  // Of the table, "DATABASE.TABLE", or of all for "". kNotFound when there is none of that name. Done soon after the return.
  // fill_anew() of all begins at the log's end, wherever it was held up.
  Status pause(const std::string& table);
  Status resume(const std::string& table);
  Status fill_anew(const std::string& table);
  // Ends the reading of tables that are being filled; they are not kept until fill_anew(). kInvalid: none is.
  Status cancel(const std::string& table);
  // `wants` wants other tables now: those that are new are filled, and what is not wanted goes. Done soon after the return.
  void list_anew();

  // Compares rows with the source's, beginning soon. It ends with the keeper, and with an error when the rows are opened again.
  // kExists while another one is under way.
  Status verify(std::shared_ptr<Verification> run);

 private:
  struct Request {
    enum class Kind : uint8_t { kPause, kResume, kFillAnew, kCancel, kListAnew } kind;
    std::string table;
  };

  void run(const std::stop_token& stop);
  Status open();
  Status open_store();
  void let_go();  // of what is open
  Status session(const std::stop_token& stop);
  Status begin();
  bool begins_anew();
  bool take_request(Request::Kind kind);
  void list_tables(const schema::Catalog& catalog);
  Status take_requests(Applier& applier, const std::stop_token& stop);
  void wake();
  bool is_cancelled(const std::string& table) const;
  void cancel(Tables::Table& table);
  Status ask(Request::Kind kind, const std::string& table);
  Result<bool> follow(Applier& applier, const std::stop_token& stop);
  Result<bool> follow_or_wait(Applier& applier, const std::stop_token& stop);
  Status follow_to(Applier& applier, Position to, const std::stop_token& stop);
  Status fill_some(Applier& applier, const std::stop_token& stop);
  Status verify_some(Applier& applier, const std::stop_token& stop);
  void begin_verification();
  void end_verification(const std::string& error);
  Status commit();
  bool is_right() const;
  Status make_snapshots();
  void show();
  Status fill_row(schema::Change& row, ImageReader& reader, std::string& images,
                  const std::stop_token& stop) const;
  Result<std::shared_ptr<const StoreView>> images_behind(Position at,
                                                         const std::stop_token& stop) const;
  void set_reason(std::string reason);
  void wait_ms(uint64_t ms, const std::stop_token& stop);

  const KeeperOptions options_;
  const KeeperSurroundings around_;
  SnapshotMaker snapshots_;

  // Of the thread.
  std::unique_ptr<Tables> tables_;
  SourcePace pace_;
  std::unique_ptr<Fill> fill_;
  std::unique_ptr<Verifier> verifier_;
  std::unique_ptr<changes::LogChanges> changes_;
  Backoff backoff_;
  bool damaged_ = false;  // the store, which is to be removed
  bool caught_up_ = false;
  uint64_t committed_us_ = 0;  // monotonic
  uint64_t synced_us_ = 0;     // the same
  uint64_t read_us_ = 0;       // the same: when rows of the source were read last
  uint64_t read_took_us_ = 0;
  uint64_t images_from_ = 0;  // segment: those before it are forgotten

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  mutable std::condition_variable_any moved_;  // to another place
  KeeperStatus shown_;                         // guarded by mutex_
  std::shared_ptr<const TablesView> view_;     // guarded by mutex_
  std::shared_ptr<const StoreView> images_;    // the same: as of shown_.place; null: none are kept
  uint64_t needs_from_ = 0;                    // guarded by mutex_
  std::vector<Request> requests_;              // guarded by mutex_
  bool asked_ = false;                         // the same: something new is in them
  std::stop_source woken_;                     // the same: ends the wait for the log
  // Guarded by mutex_: the one under way, or that was asked for last; whether it is still to be begun.
  std::shared_ptr<Verification> verification_;
  bool verification_asked_ = false;
  std::jthread thread_;
};

}  // namespace binbus::state
