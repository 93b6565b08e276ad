// One connection to a source: from the greeting to the error that ends it.
//
// Owner:  borrows the destination and the clock.
// Thread: ingest's; shutdown() from any.
// Errors: all end the session; what was received until then is stored, durable where the destination still works.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <stop_token>

#include "ingest/dump_command.h"
#include "ingest/packet_reader.h"
#include "ingest/receiver.h"
#include "io/wake.h"

namespace binbus::ingest {

class Session {
 public:
  // Connects, looks at the source, and begins the dump. Blocks for some round trips, each at most the options' timeout.
  static Result<std::unique_ptr<Session>> open(const IngestOptions& options,
                                               const std::string& address,
                                               const ReplicaIdentity& identity,
                                               Destination& destination, const Past& past);
  // For tests: a dump that comes from any stream.
  Session(std::unique_ptr<io::Stream> stream, const SourceFacts& facts, const DumpPlan& plan,
          Destination& destination, uint32_t silence_ms);

  // Receives until something ends it; that is the error returned, kStopped when asked to stop. `on_progress` is called
  // after every batch.
  Status run(const std::stop_token& stop, const std::function<void()>& on_progress);
  void shutdown() { stream_->shutdown(); }
  // Any thread: has Destination::settled() called soon, though nothing comes.
  void wake() { wake_.wake(); }
  // Tells the source, over a connection of its own, to end the dump: by itself it would notice only with its next event or
  // heartbeat that nobody reads. Takes a second or two at most; what fails is left to the source.
  void leave(mysql::ConnectOptions connect) const;
  // Of a semi-sync replica of MySQL's: reads on, and neither stores nor acknowledges anything, for who comes after us to end the
  // connection, see end_predecessor; had it ended before that, the source would look for the next one a second later. Until the source
  // or shutdown() has ended it (true), two seconds have passed, or goes_on() says that nobody comes.
  bool stay(const std::function<bool()>& goes_on);

  const SourceFacts& facts() const { return facts_; }
  const DumpPlan& plan() const { return plan_; }
  const Receiver& receiver() const { return receiver_; }
  const std::string& tls() const { return tls_; }  // "TLSv1.3"; "" without
  bool semi_sync() const { return reader_.semi_sync(); }
  uint64_t acks() const { return acks_; }

 private:
  // Takes apart and appends what was received.
  Status take_received();
  // Of what was appended.
  Status begin_sync();
  // Makes all of it durable and acknowledges it.
  Status settle();
  void note_ack();
  // What is durable by now.
  Status acknowledge();

  struct AckDue {
    binlog::Position end;  // in the destination
    SourcePlace ack;
  };

  std::unique_ptr<io::Stream> stream_;
  io::Wake wake_;
  SourceFacts facts_;
  DumpPlan plan_;
  Destination& destination_;
  Receiver receiver_;
  PacketReader reader_;
  const int silence_ms_;
  uint64_t connection_id_ = 0;  // at the source
  std::string tls_;
  // Of receiver_.counts().bytes.
  uint64_t begun_ = 0;    // durable, or on their way
  uint64_t settled_ = 0;  // durable
  std::deque<AckDue> acks_due_;
  uint64_t acks_ = 0;
};

}  // namespace binbus::ingest
