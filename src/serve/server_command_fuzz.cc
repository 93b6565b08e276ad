// What a client that is logged in can send: dump requests, registrations, statements.
#include "io/simulated_disk.h"
#include "serve/dump_request.h"
#include "serve/queries.h"
#include "store/local_log.h"

namespace {

using namespace binbus;

class NoServer final : public serve::ServerActions {
 public:
  std::vector<serve::ReplicaStatus> replicas() const override { return {}; }
  bool kill(uint32_t, const std::string&) override { return false; }
};

struct Fixture {
  io::SimulatedDisk disk;
  std::unique_ptr<store::LocalLog> log;
  serve::ServerOptions options;
  serve::Catalog catalog;
  Fixture()
      : log(store::LocalLog::open(disk, io::system_clock(), {.directory = "/log"}, nullptr)
                .value()),
        catalog(options, *log, [] {
          return serve::SourceFacts{.version = "9.7.0", .gtid_mode = "ON", .variables = {}};
        }) {}
};

}  // namespace

// The first byte is the command, as in a packet.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Fixture fixture;
  if (size == 0) return 0;
  const auto command = static_cast<mysql::Command>(data[0]);
  const Bytes payload(data + 1, size - 1);
  if (command == mysql::Command::kQuery) {
    NoServer server;
    serve::SessionState session;
    serve::run_query(as_text(payload), session, fixture.catalog, server, io::system_clock());
    const serve::ReaderTraits traits = serve::ReaderTraits::of(session, fixture.options);
    if (traits.connect_state) (void)mysql::MariadbGtidSet::parse(*traits.connect_state);
  } else if (command == mysql::Command::kRegisterSlave) {
    (void)serve::Registration::parse(payload);
  } else {
    (void)serve::DumpRequest::parse(command, payload);
  }
  return 0;
}
