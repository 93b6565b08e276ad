#include "call.h"

namespace binbus {

void Call::begin(feed::v1::Feed::Stub& stub) {
  stub.async()->Subscribe(&context_, this);
  AddHold();  // a write that send() begins must not come behind the end
  StartWrite(&request_);
  StartRead(&response_);
  StartCall();
}

void Call::send() {
  {
    const std::lock_guard lock(mutex_);
    if (ended_ || writing_) return;
    request_.Clear();
    if (!user_.to_send(request_)) return;
    writing_ = true;
  }
  StartWrite(&request_);
}

void Call::OnReadDone(bool got) {
  if (got) {
    user_.received(response_);
    StartRead(&response_);
    return;
  }
  bool last = false;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    last = !writing_;
  }
  if (last) RemoveHold();
}

void Call::OnWriteDone(bool done) {
  bool last = false;
  {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    last = ended_;
  }
  if (last) {
    RemoveHold();
  } else if (done) {
    send();
  }
}

}  // namespace binbus
