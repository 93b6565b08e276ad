// What librdkafka's errors mean: whose fault, which code, which mend. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

struct rd_kafka_error_s;

namespace binbus::sink::kafka {

enum class Scope : uint8_t {
  kTarget,  // nothing can be delivered
  kTopic,   // nothing can be delivered to this topic
  kBatch,   // one message of the batch is refused, and the whole batch with it
};

// `error`: an rd_kafka_resp_err_t.
Scope scope_of(int error);
Code code_of(int error);
// "WHERE: librdkafka's words (its name): the mend". `words` "": the error's usual ones.
Error describe(int error, const std::string& where, const std::string& words = "");

}  // namespace binbus::sink::kafka
