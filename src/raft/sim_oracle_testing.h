// What must hold in a group whatever happens, watched from outside: Raft's promises, and the log's.
#pragma once

#include <deque>

#include "raft/sim_cluster_testing.h"
#include "store/log_testing.h"

namespace binbus::raft {

using store::MadeFile;
using store::Position;

// What a source's files hold; segment n of the log is files[n - 1].
using SimSource = std::vector<MadeFile>;

class SimOracle {
 public:
  SimOracle(SimCluster& cluster, std::shared_ptr<const SimSource> source);

  // After a start, and after each round.
  void started(SimNode& node);
  void ended(SimNode& node);
  void check();
  void check(SimNode& node);
  // Two nodes that should have all have the same.
  void check_same(SimNode& a, SimNode& b);

  // The source as it is in the log up to there, whatever others it had.
  std::shared_ptr<const SimSource> source_at(Position end) const;
  void add_source(std::shared_ptr<const SimSource> source) { sources_.push_back(source); }

  // What writers were told to be done, in that term; what they tried.
  void acknowledge(uint64_t term, Position end);
  void tried_cursor(const std::string& name, uint64_t value);
  void acknowledge_cursor(uint64_t term, const std::string& name, uint64_t value);
  void tried_schema(Position at, const ByteVector& bytes);
  void acknowledge_schema(uint64_t term, Position at, const ByteVector& bytes);

  void leave_reader(SimNode& node) {
    watched_[node.id].reader.reset(), watched_[node.id].seen = {};
  }
  Position promised() const { return promised_; }

 private:
  struct Watched {
    uint64_t entries = 0;  // the committed ones that were looked at
    uint64_t last = 0, last_term = 0, commit = 0;
    Position visible;
    std::unique_ptr<store::LogReader> reader;
    Position seen;                  // by the reader
    uint64_t leading = 0, led = 0;  // the term in which it does, and the last in which it did
    uint64_t sent_term = 0;
    std::map<uint64_t, NodeId> votes;  // by term
  };
  struct Cursor {
    std::set<uint64_t> tried;
    uint64_t least = 0;  // that was acknowledged
  };
  struct Schema {
    std::vector<ByteVector> tried;
    size_t least = 0;  // of tried, that was acknowledged
    bool acknowledged = false;
  };

  void wrong(SimNode& node, const std::string& what);
  void sent(SimNode& node, const Message& message);
  void check_epoch(SimNode& node, Watched& watched);
  void check_entries(SimNode& node, Watched& watched);
  void check_visible(SimNode& node, Watched& watched);
  void check_promises(SimNode& node);
  void follow(SimNode& node, Watched& watched);
  void extend(SimNode& node, Position to);
  bool agrees(SimNode& node, const SimSource& source, Position from, Position to);
  mysql::Executed executed_at(Position end) const;

  SimCluster& cluster_;
  std::deque<std::shared_ptr<const SimSource>> sources_;
  std::shared_ptr<const SimSource> truth_;  // the one that the log has, up to truth_end_
  Position truth_end_;
  std::map<NodeId, Watched> watched_;
  std::map<uint64_t, NodeId> leaders_;                             // by term
  std::set<uint64_t> epochs_;                                      // terms that were written in
  std::map<std::pair<uint64_t, uint64_t>, store::Entry> entries_;  // by index and term
  std::map<uint64_t, uint64_t> committed_;                         // terms by index
  std::map<uint64_t, std::string> states_;                         // by commit index
  Position promised_;
  uint64_t promised_term_ = 0;
  std::map<std::string, Cursor> cursors_;
  std::map<Position, Schema> schemas_;
};

}  // namespace binbus::raft
