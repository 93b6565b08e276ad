// What a source's errors mean to ingest: which are worth another try, where, and what mends the others. One table.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace binbus::ingest {

enum class Next : uint8_t {
  kRetry,      // the same source, after a backoff
  kElsewhere,  // another candidate; this one again after a minute, since it may be mended there
  kOperator    // somebody must act; a look now and then does not change that
};
Next next_after(const Error& error);
std::string_view next_name(Next next);  // "retry", "elsewhere", "operator"

// What messages name.
struct ErrorContext {
  std::string address;
  std::string user;
  std::string ca;          // "": none
  uint32_t server_id = 0;  // ours
};
// Gives an error that came from the source its Code, says where it came from, and adds how to mend it.
Error explain(Error error, const ErrorContext& context);

// Whether another replica shows the source our server_id or server UUID.
bool is_identity_clash(const Error& error);
// Whether the source's file ends within an event.
bool is_torn_file(const Error& error);

}  // namespace binbus::ingest
