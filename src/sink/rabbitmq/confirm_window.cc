#include "sink/rabbitmq/confirm_window.h"

namespace binbus::sink::rabbitmq {

void ConfirmWindow::published(uint32_t bytes) {
  sent_.push_back({bytes, false});
  ++count_;
  bytes_ += bytes;
}

void ConfirmWindow::confirmed(uint64_t tag, bool multiple) {
  if (tag < first_tag_ || tag >= first_tag_ + sent_.size()) return;
  const uint64_t index = tag - first_tag_;
  for (uint64_t i = multiple ? 0 : index; i <= index; ++i) confirm(sent_[i]);
  while (!sent_.empty() && sent_.front().confirmed) {
    sent_.pop_front();
    ++first_tag_;
  }
}

void ConfirmWindow::confirm(Sent& sent) {
  if (sent.confirmed) return;
  sent.confirmed = true;
  --count_;
  bytes_ -= sent.bytes;
}

}  // namespace binbus::sink::rabbitmq
