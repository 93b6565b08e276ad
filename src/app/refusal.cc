#include "app/refusal.h"

#include "base/error_table.h"

namespace binbus::app {
namespace {

constexpr int kWriteTimeoutMs = 1000;

// An ERR packet in place of the greeting: no SQL state before the client has said that it knows
// them.
ByteVector error_packet(const std::string& reason) {
  const uint16_t number = error_row(Code::kCorrupt).mysql_errno;
  const ByteVector payload = ByteWriter().u8(0xff).u16(number).text("binbus: ").text(reason).take();
  return ByteWriter().integer<3>(payload.size()).u8(0).bytes(payload).take();
}

}  // namespace

Result<std::unique_ptr<Refusal>> Refusal::open(const std::string& address,
                                               const std::string& reason) {
  BINBUS_TRY(listener, io::Listener::open(address));
  return std::unique_ptr<Refusal>(new Refusal(std::move(listener), error_packet(reason)));
}

Refusal::Refusal(std::unique_ptr<io::Listener> listener, ByteVector packet)
    : listener_(std::move(listener)), packet_(std::move(packet)), thread_([this] { run(); }) {}

Refusal::~Refusal() { listener_->stop(); }

void Refusal::run() {
  while (auto client = listener_->accept()) {
    (*client)->set_write_timeout(kWriteTimeoutMs);
    (void)(*client)->write_all(packet_);  // who does not take it learns nothing, and that is all
  }
}

}  // namespace binbus::app
